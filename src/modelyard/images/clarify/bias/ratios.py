"""Ratios and differences where a denominator may be nought.

The rules are those of the reference: nought of nought is nought, anything else of nought is
infinite, and between two infinities there is no difference.
"""

from __future__ import annotations

import numpy as np

from modelyard.images.clarify.bias.cells import Figures


def ratio(part: Figures, whole: Figures) -> Figures:
    """Return part / whole, both 0 or more."""
    part, whole = np.broadcast_arrays(part, whole)
    infinite = np.where(part > 0, np.inf, 0.0)
    return np.divide(part, whole, out=infinite, where=whole != 0)


def difference(one: Figures, other: Figures) -> Figures:
    """Return one - other."""
    both_infinite = np.isinf(one) & np.isinf(other)
    with np.errstate(invalid="ignore"):
        return np.where(both_infinite, 0.0, np.subtract(one, other))
