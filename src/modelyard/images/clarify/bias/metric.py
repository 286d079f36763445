"""What a bias metric is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from modelyard.images.clarify.bias.cells import Cells, Figures


class Stage(Enum):
    """When a metric can be computed; the value is its name in file and configuration."""

    PRE_TRAINING = "pre_training_bias"  # of the data alone
    POST_TRAINING = "post_training_bias"  # of the data and what a model says of it


Condition = Callable[[Cells], str | None]  # why a metric says nothing of a dataset, if so


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One bias metric.

    `a` is the rest of the rows, whom the bias may favour, and `d` the facet.
    """

    name: str
    description: str  # as in analysis.json
    meaning: str  # one plain sentence, for whoever reads the report
    formula: Callable[[Cells], Figures]
    needs: Sequence[Condition]
    neutral: float = 0.0  # where it finds no bias
    bounds: tuple[float, float] = (-1.0, 1.0)  # between which it lies; may be infinite

    def undefined(self, cells: Cells) -> str | None:
        """Return why the metric has no value, or None where it has one."""
        return next((why for need in self.needs if (why := need(cells)) is not None), None)

    def value(self, cells: Cells) -> float:
        """Return the value of one dataset; `undefined` must be asked ahead."""
        return float(self.formula(cells))


def both_sides(cells: Cells) -> str | None:
    """A comparison needs rows on both sides."""
    if cells.facet.rows == 0:
        return "Facet set is empty: no row has the facet's value"
    if cells.rest.rows == 0:
        return "Negated facet set is empty: every row has the facet's value"
    return None


def common_outcome(cells: Cells) -> str | None:
    """A comparison of distributions needs an outcome that occurs on both sides."""
    rest, facet = cells.rest, cells.facet
    if np.any(rest.positive * facet.positive) or np.any(rest.negative * facet.negative):
        return None
    return "No label occurs both in the facet and outside of it: the dataset may be too small"
