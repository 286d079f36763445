"""One plain sentence for each bias metric, by its sign.

Source of the metrics and of what their signs mean: the SageMaker developer guide, "Measure
Pre-training Bias" and "Measure Post-training Data and Model Bias". There the facet under review is
called d (disadvantaged) and everybody else a (advantaged).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_EVEN = 0.005  # what is printed as zero with two digits


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """What a metric says above, at and below its ideal value."""

    above: str
    even: str
    below: str = ""
    ideal: float = 0.0


def _distance(what: str) -> Sentences:
    return Sentences(
        above=f"The outcomes in the data differ between the groups, measured by {what}.",
        even=f"The outcomes in the data hardly differ between the groups, measured by {what}.",
    )


_SENTENCES: Mapping[str, Sentences] = {
    "CI": Sentences(
        above="The data holds fewer records of the group under review than of everybody else.",
        even="The data holds as many records of the group under review as of everybody else.",
        below="The data holds more records of the group under review than of everybody else.",
    ),
    "DPL": Sentences(
        above="In the data, the group under review has the favourable label less often.",
        even="In the data, both groups have the favourable label equally often.",
        below="In the data, the group under review has the favourable label more often.",
    ),
    "KL": _distance("the Kullback-Leibler divergence"),
    "JS": _distance("the Jensen-Shannon divergence"),
    "LP": _distance("the Lp-norm"),
    "TVD": _distance("the total variation distance"),
    "KS": _distance("the Kolmogorov-Smirnov distance"),
    "CDDL": Sentences(
        above="Within subgroups of the data, the group under review is refused more often.",
        even="Within subgroups of the data, both groups are refused equally often.",
        below="Within subgroups of the data, the group under review is refused less often.",
    ),
    "DPPL": Sentences(
        above="The model predicts the favourable outcome less often for the group under review.",
        even="The model predicts the favourable outcome equally often for both groups.",
        below="The model predicts the favourable outcome more often for the group under review.",
    ),
    "DI": Sentences(
        above="The group under review gets favourable predictions at a higher rate.",
        even="Both groups get favourable predictions at the same rate.",
        below="The group under review gets favourable predictions at a lower rate.",
        ideal=1.0,
    ),
    "DCA": Sentences(
        above="Favourable labels exceed favourable predictions by more for everybody else.",
        even="Favourable labels and predictions are in the same proportion for both groups.",
        below="Favourable labels exceed favourable predictions by more for the group under review.",
    ),
    "DCR": Sentences(
        above="Refusals in the labels exceed predicted ones by more for the group under review.",
        even="Refusals in labels and predictions are in the same proportion for both groups.",
        below="Refusals in the labels exceed predicted ones by more for everybody else.",
    ),
    "RD": Sentences(
        above="The model finds fewer of the truly favourable cases in the group under review.",
        even="The model finds as many of the truly favourable cases in both groups.",
        below="The model finds more of the truly favourable cases in the group under review.",
    ),
    "SD": Sentences(
        above="The model recognises more of the unfavourable cases in the group under review.",
        even="The model recognises as many of the unfavourable cases in both groups.",
        below="The model recognises fewer of the unfavourable cases in the group under review.",
    ),
    "DAR": Sentences(
        above="Favourable predictions are right less often for the group under review.",
        even="Favourable predictions are right equally often for both groups.",
        below="Favourable predictions are right more often for the group under review.",
    ),
    "DRR": Sentences(
        above="Unfavourable predictions are right more often for the group under review.",
        even="Unfavourable predictions are right equally often for both groups.",
        below="Unfavourable predictions are right less often for the group under review.",
    ),
    "AD": Sentences(
        above="The model is right less often for the group under review.",
        even="The model is right equally often for both groups.",
        below="The model is right more often for the group under review.",
    ),
    "CDDPL": Sentences(
        above="Within subgroups, the model refuses the group under review more often.",
        even="Within subgroups, the model refuses both groups equally often.",
        below="Within subgroups, the model refuses the group under review less often.",
    ),
    "TE": Sentences(
        above="Wrong refusals weigh more against wrong acceptances for everybody else.",
        even="Wrong refusals and wrong acceptances are balanced alike in both groups.",
        below="Wrong refusals weigh more against wrong acceptances for the group under review.",
    ),
    "FT": Sentences(
        above="Otherwise similar members of the group under review are mostly treated better.",
        even="Otherwise similar members of both groups are treated alike.",
        below="Otherwise similar members of the group under review are mostly treated worse.",
    ),
    "GE": Sentences(
        above="The model's benefits are spread unequally over people.",
        even="The model's benefits are spread equally over people.",
    ),
}


def sentence(metric: str, value: float) -> str | None:
    """Return what a value of a bias metric says, or None where the metric is not known.

    Args:
        metric: its short name, "DPL".
    """
    known = _SENTENCES.get(metric.strip().upper())
    if known is None:
        return None
    distance = value - known.ideal
    if abs(distance) < _EVEN:
        return known.even
    return known.above if distance > 0 or not known.below else known.below


def is_bias_group(name: str) -> bool:
    """Return whether a group of metrics is one of Clarify's bias reports."""
    return "bias" in name.lower()
