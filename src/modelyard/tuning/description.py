"""How a tuning job is described: its request, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelyard import clock
from modelyard.compute.images import Image
from modelyard.store.resources import Resource
from modelyard.tuning.book import Book
from modelyard.tuning.metric_regexes import regexes_of
from modelyard.tuning.spec import TuningSpec
from modelyard.tuning.summaries import shown
from modelyard.tuning.trial_requests import OBJECTIVE_HYPERPARAMETER, resources_of

#: Members of the request that the answer repeats as they were given.
_REPEATED = (
    "HyperParameterTuningJobConfig",
    "WarmStartConfig",
    "Autotune",
)


def describe(job: Resource, image_of: Callable[[str], Image]) -> dict[str, Any]:
    """Return what DescribeHyperParameterTuningJob answers; what is not known yet is left out."""
    observed = job.observed
    found = {
        **_common(job),
        **{name: job.spec[name] for name in _REPEATED if name in job.spec},
        **_definitions(job, image_of),
        "TuningJobCompletionDetails": {
            "NumberOfTrainingJobsObjectiveNotImproving": observed.get("not_improving", 0)
        },
        "ConsumedResources": {"RuntimeInSeconds": _seconds(job)},
    }
    for name in ("BestTrainingJob", "OverallBestTrainingJob"):
        if name in observed:
            found[name] = shown(observed[name])
    if observed.get("failure_reason") is not None:
        found["FailureReason"] = observed["failure_reason"]
    return found


def summary(job: Resource) -> dict[str, Any]:
    """Return what ListHyperParameterTuningJobs answers of one job."""
    config = job.spec["HyperParameterTuningJobConfig"]
    return {
        **_common(job),
        "Strategy": config["Strategy"],
        "ResourceLimits": config["ResourceLimits"],
    }


def _common(job: Resource) -> dict[str, Any]:
    observed, nothing = job.observed, Book(TuningSpec.of(job.spec), ())
    found = {
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobStatus": job.status,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
        "TrainingJobStatusCounters": observed.get("TrainingJobStatusCounters")
        or nothing.status_counters(),
        "ObjectiveStatusCounters": observed.get("ObjectiveStatusCounters")
        or nothing.objective_counters(),
    }
    if "ended" in observed:
        found["HyperParameterTuningEndTime"] = clock.from_micros(observed["ended"])
    return found


def _definitions(job: Resource, image_of: Callable[[str], Image]) -> dict[str, Any]:
    """Return the definitions with what clients index, also where it was not given so.

    That is the hyperparameter that the service adds, the image's own metrics, and ResourceConfig:
    the SDK gives the other form, HyperParameterTuningResourceConfig, and attaches by this one.
    """
    told = [
        {
            "ResourceConfig": resources_of(definition.request),
            **definition.request,
            "AlgorithmSpecification": _algorithm(definition.request, image_of),
            "StaticHyperParameters": {
                **definition.static,
                OBJECTIVE_HYPERPARAMETER: definition.objective.metric,
            },
        }
        for definition in TuningSpec.of(job.spec).definitions
    ]
    if "TrainingJobDefinition" in job.spec:
        return {"TrainingJobDefinition": told[0]}
    return {"TrainingJobDefinitions": told}


def _algorithm(definition: Mapping[str, Any], image_of: Callable[[str], Image]) -> dict[str, Any]:
    given = definition["AlgorithmSpecification"]
    own, named = regexes_of(given, image_of)
    found = [{"Name": name, "Regex": regex} for name, regex in {**own, **named}.items()]
    return {**given, "MetricDefinitions": found}


def _seconds(job: Resource) -> int:
    ended = job.observed.get("ended")
    until = clock.now() if ended is None else clock.from_micros(ended)
    return max(0, int((until - job.created_at).total_seconds()))
