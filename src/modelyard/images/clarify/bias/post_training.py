"""Bias metrics of a model: of its predicted labels beside the labels that were observed.

Sources of the formulas: as for `pre_training`; the flip test from E. Black, S. Yeom and
M. Fredrikson, "FlipTest: Fairness Testing via Optimal Transport" (FAT* 2020), with nearest
neighbours in place of optimal transport; generalised entropy from T. Speicher et al., "A Unified
Approach to Quantifying Algorithmic Unfairness" (KDD 2018). A hat marks what is predicted.
"""

from __future__ import annotations

import numpy as np

from modelyard.images.clarify.bias.cells import Cells, Figures, Side
from modelyard.images.clarify.bias.metric import Metric, both_sides
from modelyard.images.clarify.bias.pre_training import conditional_disparity, grouped
from modelyard.images.clarify.bias.ratios import difference, ratio

_ANY = (-np.inf, np.inf)


def _accuracy(side: Side) -> Figures:
    return ratio(side.true_positives + side.true_negatives, side.rows)


def _accuracy_difference(cells: Cells) -> Figures:
    """AD = ACC_a - ACC_d."""
    return difference(_accuracy(cells.rest), _accuracy(cells.facet))


def _disparity_in_predictions(cells: Cells) -> Figures:
    """CDDPL: see `conditional_disparity`."""
    return conditional_disparity(cells.by_group(predicted=True))


def _difference_in_acceptance(cells: Cells) -> Figures:
    """DAR = TP_a / n^_a1 - TP_d / n^_d1: a difference of precisions."""
    rest, facet = cells.rest, cells.facet
    return difference(
        ratio(rest.true_positives, rest.predicted_positive),
        ratio(facet.true_positives, facet.predicted_positive),
    )


def _conditional_acceptance(cells: Cells) -> Figures:
    """DCA = n_a1 / n^_a1 - n_d1 / n^_d1."""
    rest, facet = cells.rest, cells.facet
    return difference(
        ratio(rest.positive, rest.predicted_positive),
        ratio(facet.positive, facet.predicted_positive),
    )


def _conditional_rejection(cells: Cells) -> Figures:
    """DCR = n_d0 / n^_d0 - n_a0 / n^_a0."""
    rest, facet = cells.rest, cells.facet
    return difference(
        ratio(facet.negative, facet.predicted_negative),
        ratio(rest.negative, rest.predicted_negative),
    )


def _disparate_impact(cells: Cells) -> Figures:
    """DI = q^_d / q^_a."""
    return ratio(
        ratio(cells.facet.predicted_positive, cells.facet.rows),
        ratio(cells.rest.predicted_positive, cells.rest.rows),
    )


def _difference_in_predicted(cells: Cells) -> Figures:
    """DPPL = q^_a - q^_d."""
    return ratio(cells.rest.predicted_positive, cells.rest.rows) - ratio(
        cells.facet.predicted_positive, cells.facet.rows
    )


def _difference_in_rejection(cells: Cells) -> Figures:
    """DRR = TN_d / n^_d0 - TN_a / n^_a0."""
    rest, facet = cells.rest, cells.facet
    return difference(
        ratio(facet.true_negatives, facet.predicted_negative),
        ratio(rest.true_negatives, rest.predicted_negative),
    )


def _flip_test(cells: Cells) -> Figures:
    """FT = (rows that flip up - rows that flip down) / n_d, over the facet's rows."""
    facet = cells.facet
    flips = facet.flipped_up - facet.flipped_down
    return np.divide(flips, facet.rows, out=np.zeros_like(flips), where=facet.rows != 0)


def _generalised_entropy(cells: Cells) -> Figures:
    """GE = sum over rows of ((b / mean b)^2 - 1) / (2 n), with the benefit b = y^ - y + 1."""
    sides = cells.rest, cells.facet
    twice = np.sum([side.false_positives for side in sides], axis=0)
    once = np.sum([side.true_positives + side.true_negatives for side in sides], axis=0)
    mean = (2 * twice + once) / cells.rows
    # The sum of the squares of b / mean b, less one for each row; b is 0, 1 or 2.
    squares = ratio(4 * twice + once, mean**2)
    return (squares - cells.rows) / (2 * cells.rows)


def _recall_difference(cells: Cells) -> Figures:
    """RD = TP_a / n_a1 - TP_d / n_d1."""
    return difference(
        ratio(cells.rest.true_positives, cells.rest.positive),
        ratio(cells.facet.true_positives, cells.facet.positive),
    )


