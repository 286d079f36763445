"""The sections of an analysis configuration, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias.outcomes import Value

Place = str | int  # a column's name or index; in JSON a JMESPath expression


@dataclass(frozen=True, kw_only=True)
class FacetSection:
    """A sensitive attribute."""

    place: Place
    values: Sequence[Value]  # empty: each value of the column


@dataclass(frozen=True, kw_only=True)
class ShapSection:
    """How predictions are explained."""

    baseline: str | Sequence[Any] | None
    clusters: int | None
    budget: int | None
    aggregation: str
    use_logit: bool
    saves_local_values: bool
    seed: int
    features: Sequence[Place] | None


@dataclass(frozen=True, kw_only=True)
class PdpSection:
    """Which partial dependence curves are drawn."""

    resolution: int
    features: Sequence[Place] | None  # None: those with the largest Shapley values
    most: int


@dataclass(frozen=True, kw_only=True)
class PredictorSection:
    """How the model is asked, and where in its answers the prediction stands."""

    model: str | None
    content_type: str | None
    accept: str | None
    label: Place | None
    probability: Place | None
    label_headers: Sequence[Place]
    content_template: str | None
    record_template: str | None
    custom_attributes: str | None


@dataclass(frozen=True, kw_only=True)
class AnalysisConfig:
    """What is asked of a job."""

    dataset_type: str
    headers: Sequence[str] | None
    label: Place | None
    predicted_label: Place | None
    features: str | None  # JMESPath
    label_values: Sequence[Value]
    probability_threshold: float | None
    facets: Sequence[FacetSection]
    group: Place | None
    excluded: Sequence[Place]
    join_source: Place | None
    bias: Mapping[Stage, Sequence[str]]  # names of metrics
    shap: ShapSection | None
    pdp: PdpSection | None
    predictor: PredictorSection | None
    report_name: str | None
    report_title: str

    @property
    def needs_model(self) -> bool:
        """Whether something is asked that only the model's answers can tell."""
        return self.shap is not None or self.pdp is not None
