"""What labels can be learnt from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_Test = Callable[[Floats], NDArray[np.bool_]]


@dataclass(frozen=True)
class LabelRule:
    """A test of labels, and the phrase that says what it asks."""

    asks: str  # follows "label 7 must be "
    accepts: _Test

    def first_wrong(self, labels: Floats) -> int | None:
        """Return the index of the first label that breaks the rule, or None."""
        wrong = ~(np.isfinite(labels) & self.accepts(labels))
        return int(np.argmax(wrong)) if wrong.any() else None


ANY_NUMBER = LabelRule("a finite number", lambda y: np.isfinite(y))

COUNTED = LabelRule(
    "an integer >= 0 with predictor_type=classifier", lambda y: (y >= 0) & (y == np.floor(y))
)


def classes(number: int, *, why: str) -> LabelRule:
    """Return the rule that labels are classes, counted from 0.

    Args:
        number: how many classes there are.
        why: the hyperparameter that says so: "num_classes=10".
    """
    return LabelRule(
        f"an integer in [0, {number - 1}] with {why}",
        lambda y: (y >= 0) & (y < number) & (y == np.floor(y)),
    )
