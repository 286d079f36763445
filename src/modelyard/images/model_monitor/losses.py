"""What could not be analysed: counted, and told with the first places."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

_PLACES = 3


@dataclass
class _Reason:
    count: int = 0
    places: list[str] = field(default_factory=list)


class Losses:
    """Lines, records and files that were left out, by reason. The rest is analysed."""

    def __init__(self) -> None:
        self._reasons: dict[str, _Reason] = {}

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(reason.count for reason in self._reasons.values())

    def add(self, reason: str, path: Path, *, line: int | None = None, count: int = 1) -> None:
        """Count what was left out; `line` counts from 1."""
        known = self._reasons.setdefault(reason, _Reason())
        known.count += count
        if len(known.places) < _PLACES:
            known.places.append(path.name if line is None else f"{path.name}:{line}")

    def sentences(self) -> list[str]:
        """One sentence for each reason."""
        return [
            f"{reason.count} left out: {text} ({', '.join(reason.places)}"
            f"{', …' if reason.count > len(reason.places) else ''})."
            for text, reason in self._reasons.items()
        ]

    def counts(self) -> dict[str, int]:
        """How many there are, by reason."""
        return {text: reason.count for text, reason in self._reasons.items()}
