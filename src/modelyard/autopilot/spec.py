"""What an Autopilot job asks for, as values: read from either of the requests that create one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from modelyard.images.autopilot.hyperparameters import DEFAULT_CANDIDATES
from modelyard.images.autopilot.problem_types import ALGORITHMS

#: Where the request names what the problem is, in the second form.
TABULAR = "TabularJobConfig"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Where rows are."""

    kind: str  # training, validation
    source: Mapping[str, Any]  # S3DataSource
    compression: str
    content_type: str
    target: str

    @classmethod
    def of(cls, given: Mapping[str, Any], target: str) -> Self:
        """Return a channel of either request."""
        return cls(
            kind=given.get("ChannelType", "training"),
            source=given.get("DataSource", {}).get("S3DataSource", {}),
            compression=given.get("CompressionType", "None"),
            content_type=given.get("ContentType", "text/csv;header=present"),
            target=given.get("TargetAttributeName", target),
        )


@dataclass(frozen=True, kw_only=True)
class AutopilotSpec:
    """A request, of either form."""

    name: str
    channels: Sequence[Channel]
    target: str
    sample_weight: str | None
    output: Mapping[str, Any]  # OutputDataConfig
    role: str
    problem_type: str | None  # None: it is inferred
    objective: str | None  # None: the problem type's default
    criteria: Mapping[str, Any]  # CompletionCriteria
    security: Mapping[str, Any]
    algorithms: Sequence[str]
    specification: str | None  # S3 URI
    validation_fraction: float | None
    definitions_only: bool
    mode: str

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        """Return the values of a request, known to be one that is offered or not."""
        return cls(**(_second if "AutoMLProblemTypeConfig" in request else _first)(request))

    @property
    def max_candidates(self) -> int:
        """How many candidates are tried."""
        return int(self.criteria.get("MaxCandidates", DEFAULT_CANDIDATES))

    @property
    def max_runtime_seconds(self) -> int | None:
        """How long the search may go on, from the job's creation."""
        found = self.criteria.get("MaxAutoMLJobRuntimeInSeconds")
        return None if found is None else int(found)

    @property
    def training(self) -> Channel:
        """The channel that is learnt from."""
        return next(channel for channel in self.channels if channel.kind == "training")

    def resolved_criteria(self) -> dict[str, Any]:
        """Return CompletionCriteria as they are in force."""
        return {"MaxCandidates": self.max_candidates, **self.criteria}


def _first(request: Mapping[str, Any]) -> dict[str, Any]:
    config = request.get("AutoMLJobConfig", {})
    channels = [Channel.of(channel, "") for channel in request["InputDataConfig"]]
    weights = [c.get("SampleWeightAttributeName") for c in request["InputDataConfig"]]
    return {
        **_common(request, config.get("CandidateGenerationConfig", {})),
        "name": request["AutoMLJobName"],
        "channels": channels,
        "target": channels[0].target,
        "sample_weight": next(filter(None, weights), None),
        "problem_type": request.get("ProblemType"),
        "criteria": config.get("CompletionCriteria", {}),
        "security": config.get("SecurityConfig", {}),
        "specification": config.get("CandidateGenerationConfig", {}).get(
            "FeatureSpecificationS3Uri"
        ),
        "validation_fraction": config.get("DataSplitConfig", {}).get("ValidationFraction"),
        "definitions_only": request.get("GenerateCandidateDefinitionsOnly", False),
        "mode": config.get("Mode", "AUTO"),
    }


def _second(request: Mapping[str, Any]) -> dict[str, Any]:
    config = request["AutoMLProblemTypeConfig"].get(TABULAR, {})
    target = config.get("TargetAttributeName", "")
    return {
        **_common(request, config.get("CandidateGenerationConfig", {})),
        "channels": [Channel.of(one, target) for one in request["AutoMLJobInputDataConfig"]],
        "target": target,
        "sample_weight": config.get("SampleWeightAttributeName"),
        "problem_type": config.get("ProblemType"),
        "criteria": config.get("CompletionCriteria", {}),
        "security": request.get("SecurityConfig", {}),
        "specification": config.get("FeatureSpecificationS3Uri"),
        "validation_fraction": request.get("DataSplitConfig", {}).get("ValidationFraction"),
        "definitions_only": config.get("GenerateCandidateDefinitionsOnly", False),
        "mode": config.get("Mode", "AUTO"),
    }


def _common(request: Mapping[str, Any], generation: Mapping[str, Any]) -> dict[str, Any]:
    named = [
        algorithm
        for config in generation.get("AlgorithmsConfig", ())
        for algorithm in config["AutoMLAlgorithms"]
    ]
    return {
        "name": request["AutoMLJobName"],
        "output": request["OutputDataConfig"],
        "role": request["RoleArn"],
        "objective": request.get("AutoMLJobObjective", {}).get("MetricName"),
        "algorithms": tuple(dict.fromkeys(named)) or ALGORITHMS,
    }
