"""The median rule: a trial that does worse than the middle of the others did is not worth its time.

Golovin et al., Google Vizier: A Service for Black-Box Optimization, KDD 2017, 3.2.2, and what AWS
documents of EarlyStoppingType Auto: a trial is stopped at step s where its objective is worse than
the median of the running averages, up to step s, of the trials that ended before it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

#: (step, value), the value turned so that more is better; steps grow.
Curve = Sequence[tuple[int, float]]

#: Of so few, a median says nothing.
LEAST_ENDED = 3
#: A first value is hardly one of the trial's own yet.
LEAST_POINTS = 2


def is_worse(running: Curve, ended: Sequence[Curve]) -> bool:
    """Return whether a running trial is worse than the median, at the step that it has reached.

    Args:
        ended: of the trials that completed; those that did not get as far are not looked at.
    """
    if len(running) < LEAST_POINTS:
        return False
    step, value = running[-1]
    averages = [
        statistics.fmean(found for at, found in curve if at <= step)
        for curve in ended
        if curve and curve[0][0] <= step <= curve[-1][0]
    ]
    return len(averages) >= LEAST_ENDED and value < statistics.median(averages)
