"""What an Autopilot job may ask for: the rules that the API's own model does not state.

What stands in the data, as a target column that is not there, is found by the job when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.autopilot.search_job import request_of
from modelyard.autopilot.spec import TABULAR, AutopilotSpec
from modelyard.images.autopilot.problem_types import ALGORITHMS, objective_problem

_Request = Mapping[str, Any]

_CONTENT_TYPES = ("text/csv", "x-application/vnd.amazon+parquet", "application/x-parquet")
#: As long as the name of a job's training job can be.
_NAME = "n" * 63


def problems_of(
    request: _Request, *, training_problems: Callable[[_Request], list[str]]
) -> list[str]:
    """Return all that stands against a CreateAutoMLJob or CreateAutoMLJobV2 request.

    Args:
        training_problems: what stands against a CreateTrainingJob request.
    """
    found = [*_problem_kind(request)]
    if found:
        return found
    spec = AutopilotSpec.of(request)
    found += [*_channels(spec), *_objective(spec), *_generation(spec), *_not_offered(request)]
    if found:
        return found
    return training_problems(request_of(spec, name=_NAME, deadline=None, tags={}))


def _problem_kind(request: _Request) -> Iterator[str]:
    if "AutoMLProblemTypeConfig" not in request:
        return
    given = [*request["AutoMLProblemTypeConfig"]]
    if len(given) != 1:
        yield f"AutoMLProblemTypeConfig must have exactly one member: give {TABULAR}"
    elif given[0] != TABULAR:
        yield f"AutoMLProblemTypeConfig.{given[0]} is not offered: use {TABULAR}"


def _channels(spec: AutopilotSpec) -> Iterator[str]:
    kinds = [channel.kind for channel in spec.channels]
    if kinds.count("training") != 1 or kinds.count("validation") > 1:
        yield "give one channel with ChannelType training, and at most one with validation"
    if len({channel.target for channel in spec.channels}) > 1:
        yield "the channels have different TargetAttributeNames: they must have the same"
    if "validation" in kinds and spec.validation_fraction is not None:
        yield "DataSplitConfig.ValidationFraction is for jobs without a validation channel"
    if spec.validation_fraction is not None and not 0 < spec.validation_fraction < 1:
        yield (
            f"DataSplitConfig.ValidationFraction {spec.validation_fraction:g} must be between 0 "
            "and 1, and neither of them"
        )
    for channel in spec.channels:
        if not channel.source:
            yield f"the {channel.kind} channel has no DataSource.S3DataSource: say where it is"
        elif channel.source["S3DataType"] == "AugmentedManifestFile":
            yield "S3DataType AugmentedManifestFile is not offered: use S3Prefix or ManifestFile"
        kind = channel.content_type.partition(";")[0].strip().lower()
        if kind not in _CONTENT_TYPES or "header=absent" in channel.content_type.lower():
            yield (
                f"ContentType {channel.content_type!r} is not offered: use "
                "text/csv;header=present or x-application/vnd.amazon+parquet"
            )


def _objective(spec: AutopilotSpec) -> Iterator[str]:
    if (spec.problem_type is None) != (spec.objective is None):
        given, missing = (
            ("AutoMLJobObjective", "ProblemType")
            if spec.problem_type is None
            else ("ProblemType", "AutoMLJobObjective")
        )
        yield f"{given} is given without {missing}: give both of them, or neither"
    elif spec.problem_type is not None and spec.objective is not None:
        problem = objective_problem(spec.objective, spec.problem_type)
        if problem is not None:
            yield f"AutoMLJobObjective: {problem}"


def _generation(spec: AutopilotSpec) -> Iterator[str]:
    unknown = [name for name in spec.algorithms if name not in ALGORITHMS]
    if unknown:
        yield (
            f"AlgorithmsConfig: {', '.join(unknown)} is not offered: use {', '.join(ALGORITHMS)}"
        )
    if spec.mode == "ENSEMBLING":
        yield "Mode ENSEMBLING is not offered: use HYPERPARAMETER_TUNING or AUTO"


def _not_offered(request: _Request) -> Iterator[str]:
    if any(request.get("ModelDeployConfig", {}).values()):
        yield "ModelDeployConfig is not offered: deploy BestCandidate.InferenceContainers"
    if request.get("AutoMLComputeConfig"):
        yield "AutoMLComputeConfig is not offered: leave it out"
