"""What a change follows from, so that rules which set each other off come to an end.

A target of the event bus acts `within` the depth of the event it acts on, plus one. What it writes
is marked with that depth, and so are the events of that resource from then on, also those that a
workflow writes later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_depth: ContextVar[int] = ContextVar("modelyard_cause_depth", default=0)


def depth() -> int:
    """Return how many rules stand behind what this task does; 0: a caller of its own accord."""
    return _depth.get()


@contextmanager
def within(depth: int) -> Iterator[None]:
    """Mark what is written in the block, in this task and in threads that it waits for."""
    token = _depth.set(depth)
    try:
        yield
    finally:
        _depth.reset(token)
