"""Pictures as marks on a plane: the origin is at the top left, units are points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

INK = "#1f2933"
PALE = "#7b8794"
RULE = "#d9dee4"
THEN = "#3b6ea8"  # blue and orange are told apart by nearly everybody
NOW = "#e0762e"
BAD = "#c02f2f"
GOOD = "#2f7d4f"

#: The mean width of a letter of the reports' typeface, as a share of its size.
_LETTER = 0.55


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Line:
    """Straight lines from point to point."""

    points: Sequence[tuple[float, float]]
    colour: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Text:
    """A line of text; `y` is its baseline. `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    size: float = 8.0
    colour: str = INK
    anchor: str = "start"
    bold: bool = False


Mark = Box | Line | Text


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Marks, later ones over earlier ones."""

    width: float
    height: float
    marks: Sequence[Mark]
    said: str  # the picture in words, for who cannot see it


def fitted(text: str, width: float, size: float) -> str:
    """Return as much of a text as fits a width, about."""
    letters = max(1, int(width / (size * _LETTER)))
    return text if len(text) <= letters else text[: max(1, letters - 1)] + "…"


def number(value: float) -> str:
    """Return a number as a person writes it, with four digits that count."""
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 1e6:
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{value:.2e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
