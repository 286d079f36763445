"""What a report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from modelyard.images.reports.pictures import Picture


class Mood(Enum):
    """How a notice is meant."""

    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


@dataclass(frozen=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True)
class Sentence:
    """Plain text, a paragraph."""

    text: str


@dataclass(frozen=True)
class Notice:
    """A sentence that must not be missed."""

    text: str
    mood: Mood = Mood.PLAIN


@dataclass(frozen=True)
class Table:
    """Rows of texts; a column whose cells are numbers is set to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A picture with a line below it."""

    picture: Picture
    caption: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures beside each other, two in a row."""

    figures: Sequence[Figure]


Block = Heading | Sentence | Notice | Table | Gallery


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole report."""

    title: str
    lead: str  # the most important sentence
    details: Sequence[tuple[str, str]] = ()  # a name and a value each: when, where, of what
    blocks: Sequence[Block] = field(default_factory=tuple)


def right_aligned(table: Table) -> list[bool]:
    """Return for each column whether all its cells are numbers, or nothing."""
    return [
        all(_is_number(row[index]) for row in table.rows) and bool(table.rows)
        for index in range(len(table.header))
    ]


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip("%").replace(" ", "") or "0")
    except ValueError:
        return text in ("–", "-", "NaN")
    return True
