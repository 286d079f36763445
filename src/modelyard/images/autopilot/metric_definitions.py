"""The metrics in the log: the objective of each candidate as it is finished."""

from __future__ import annotations

from modelyard.images.autopilot.problem_types import METRICS

_NAMES = tuple(dict.fromkeys(name for names in METRICS.values() for name in names))
METRIC_DEFINITIONS = tuple(
    (f"validation:{name}", rf"\[\d+\] \S+ \(\S+\): validation:{name}=(\S+)") for name in _NAMES
)
