"""What a worker counts of each variant, from its start on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

#: Upper bounds of the latency histograms, in seconds; one more bucket holds what is above.
BUCKET_SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
    0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


class Counters:
    """Invocations of one variant. Latencies are sums in seconds, and histograms."""

    __slots__ = (
        "errors_4xx",
        "errors_5xx",
        "invocations",
        "model_buckets",
        "model_seconds",
        "overhead_buckets",
        "overhead_seconds",
    )

    def __init__(self) -> None:
        self.invocations = 0
        self.errors_4xx = 0
        self.errors_5xx = 0
        self.model_seconds = 0.0  # of decoding, predicting and encoding: the container's time
        self.overhead_seconds = 0.0  # of all else, from the request's last byte to the answer
        self.model_buckets = [0] * (len(BUCKET_SECONDS) + 1)
        self.overhead_buckets = [0] * (len(BUCKET_SECONDS) + 1)

    def count(self, status: int, model_seconds: float, overhead_seconds: float) -> None:
        """Count one invocation; `status` is what the model answered."""
        self.invocations += 1
        if status >= 500:
            self.errors_5xx += 1
        elif status >= 400:
            self.errors_4xx += 1
        self.model_seconds += model_seconds
        self.overhead_seconds += overhead_seconds
        self.model_buckets[bisect_left(BUCKET_SECONDS, model_seconds)] += 1
        self.overhead_buckets[bisect_left(BUCKET_SECONDS, overhead_seconds)] += 1

    def snapshot(self) -> Tally:
        """Return the numbers of this moment."""
        return Tally(*(_copied(getattr(self, name)) for name in Tally._fields))


class Tally(NamedTuple):
    """The numbers of `Counters`, as they travel and add up."""

    invocations: int = 0
    errors_4xx: int = 0
    errors_5xx: int = 0
    model_seconds: float = 0.0
    overhead_seconds: float = 0.0
    model_buckets: tuple[int, ...] = (0,) * (len(BUCKET_SECONDS) + 1)
    overhead_buckets: tuple[int, ...] = (0,) * (len(BUCKET_SECONDS) + 1)

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> Tally:
        """Return what `_asdict` made a JSON object of."""
        return cls(**{name: _copied(members[name]) for name in cls._fields})


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of several workers' numbers."""
    added = Tally()
    for tally in tallies:
        added = Tally(*map(_plus, added, tally))
    return added


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, tuple):
        return tuple(a + b for a, b in zip(one, other, strict=True))
    return one + other


def _copied(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