def _specificity_difference(cells: Cells) -> Figures:
    """SD = TN_d / n_d0 - TN_a / n_a0."""
    return difference(
        ratio(cells.facet.true_negatives, cells.facet.negative),
        ratio(cells.rest.true_negatives, cells.rest.negative),
    )


def _treatment_equality(cells: Cells) -> Figures:
    """TE = FN_d / FP_d - FN_a / FP_a."""
    return difference(
        ratio(cells.facet.false_negatives, cells.facet.false_positives),
        ratio(cells.rest.false_negatives, cells.rest.false_positives),
    )


def _some_benefit(cells: Cells) -> str | None:
    if cells.rows == 0:
        return "dataset must be non-empty"
    if cells.rest.false_negatives + cells.facet.false_negatives == cells.rows:
        return "All predicted labels are false negatives: there is no benefit to share out"
    return None


POST_TRAINING = (
    Metric(
        name="AD",
        description="Accuracy Difference (AD)",
        meaning="Above 0, the model is right less often for the facet than for the rest.",
        formula=_accuracy_difference,
        needs=(both_sides,),
    ),
    Metric(
        name="CDDPL",
        description="Conditional Demographic Disparity in Predicted Labels (CDDPL)",
        meaning="Above 0, the facet has a larger share of the predicted rejections than of the "
        "predicted acceptances, also when like groups are compared.",
        formula=_disparity_in_predictions,
        needs=grouped(predicted=True, what="predicted labels"),
    ),
    Metric(
        name="DAR",
        description="Difference in Acceptance Rates (DAR)",
        meaning="Above 0, a predicted acceptance is right less often for the facet.",
        formula=_difference_in_acceptance,
        needs=(both_sides,),
    ),
    Metric(
        name="DCA",
        description="Difference in Conditional Acceptance (DCA)",
        meaning="Above 0, the model accepts the rest more sparingly, measured by their labels, "
        "than the facet; below 0 the other way round.",
        formula=_conditional_acceptance,
        needs=(both_sides,),
        bounds=_ANY,
    ),
    Metric(
        name="DCR",
        description="Difference in Conditional Rejection (DCR)",
        meaning="Above 0, the model rejects the facet more sparingly, measured by their labels, "
        "than the rest; below 0 it rejects too many of the facet.",
        formula=_conditional_rejection,
        needs=(both_sides,),
        bounds=_ANY,
    ),
    Metric(
        name="DI",
        description="Disparate Impact (DI)",
        meaning="The facet's rate of predicted acceptance as a multiple of the rest's: 1 is even, "
        "below 1 the facet is accepted less often.",
        formula=_disparate_impact,
        needs=(both_sides,),
        neutral=1.0,
        bounds=(0.0, np.inf),
    ),
    Metric(
        name="DPPL",
        description="Difference in Positive Proportions in Predicted Labels (DPPL)",
        meaning="Above 0, the model accepts the facet less often than the rest.",
        formula=_difference_in_predicted,
        needs=(both_sides,),
    ),
    Metric(
        name="DRR",
        description="Difference in Rejection Rates (DRR)",
        meaning="Below 0, a predicted rejection is right less often for the facet.",
        formula=_difference_in_rejection,
        needs=(both_sides,),
    ),
    Metric(
        name="FT",
        description="Flip Test (FT)",
        meaning="Below 0, more of the facet are rejected whose nearest likes outside of it are "
        "accepted than the other way round.",
        formula=_flip_test,
        needs=(both_sides,),
    ),
    Metric(
        name="GE",
        description="Generalized Entropy (GE)",
        meaning="How unevenly the model's errors share out benefit among all rows: 0 for evenly.",
        formula=_generalised_entropy,
        needs=(_some_benefit,),
        bounds=(0.0, np.inf),
    ),
    Metric(
        name="RD",
        description="Recall Difference (RD)",
        meaning="Above 0, the model finds fewer of the facet's positives than of the rest's.",
        formula=_recall_difference,
        needs=(both_sides,),
    ),
    Metric(
        name="SD",
        description="Specificity Difference (SD)",
        meaning="Below 0, the model finds fewer of the facet's negatives than of the rest's.",
        formula=_specificity_difference,
        needs=(both_sides,),
    ),
    Metric(
        name="TE",
        description="Treatment Equality (TE)",
        meaning="Above 0, the facet's errors are more often undue rejections than the rest's.",
        formula=_treatment_equality,
        needs=(both_sides,),
        bounds=_ANY,
    ),
)
