"""The metrics in the log: the objective of each candidate, and that of the best one in the end."""

from __future__ import annotations

from modelyard.images.autopilot.problem_types import METRICS

_NAMES = tuple(dict.fromkeys(name for names in METRICS.values() for name in names))
METRIC_DEFINITIONS = tuple(
    (f"{which}:{name}", rf"^\[\d+\] \S+ \(\S+\): {which}:{name}=(\S+)")
    for which in ("validation", "best")
    for name in _NAMES
)
