"""A part of the server's start, and what undoes it at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


async def _nothing() -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Step:
    """A part of the server's start, and what undoes it at the end."""

    start: Callable[[], Awaitable[object]] = _nothing
    stop: Callable[[], Awaitable[object]] = _nothing
