"""A job's environment variables, read with all that is wrong with them told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from modelyard.images.processing.layout import Layout


class Variables:
    """The environment, and what is wrong with it so far.

    Args:
        environment: the variables; an empty one counts as none.
        layout: where paths of the contract really lie.
    """

    def __init__(self, environment: Mapping[str, str], layout: Layout) -> None:
        self._environment = environment
        self._layout = layout
        self.problems: list[str] = []

    def given(self, name: str) -> str | None:
        """Return a variable's value."""
        return self._environment.get(name, "").strip() or None

    def path(self, name: str) -> Path | None:
        """Return the path a variable names; `file://` may stand before it."""
        value = self.given(name)
        return None if value is None else self._layout.translate(value.removeprefix("file://"))

    def choice(self, name: str, offered: Sequence[str]) -> str:
        """Return one of those offered; the first where none, or none of them, is given."""
        value = self.given(name) or offered[0]
        if value not in offered:
            self.problems.append(f"{name} {value!r} must be one of {', '.join(offered)}")
            return offered[0]
        return value

    def number(self, name: str) -> float | None:
        """Return a number."""
        value = self.given(name)
        if value is None:
            return None
        try:
            return float(value)
        except ValueError:
            self.problems.append(f"{name} {value!r} must be a number")
            return None

    def time(self, name: str) -> datetime | None:
        """Return a time with its zone; one without is UTC."""
        value = self.given(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.problems.append(f"{name} {value!r} must be a time such as 2026-01-31T10:00:00Z")
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
