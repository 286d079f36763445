"""In which units effects add up: those of the model's output, or log-odds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Link = Callable[[Array], Array]

_SMALLEST = 1e-12  # a probability of exactly 0 or 1 is taken as this far from it


def identity(values: Array) -> Array:
    """Return the values as they are."""
    return values


def logit(probabilities: Array) -> Array:
    """Return log-odds.

    Raises:
        ValueError: something is no probability.
    """
    if np.any((probabilities < 0) | (probabilities > 1)):
        worst = probabilities[(probabilities < 0) | (probabilities > 1)][0]
        raise ValueError(
            f"the logit link needs probabilities, and the model answered {worst:g}: "
            "leave use_logit out"
        )
    inner = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(inner / (1 - inner)))
