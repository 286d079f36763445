"""What the columns of a table are: numbers, categories, dates, texts, or nothing to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

Kind = Literal["numeric", "category", "date", "text", "dropped"]

#: Formats of dates that are looked for, in this order; the first that nearly all texts have.
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y",
)
#: A column is what this share of its texts can be read as; the others count as missing.
NEARLY_ALL = 0.98
_MOST_CATEGORIES = 1000
_TOP = 10


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column, described."""

    name: str
    kind: Kind
    why: str  # a sentence on how the kind was found
    rows: int
    missing: int  # texts that are not there
    unreadable: int = 0  # texts that are there, and are not of the kind
    distinct: int = 0
    format: str = ""  # of dates
    numbers: Mapping[str, float] = field(default_factory=dict)  # min, mean, …; of numbers
    top: Sequence[tuple[str, int]] = ()  # the most frequent texts, and how often they are there


def describe(texts: pl.Series, *, told: Kind | None = None) -> Column:
    """Return what a column is.

    Args:
        texts: of type Utf8, null where a value is missing.
        told: the kind, where the user says it.
    """
    present = texts.drop_nulls()
    distinct = present.n_unique()
    found = _kind(present, distinct, told)
    readable = present.len() if found.values is None else found.values.drop_nulls().len()
    return Column(
        name=texts.name,
        kind=found.kind,
        why=found.why,
        rows=texts.len(),
        missing=texts.null_count(),
        unreadable=present.len() - readable,
        distinct=distinct,
        format=found.format,
        numbers=_numbers(found.values) if found.kind == "numeric" else {},
        top=_top(present),
    )


def numbers_of(texts: pl.Series) -> pl.Series:
    """Return texts as finite numbers; null where a text is none."""
    values = texts.cast(pl.Float64, strict=False)
    return values.set(~values.is_finite(), None)


def dates_of(texts: pl.Series, format_: str) -> pl.Series:
    """Return texts as moments; null where a text is none."""
    if "%H" in format_:
        return texts.str.to_datetime(format_, strict=False, time_unit="us", time_zone=None)
    return texts.str.to_date(format_, strict=False).cast(pl.Datetime("us"))


@dataclass(frozen=True)
class _Found:
    kind: Kind
    why: str
    values: pl.Series | None = None
    format: str = ""


def _kind(present: pl.Series, distinct: int, told: Kind | None) -> _Found:
    if not present.len():
        return _Found("dropped", "all its values are missing")
    if distinct == 1:
        return _Found("dropped", f"it has one value only, {str(present[0])[:40]!r}")
    if told is not None:
        return _told(present, told)
    numbers = numbers_of(present)
    if _nearly_all(numbers):
        if _counts_rows(numbers.drop_nulls(), distinct):
            return _Found("dropped", "it counts the rows, from which nothing can be learnt")
        return _Found("numeric", "its values are numbers", numbers)
    format_, dates = _dates(present)
    if dates is not None:
        return _Found("date", f"its values are dates, {format_}", dates, format_)
    return _words(present, distinct)


def _told(present: pl.Series, told: Kind) -> _Found:
    why = "the feature specification says so"
    if told == "numeric":
        return _Found(told, why, numbers_of(present))
    if told == "date":
        format_, dates = _dates(present, least=0.5)
        if dates is None:
            return _Found("text", "the feature specification says date, but it has none")
        return _Found(told, why, dates, format_)
    return _Found(told, why)


def _words(present: pl.Series, distinct: int) -> _Found:
    words = present.str.count_matches(r"\S+").mean()
    share = distinct / present.len()
    if distinct <= 2 or (distinct <= _MOST_CATEGORIES and share <= 0.5):
        return _Found("category", f"it has {distinct} different values")
    return _Found(
        "text", f"it has {distinct} different values, of {float(str(words)):.1f} words on average"
    )


def _dates(present: pl.Series, least: float = NEARLY_ALL) -> tuple[str, pl.Series | None]:
    sample = present.head(200)
    for format_ in DATE_FORMATS:
        if _nearly_all(dates_of(sample, format_), least):
            dates = dates_of(present, format_)
            if _nearly_all(dates, least):
                return format_, dates
    return "", None


def _nearly_all(values: pl.Series, least: float = NEARLY_ALL) -> bool:
    return values.len() - values.null_count() >= least * values.len()


def _counts_rows(numbers: pl.Series, distinct: int) -> bool:
    """Tell whether it is 1, 2, 3, …, in any order."""
    low, high = float(str(numbers.min())), float(str(numbers.max()))
    whole = bool((numbers == numbers.floor()).all())
    return whole and distinct == numbers.len() > 20 and high - low + 1 == distinct


def _numbers(values: pl.Series | None) -> Mapping[str, float]:
    if values is None:
        return {}
    found = values.drop_nulls()
    named = {
        "min": found.min(),
        "q25": found.quantile(0.25),
        "median": found.median(),
        "q75": found.quantile(0.75),
        "max": found.max(),
        "mean": found.mean(),
        "std": found.std(),
    }
    return {name: float(str(value)) for name, value in named.items() if value is not None}


def _top(present: pl.Series) -> Sequence[tuple[str, int]]:
    return counted(present)[:_TOP]


def counted(present: pl.Series) -> list[tuple[str, int]]:
    """Return the different texts, the most frequent first, and how often each is there."""
    counts = present.alias("text").value_counts(name="times")
    ordered = counts.sort(["times", "text"], descending=[True, False])
    return [(str(value), int(count)) for value, count in ordered.iter_rows()]
