"""Bias metrics of data: before there is a model.

Source of the formulas: M. Hardt et al., "Amazon SageMaker Clarify: Machine Learning Bias Detection
and Explainability in the Cloud" (KDD 2021), and the whitepaper "Amazon AI Fairness and
Explainability Whitepaper" (2020), sections on pre-training metrics. Here `n_a`, `n_d` are numbers
of rows, `n_a1`, `n_d1` those with a positive label, `q = n_1 / n`, and `P` is the distribution of
the two outcomes, over those outcomes that occur on both sides.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modelyard.images.clarify.bias.cells import Cells, Figures
from modelyard.images.clarify.bias.metric import Condition, Metric, both_sides, common_outcome
from modelyard.images.clarify.bias.ratios import ratio

_HALF = 0.5


def _class_imbalance(cells: Cells) -> Figures:
    """CI = (n_a - n_d) / (n_a + n_d)."""
    return (cells.rest.rows - cells.facet.rows) / cells.rows


def _difference_in_proportions(cells: Cells) -> Figures:
    """DPL = q_a - q_d."""
    return ratio(cells.rest.positive, cells.rest.rows) - ratio(
        cells.facet.positive, cells.facet.rows
    )


def _kullback_leibler(cells: Cells) -> Figures:
    """KL = sum over outcomes of P_a log(P_a / P_d)."""
    rest, facet = _distributions(cells)
    return np.asarray((rest * _log_ratio(rest, facet)).sum(axis=-1))


def _jensen_shannon(cells: Cells) -> Figures:
    """JS = (KL(P_a, P) + KL(P_d, P)) / 2 with P = (P_a + P_d) / 2."""
    rest, facet = _distributions(cells)
    middle = (rest + facet) / 2
    terms = rest * _log_ratio(rest, middle) + facet * _log_ratio(facet, middle)
    return np.asarray(_HALF * terms.sum(axis=-1))


def _norm(cells: Cells) -> Figures:
    """LP = the Euclidean length of P_a - P_d."""
    rest, facet = _distributions(cells)
    return np.asarray(np.sqrt(((rest - facet) ** 2).sum(axis=-1)))


def _total_variation(cells: Cells) -> Figures:
    """TVD = sum over outcomes of |P_a - P_d|, halved."""
    rest, facet = _distributions(cells)
    return np.asarray(_HALF * np.abs(rest - facet).sum(axis=-1))


def _kolmogorov_smirnov(cells: Cells) -> Figures:
    """KS = the largest |P_a - P_d|."""
    rest, facet = _distributions(cells)
    return np.asarray(np.abs(rest - facet).max(axis=-1))


def _disparity_in_labels(cells: Cells) -> Figures:
    """CDDL: see `conditional_disparity`."""
    return conditional_disparity(cells.by_group(predicted=False))


def conditional_disparity(counts: npt.NDArray[np.float64]) -> Figures:
    """Return the mean of the groups' demographic disparities, weighted by the groups' rows.

    A group's disparity is the facet's share of its negative outcomes less the facet's share of its
    positive ones: DD = n_d0 / n_0 - n_d1 / n_1, where a share of nothing is 0.

    Args:
        counts: (..., facet 2, outcome 2, groups).
    """
    facet, both = counts[..., 1, :, :], counts.sum(axis=-3)
    shares = np.divide(facet, both, out=np.zeros_like(facet), where=both != 0)
    disparity = shares[..., 0, :] - shares[..., 1, :]
    rows = both.sum(axis=-2)
    return np.asarray((rows * disparity).sum(axis=-1) / rows.sum(axis=-1))


def grouped(*, predicted: bool, what: str) -> tuple[Condition, ...]:
    """Return what conditional disparity needs: a group variable, and both outcomes."""

    def has_groups(cells: Cells) -> str | None:
        if cells.has_groups:
            return None
        return "Group variable is empty or not provided: set group_variable in the configuration"

    def has_both(cells: Cells) -> str | None:
        outcomes = cells.by_group(predicted=predicted).sum(axis=(-3, -1))
        if outcomes[1] == 0:
            return f"No positive {what} in set"
        return f"No negative {what} in set" if outcomes[0] == 0 else None

    return has_groups, has_both


def _distributions(cells: Cells) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return P_a and P_d, (..., 2); an outcome that occurs on one side only is nought on both."""
    sides = []
    for side in (cells.rest, cells.facet):
        outcomes = np.stack([side.negative, side.positive], axis=-1)
        sides.append(ratio(outcomes, side.rows[..., np.newaxis]))
    common = (sides[0] > 0) & (sides[1] > 0)
    return np.where(common, sides[0], 0.0), np.where(common, sides[1], 0.0)


def _log_ratio(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> Figures:
    occurs = one > 0
    quotient = np.divide(one, other, out=np.ones_like(one), where=occurs)
    return np.log(quotient)


_DISTRIBUTIONS = (common_outcome,)
_UNBOUNDED = (0.0, np.inf)

PRE_TRAINING = (
    Metric(
        name="CDDL",
        description="Conditional Demographic Disparity in Labels (CDDL)",
        meaning="Above 0, the facet has a larger share of the negative labels than of the positive "
        "ones, also when like groups are compared.",
        formula=_disparity_in_labels,
        needs=grouped(predicted=False, what="labels"),
    ),
    Metric(
        name="CI",
        description="Class Imbalance (CI)",
        meaning="Above 0, the facet has fewer rows than the rest, so a model may learn less of it.",
        formula=_class_imbalance,
        needs=(both_sides,),
    ),
    Metric(
        name="DPL",
        description="Difference in Positive Proportions in Labels (DPL)",
        meaning="Above 0, positive labels are rarer in the facet than in the rest.",
        formula=_difference_in_proportions,
        needs=(both_sides,),
    ),
    Metric(
        name="JS",
        description="Jensen-Shannon Divergence (JS)",
        meaning="How far the labels of the facet and of the rest are from their average, from 0 "
        "for alike to 0.69.",
        formula=_jensen_shannon,
        needs=_DISTRIBUTIONS,
        bounds=(0.0, float(np.log(2))),
    ),
    Metric(
        name="KL",
        # The reference spells the name so, and clients compare it.
        description="Kullback-Liebler Divergence (KL)",
        meaning="How surprising the rest's labels are to one who knows the facet's; 0 for alike.",
        formula=_kullback_leibler,
        needs=_DISTRIBUTIONS,
        bounds=_UNBOUNDED,
    ),
    Metric(
        name="KS",
        description="Kolmogorov-Smirnov Distance (KS)",
        meaning="The largest difference between the facet and the rest in the share of one label.",
        formula=_kolmogorov_smirnov,
        needs=_DISTRIBUTIONS,
        bounds=(0.0, 1.0),
    ),
    Metric(
        name="LP",
        description="L-p Norm (LP)",
        meaning="The distance between the label shares of the facet and of the rest; 0 for alike.",
        formula=_norm,
        needs=_DISTRIBUTIONS,
        bounds=(0.0, float(np.sqrt(2))),
    ),
    Metric(
        name="TVD",
        description="Total Variation Distance (TVD)",
        meaning="The share of the facet's labels that would have to change to be as the rest's.",
        formula=_total_variation,
        needs=_DISTRIBUTIONS,
        bounds=(0.0, 1.0),
    ),
)
