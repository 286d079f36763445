"""Whether the features' ranking has changed: normalised discounted cumulative gain.

Source: the developer guide of the reference, "Feature attribution drift for models in production".
With `a(f)` the attribution of feature f at the baseline, `f_1, f_2, …` the features in the order of
their attributions at the baseline and `f'_1, f'_2, …` in that of their attributions now,

    DCG  = sum over i of a(f'_i) / log2(i + 1)
    iDCG = sum over i of a(f_i)  / log2(i + 1)
    nDCG = DCG / iDCG,

1 where the order is the same. Attributions count by their size, since medians may be negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from modelyard.images.processing.errors import ClientError

THRESHOLD = 0.9  # of the reference: below it, there is a violation
_SECTION = "kernel_shap"


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How one label's attributions have changed."""

    label: str
    score: float
    baseline: Mapping[str, float]
    now: Mapping[str, float]

    @property
    def is_violation(self) -> bool:
        return self.score < THRESHOLD

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


def shifts(now: Mapping[str, Mapping[str, float]], baseline: Mapping[str, Any]) -> list[Shift]:
    """Return how the attributions of each label have changed since a baseline.

    Args:
        now: the global Shapley values, by label and feature.
        baseline: the content of the baseline's analysis.json.

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
    found = []
    for label, values in now.items():
        then = {name: float(value) for name, value in section[label]["global_shap_values"].items()}
        found.append(Shift(label=label, score=ndcg(then, values), baseline=then, now=values))
    return found


def ndcg(baseline: Mapping[str, float], now: Mapping[str, float]) -> float:
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
