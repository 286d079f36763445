"""Whether a model has become more biased than its baseline.

Source: the developer guide of the reference, "Bias drift for models in production" and "Bias drift
violations". A metric's value is worse than the baseline's where it lies farther from the value at
which the metric finds no bias (0; 1 for disparate impact), to either side. A window's rows are a
sample, so the value itself does not decide: there is a violation where the whole confidence
interval C of the value lies outside of the allowed range

    A = [neutral - r, neutral + r]   with   r = |baseline - neutral| + z s,

`s` being the baseline's own standard error where its file tells it. C and z are of the level
1 - (1 - confidence) / m for m metrics that are checked (Bonferroni), so a run in which nothing has
changed has a violation with a probability of at most 1 - confidence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from modelyard.images.clarify.bias.analysis import FacetResult, Finding
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias.outcomes import normal
from modelyard.images.processing.errors import ClientError

FEWEST_ROWS = 20  # on either side of a facet, for a value to be judged
SECTIONS = {
    Stage.PRE_TRAINING: "pre_training_bias_metrics",
    Stage.POST_TRAINING: "post_training_bias_metrics",
}


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A metric that is worse than at the baseline."""

    facet: str
    facet_value: str
    finding: Finding
    baseline: float
    interval: tuple[float, float]
    level: float

    @property
    def description(self) -> str:
        """What happened, beginning as the reference tells it."""
        low, high = self.interval
        neutral = self.finding.metric.neutral
        return (
            f"Value {self.finding.value} does not meet the constraint requirement: the baseline is "
            f"{self.baseline:.6g}, and the {self.level:.4%} confidence interval "
            f"[{low:.6g}, {high:.6g}] lies farther from {neutral:g} than that"
        )

    def document(self) -> dict[str, Any]:
        """Return the entry of constraint_violations.json."""
        return {
            "facet": self.facet,
            "facet_value": self.facet_value,
            "metric_name": self.finding.metric.name,
            "constraint_check_type": "bias_drift_check",
            "description": self.description,
        }


@dataclass(frozen=True)
class Baseline:
    """The analysis.json of a baseline job."""

    document: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read it, from a file or from the only JSON file of a folder.

        Raises:
            ClientError: it is not there, or is no analysis.
        """
        if path.is_dir():
            path = path / "analysis.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ClientError(f"There is no baseline at {path}") from None
        except ValueError as error:
            raise ClientError(f"The baseline {path.name} is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise ClientError(f"The baseline {path.name} must hold a JSON object")
        return cls(document)

    @property
    def label(self) -> str | None:
        """The positive labels, as they are written."""
        found = (self._section(stage).get("label_value_or_threshold") for stage in Stage)
        return next((text for text in found if isinstance(text, str)), None)

    def facet_text(self, facet: str) -> str | None:
        """Return how one of a facet's values is written."""
        for stage in Stage:
            for entry in self._section(stage).get("facets", {}).get(facet, ()):
                return str(entry.get("value_or_threshold"))
        return None

    def metric(self, stage: Stage, facet: str, text: str, name: str) -> Mapping[str, Any] | None:
        """Return a metric of one value of a facet."""
        for entry in self._section(stage).get("facets", {}).get(facet, ()):
            if _same_value(str(entry.get("value_or_threshold")), text):
                for metric in entry.get("metrics", ()):
                    if metric.get("name") == name and metric.get("value") is not None:
                        return dict(metric)
        return None

    def _section(self, stage: Stage) -> Mapping[str, Any]:
        section = self.document.get(SECTIONS[stage], {})
        return section if isinstance(section, dict) else {}


@dataclass(frozen=True, kw_only=True)
class DriftCheck:
    """What the check found."""

    violations: Sequence[Violation]
    checked: int
    remarks: Sequence[str]


def check(results: Sequence[FacetResult], baseline: Baseline, *, confidence: float) -> DriftCheck:
    """Compare metrics with those of a baseline.

    Args:
        results: what was found now.
        baseline: what was found then.
        confidence: of the check as a whole, within (0, 1).
    """
    remarks = []
    pairs = []
    for result in results:
        fewest = int(min(result.cells.facet.rows, result.cells.rest.rows))
        if fewest < FEWEST_ROWS:
            remarks.append(
                f"{result.facet} {result.split.text}: {fewest} rows on one side are too few to "
                f"judge by, at least {FEWEST_ROWS} are needed"
            )
        else:
            pairs += list(_pairs(result, baseline))
    level = 1 - (1 - confidence) / max(len(pairs), 1)
    found = (_violation(result, finding, then, level) for result, finding, then in pairs)
    return DriftCheck(
        violations=[violation for violation in found if violation is not None],
        checked=len(pairs),
        remarks=remarks,
    )


def _pairs(
    result: FacetResult, baseline: Baseline
) -> Iterator[tuple[FacetResult, Finding, Mapping[str, Any]]]:
    for finding in result.findings:
        then = baseline.metric(finding.stage, result.facet, result.split.text, finding.metric.name)
        if finding.uncertainty is not None and then is not None:
            yield result, finding, then


def _violation(
    result: FacetResult, finding: Finding, then: Mapping[str, Any], level: float
) -> Violation | None:
    interval = finding.interval(level)
    if interval is None:
        return None
    value = float(then["value"])
    neutral = finding.metric.neutral
    error = float(then.get("standard_error") or 0.0)
    reach = abs(value - neutral) + NormalDist().inv_cdf((1 + level) / 2) * error
    low, high = interval
    if math.isnan(value) or (low <= neutral + reach and high >= neutral - reach):
        return None
    return Violation(
        facet=result.facet,
        facet_value=result.split.given,
        finding=finding,
        baseline=value,
        interval=(low, high),
        level=level,
    )


def _same_value(one: str, other: str) -> bool:
    """Whether two texts mean the same rows: 1 and 1.0 do, of an interval its threshold counts."""
    if one.startswith("(") and other.startswith("("):
        return float(one[1:].partition(",")[0]) == float(other[1:].partition(",")[0])
    return [normal(value) for value in one.split(",")] == [
        normal(value) for value in other.split(",")
    ]
