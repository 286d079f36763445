"""The image reports no metric that a tuning job could follow, and neither does AWS's."""

from __future__ import annotations

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = ()
