"""What a bench reports: a table, and which of its requirements are met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BenchUnavailable(Exception):
    """The bench cannot run here; the message says what is missing, and how to get it."""


@dataclass(frozen=True, kw_only=True)
class Options:
    seconds: int  # of each single measurement
    rounds: int


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """Something that must hold."""

    text: str
    found: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        return (self.at_least is None or self.found >= self.at_least) and (
            self.at_most is None or self.found <= self.at_most
        )

    def row(self) -> list[str]:
        bound = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        return [self.text, bound, f"{self.found:.2f}", "met" if self.met else "**NOT MET**"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """One bench's result."""

    title: str
    method: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    requirements: Sequence[Requirement]

    @property
    def met(self) -> bool:
        return all(requirement.met for requirement in self.requirements)

    def markdown(self, measured: str) -> str:
        """Return the report as a section of a document.

        Args:
            measured: when and on what.
        """
        required = [requirement.row() for requirement in self.requirements]
        return "\n".join(
            [
                f"## {self.title}",
                "",
                self.method,
                "",
                measured,
                "",
                *_table(self.columns, self.rows),
                "",
                *_table(["required", "bound", "measured", ""], required),
                "",
            ]
        )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(columns[i]), *(len(row[i]) for row in rows), 3) for i in range(len(columns))]
    # The first column names, the others count.
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(columns, widths), "| " + " | ".join(rule) + " |"]
    return lines + [_line(row, widths) for row in rows]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join([first, *others]) + " |"
