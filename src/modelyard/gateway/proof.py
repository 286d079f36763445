"""Whether two engines give the same answers, on rows made to tell them apart.

Each generated value is drawn from where engines differ: exactly at one of the model's own
thresholds, one float32 below and above it, missing, or far outside.

Both engines add the same float32 leaves, in another order. So predictions count as the same within
a relative 1e-5, or an absolute 1e-6 of the largest prediction there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RELATIVE_TOLERANCE = 1e-5
ABSOLUTE_TOLERANCE = 1e-6

ROWS = 1000
MAX_CELLS = 20_000_000  # of models with very many features fewer rows are made
MISSING_SHARE = 0.15
_FAR = np.float32(1e30)

Rows = npt.NDArray[np.float32]


def telling_rows(thresholds: Sequence[Rows], count: int = ROWS) -> Rows:
    """Return about `count` rows, always the same, around thresholds, an array per feature."""
    random = np.random.default_rng(0)
    count = max(2, min(count, MAX_CELLS // len(thresholds)))
    rows = np.empty((count, len(thresholds)), dtype=np.float32)
    for feature, splits in enumerate(thresholds):
        known = splits if len(splits) else np.zeros(1, np.float32)
        rows[:, feature] = _values(known, count, random)
    rows[random.random(rows.shape) < MISSING_SHARE] = np.nan
    rows[0] = np.nan
    rows[1] = 0.0
    return rows


def _values(splits: Rows, count: int, random: np.random.Generator) -> Rows:
    at = random.choice(splits, count)
    far = np.where(random.random(count) < 0.5, -_FAR, _FAR)
    spread = np.ptp(splits) or np.float32(1.0)
    between = random.normal(size=count) * float(spread) + splits.mean(dtype=np.float64)
    kinds = [
        at,
        np.nextafter(at, np.float32(-np.inf)),
        np.nextafter(at, np.float32(np.inf)),
        between.clip(-_FAR, _FAR),
        far,
    ]
    choice = random.choice(len(kinds), count, p=[0.3, 0.15, 0.15, 0.35, 0.05])
    return np.choose(choice, kinds).astype(np.float32)


def difference(expected: Rows, found: Rows) -> str | None:
    """Return how two engines' predictions differ, or None if they are the same."""
    if expected.shape != found.shape:
        return f"the predictions are shaped {found.shape}, not {expected.shape}"
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], found[~finite], equal_nan=True):
        return "one predicts a number where the other does not"
    known, candidate = expected[finite], found[finite]
    allowed = RELATIVE_TOLERANCE * np.abs(known) + ABSOLUTE_TOLERANCE * np.abs(known).max(initial=0)
    excess = np.abs(known - candidate) - allowed
    if np.all(excess <= 0):
        return None
    worst = np.argmax(excess)
    return f"a prediction is {candidate[worst]!s} instead of {known[worst]!s}"
