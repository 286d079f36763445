"""Kinds of hyperparameter values: how a string becomes a value, and the rule it must keep.

Each kind's `parse` raises ValueError with the rule as a phrase that follows `name=value `:
"must be a number in [0, 1]".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

INT_MAX = 2**31 - 1  # libraries keep their integers in 32 bits


class Kind(Protocol):
    """What a hyperparameter may be."""

    def parse(self, text: str) -> object:
        """Return the value.

        Raises:
            ValueError: it breaks the rule, which is the message.
        """


@dataclass(frozen=True, kw_only=True)
class Integer:
    """A whole number in a closed interval."""

    low: int = 0
    high: int = INT_MAX

    def parse(self, text: str) -> int:
        """Return the number."""
        try:
            value = int(text)
        except ValueError:
            value = self.low - 1
        if not self.low <= value <= self.high or "_" in text:
            raise ValueError(f"must be an integer {self._interval()}")
        return value

    def _interval(self) -> str:
        if self.high == INT_MAX:
            return f">= {self.low}"
        return f"in [{self.low}, {self.high}]"


@dataclass(frozen=True, kw_only=True)
class Number:
    """A finite number between two bounds, each of which may be left out of the interval."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def parse(self, text: str) -> float:
        """Return the number."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        if not (above and below and math.isfinite(value)) or "_" in text:
            raise ValueError(f"must be a number {self._interval()}".rstrip())
        return value

    def _interval(self) -> str:
        if self.low == -math.inf:
            return ""
        if self.high == math.inf:
            return f"{'>' if self.low_open else '>='} {self.low:g}"
        opening = "(" if self.low_open else "["
        return f"in {opening}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def parse(self, text: str) -> str:
        """Return the word."""
        if text not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}")
        return text


class Switch:
    """`true` or `false`."""

    def parse(self, text: str) -> bool:
        """Return whether it is on."""
        if text.lower() not in ("true", "false"):
            raise ValueError("must be true or false")
        return text.lower() == "true"


@dataclass(frozen=True)
class Words:
    """A comma-separated list, each of it one of a few words, none twice."""

    words: tuple[str, ...]

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the words in their order."""
        given = tuple(word.strip() for word in text.split(","))
        if not set(given) <= set(self.words) or len(set(given)) != len(given):
            raise ValueError(f"must be a comma-separated list of {', '.join(self.words)}")
        return given


@dataclass(frozen=True)
class WordList:
    """A list of a few words, as JSON or comma-separated: `["msd", "ssd"]`, `msd`."""

    words: tuple[str, ...]

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the words in their order."""
        bare = text.strip("[]").replace('"', "").replace("'", "")
        return Words(self.words).parse(bare)


@dataclass(frozen=True)
class Auto:
    """`auto`, which leaves the choice to the image, or another kind's value."""

    kind: Kind

    def parse(self, text: str) -> object:
        """Return the value; None for `auto`."""
        if text.lower() == "auto":
            return None
        try:
            return self.kind.parse(text)
        except ValueError as error:
            raise ValueError(f"{error}, or auto") from None
