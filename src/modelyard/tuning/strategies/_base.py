"""What a strategy is: it chooses hyperparameters, one trial after the other, by what it is told.

A strategy keeps nothing between two questions. What it says of a trial depends on the tuning job's
seed, the trial's index, and what is known of the trials before, and on nothing else: so a server
that starts again goes on as if it had not stopped, with the trials' rows as its only memory.
"""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from modelyard.tuning.ranges import Categorical, Range

State = Literal["running", "complete", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a strategy is told of one trial."""

    index: int  # among the trials of its definition, from 0 on; -1: of a parent's
    tuned: Mapping[str, str]
    state: State
    value: float | None = None  # of the objective, turned so that more is better
    place: tuple[int, ...] = ()

    @property
    def has_result(self) -> bool:
        """Whether it ended, and with a value."""
        return self.state in ("complete", "stopped") and self.value is not None


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a trial is to try."""

    tuned: Mapping[str, str]
    place: tuple[int, ...] = ()
    resource: int | None = None


class Strategy(ABC):
    """Chooses the hyperparameters of one definition's trials."""

    @abstractmethod
    def suggest(self, index: int, known: Sequence[Told]) -> Suggestion | None:
        """Return what trial `index` is to try; None: more must be known before that can be said.

        Blocking, for some a second at the first time. The same arguments give the same answer.

        Args:
            known: the trials of the definition that were begun, in any order.
        """


def generator(seed: int, *parts: object) -> random.Random:
    """Return a source of random numbers that is the same for the same seed and parts."""
    return random.Random(seed_of(seed, *parts))  # noqa: S311 - a search, no secret


def seed_of(seed: int, *parts: object) -> int:
    """Return a seed of 32 bits that is another one for other parts."""
    text = "/".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def drawn(ranges: Sequence[Range], source: random.Random) -> dict[str, str]:
    """Return a choice that any other is as likely as, on the ranges' scales."""
    return {
        one.name: source.choice(list(one.values))
        if isinstance(one, Categorical)
        else one.text_at(source.random())
        for one in ranges
    }
