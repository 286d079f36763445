"""Whether the features' ranking has changed: normalised discounted cumulative gain.

Source: the developer guide of the reference, "Feature attribution drift for models in production".
With `a(f)` the attribution of feature f at the baseline, `f_1, f_2, …` the features in the order of
their attributions at the baseline and `f'_1, f'_2, …` in that of their attributions now,

    DCG  = sum over i of a(f'_i) / log2(i + 1)
    iDCG = sum over i of a(f_i)  / log2(i + 1)
    nDCG = DCG / iDCG,

1 where the order is the same. Attributions count by their size, since medians may be negative.

A window's rows are a sample, and few of them rank features by chance. So a score below the
threshold is a violation where all of its confidence interval is below, whose upper bound comes by
the bootstrap (`explain.resampling`) at the level 1 - (1 - confidence) / m for m outputs
(Bonferroni). Of fewer than 30 rows the bootstrap knows too little: they are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from modelyard.images.clarify.explain.resampling import Sample, Weights
from modelyard.images.processing.errors import ClientError

THRESHOLD = 0.9  # of the reference: below it, there is a violation
_SECTION = "kernel_shap"


FEWEST_ROWS = 30  # for a ranking to be judged


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How one label's attributions have changed."""

    label: str
    score: float
    rows: int
    bound: float | None  # that the score does not exceed; None: it need not be known
    level: float  # of the bound
    baseline: Weights
    now: Weights

    @property
    def is_violation(self) -> bool:
        return self.bound is not None and max(self.score, self.bound) < THRESHOLD

    @property
    def remark(self) -> str | None:
        """What a reader must know of a score that decides nothing."""
        if self.rows < FEWEST_ROWS:
            return (
                f"{self.label}: {self.rows} rows are too few to judge the ranking of features by "
                f"(nDCG {self.score:.3f}), at least {FEWEST_ROWS} are needed"
            )
        if self.bound is None or self.is_violation:
            return None
        return (
            f"{self.label}: nDCG {self.score:.3f} is below {THRESHOLD}, as it may be by chance: "
            f"with {self.rows} rows its {self.level:.4%} upper bound is {self.bound:.3f}"
        )

    @property
    def description(self) -> str:
        """What happened, as the reference tells it."""
        return f"Feature attribution drift {self.score} exceeds threshold {THRESHOLD}"

    def document(self) -> dict[str, Any]:
        """Return the entry of constraint_violations.json."""
        return {
            "label": self.label,
            "metric_name": "shap",
            "constraint_check_type": "feature_attribution_drift_check",
            "description": self.description,
        }


def shifts(
    now: Mapping[str, Sample], baseline: Mapping[str, Any], *, confidence: float
) -> list[Shift]:
    """Return how the attributions of each label have changed since a baseline.

    Args:
        now: the Shapley values of a window's rows, by label.
        baseline: the content of the baseline's analysis.json.
        confidence: of the check as a whole, within (0, 1).

    Raises:
        ClientError: it has no attributions of these labels.
    """
    section = baseline.get("explanations", {}).get(_SECTION, {})
    missing = sorted(set(now) - set(section))
    if missing:
        raise ClientError(
            f"The baseline has no attributions of {', '.join(missing)}: it has those of "
            f"{', '.join(section) or 'no label'}"
        )
    level = 1 - (1 - confidence) / max(len(now), 1)
    return [
        _shift(label, sample, section[label]["global_shap_values"], level)
        for label, sample in now.items()
    ]


def _shift(label: str, sample: Sample, before: Mapping[str, Any], level: float) -> Shift:
    then = {name: float(value) for name, value in before.items()}
    score = ndcg(then, sample.weights)
    bound = None
    if score < THRESHOLD and sample.rows >= FEWEST_ROWS:
        bound = sample.upper_bound(lambda weights: ndcg(then, weights), level=level)
    return Shift(
        label=label,
        score=score,
        rows=sample.rows,
        bound=bound,
        level=level,
        baseline=then,
        now=sample.weights,
    )


def ndcg(baseline: Weights, now: Weights) -> float:
    """Return the score of today's ranking, from 0 to 1; a feature that is missing comes last."""
    ideal = _gain(_ranked(baseline), baseline)
    if ideal == 0:
        return 1.0
    return _gain(_ranked({name: now.get(name, 0.0) for name in baseline}), baseline) / ideal


def _ranked(attributions: Mapping[str, float]) -> Sequence[str]:
    # Ties in the order of the names, lest a change of the columns' order is a drift.
    return sorted(attributions, key=lambda name: (-abs(attributions[name]), name))


def _gain(ranking: Sequence[str], baseline: Mapping[str, float]) -> float:
    return sum(abs(baseline[name]) / log2(place + 1) for place, name in enumerate(ranking, start=1))
