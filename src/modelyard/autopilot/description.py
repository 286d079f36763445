"""How Autopilot jobs and their candidates are described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard import clock
from modelyard.autopilot.search_job import IMAGE
from modelyard.autopilot.spec import TABULAR, AutopilotSpec
from modelyard.images.autopilot.problem_types import LOSSES, METRICS, REGRESSION, direction
from modelyard.store.resources import Resource

_NOTEBOOKS = {
    "DataExplorationNotebookLocation": "SageMakerAutopilotDataExplorationNotebook.ipynb",
    "CandidateDefinitionNotebookLocation": ("SageMakerAutopilotCandidateDefinitionNotebook.ipynb"),
}
_SUPPORTED = "predicted_label,probability,probabilities,labels"
_METRICS = frozenset(name for names in METRICS.values() for name in names)


def describe(job: Resource) -> dict[str, Any]:
    """Return what DescribeAutoMLJob answers; what is not known yet is left out."""
    spec, found = AutopilotSpec.of(job.spec), _described(job)
    if "AutoMLProblemTypeConfig" not in job.spec:
        repeated = ("InputDataConfig", "ProblemType", "AutoMLJobConfig", "ModelDeployConfig")
        found |= {name: job.spec[name] for name in repeated if name in job.spec}
    else:
        found |= _as_first(job.spec, spec)
    return {**found, "GenerateCandidateDefinitionsOnly": spec.definitions_only}


def describe_v2(job: Resource) -> dict[str, Any]:
    """Return what DescribeAutoMLJobV2 answers, of a job that either operation created."""
    spec, found = AutopilotSpec.of(job.spec), _described(job)
    if "AutoMLProblemTypeConfig" in job.spec:
        repeated = (
            "AutoMLJobInputDataConfig",
            "AutoMLProblemTypeConfig",
            "DataSplitConfig",
            "SecurityConfig",
            "ModelDeployConfig",
        )
        found |= {name: job.spec[name] for name in repeated if name in job.spec}
    else:
        found |= _as_second(job.spec, spec)
    resolved = found.get("ResolvedAttributes")
    if resolved is not None:
        kind = {"ProblemType": resolved.pop("ProblemType")} if "ProblemType" in resolved else {}
        resolved["AutoMLProblemTypeResolvedAttributes"] = {"TabularResolvedAttributes": kind}
    return {**found, "AutoMLProblemTypeConfigName": "Tabular"}


def summary(job: Resource) -> dict[str, Any]:
    """Return what ListAutoMLJobs answers of one job."""
    found = {
        "AutoMLJobName": job.name,
        "AutoMLJobArn": job.arn,
        "AutoMLJobStatus": job.status,
        "AutoMLJobSecondaryStatus": _secondary(job),
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
    }
    if "ended" in job.observed:
        found["EndTime"] = clock.from_micros(job.observed["ended"])
    if job.observed.get("failure_reason") is not None:
        found["FailureReason"] = job.observed["failure_reason"]
    return found


def candidate(job: Resource, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return AutoMLCandidate.

    Args:
        given: as the job's row keeps it.
    """
    search, resolved = job.observed["search"], job.observed["resolved"]
    objective = resolved["objective"]
    value = given["metrics"].get(objective)
    found: dict[str, Any] = {
        "CandidateName": given["name"],
        "ObjectiveStatus": _objective_status(given, value),
        "CandidateSteps": [
            {
                "CandidateStepType": "AWS::SageMaker::TrainingJob",
                "CandidateStepArn": search["arn"],
                "CandidateStepName": search["name"],
            }
        ],
        "CandidateStatus": given["status"],
        "CreationTime": clock.from_micros(given["started"]),
        "LastModifiedTime": clock.from_micros(given["ended"] or given["started"]),
        "CandidateProperties": _properties(job, given),
    }
    if given["ended"] is not None:
        found["EndTime"] = clock.from_micros(given["ended"])
    if given["failure"]:
        found["FailureReason"] = given["failure"]
    if value is not None:
        found["FinalAutoMLJobObjectiveMetric"] = {
            "Type": direction(objective),
            "MetricName": objective,
            "StandardMetricName": objective,
            "Value": value,
        }
    if given["status"] == "Completed" and job.observed.get("model"):
        found["InferenceContainers"] = [_container(job, given["name"], resolved["problem_type"])]
    return found


def best_of(job: Resource) -> Mapping[str, Any] | None:
    """Return the best candidate so far, as the job's row keeps it; of equal ones the first."""
    resolved = job.observed.get("resolved")
    if resolved is None:
        return None
    metric = resolved["objective"]
    found = [one for one in job.observed.get("candidates", ()) if metric in one["metrics"]]
    turned = -1 if metric in LOSSES else 1
    return max(found, key=lambda one: turned * one["metrics"][metric], default=None)


def _described(job: Resource) -> dict[str, Any]:
    """Return what both operations answer."""
    spec, observed = AutopilotSpec.of(job.spec), job.observed
    found = {
        **summary(job),
        "OutputDataConfig": job.spec["OutputDataConfig"],
        "RoleArn": job.spec["RoleArn"],
    }
    if "AutoMLJobObjective" in job.spec:
        found["AutoMLJobObjective"] = job.spec["AutoMLJobObjective"]
    best = best_of(job)
    if best is not None:
        found["BestCandidate"] = candidate(job, best)
    if observed.get("model"):
        folder = f"{_data(job)}notebooks/"
        found["AutoMLJobArtifacts"] = {name: folder + file for name, file in _NOTEBOOKS.items()}
    resolved = observed.get("resolved")
    found["ResolvedAttributes"] = {"CompletionCriteria": spec.resolved_criteria()}
    if resolved is not None:
        found["ResolvedAttributes"] |= {
            "ProblemType": resolved["problem_type"],
            "AutoMLJobObjective": {"MetricName": resolved["objective"]},
        }
    return found


def _secondary(job: Resource) -> str:
    """Return the secondary status in words that the API has."""
    found: str = job.observed["secondary"]
    return "Starting" if found == "Restarting" else found


def _properties(job: Resource, given: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [
        {
            **({"MetricName": name} if name in _METRICS else {}),
            "StandardMetricName": name,
            "Value": value,
            "Set": "Validation",
        }
        for name, value in given["metrics"].items()
    ]
    found: dict[str, Any] = {"CandidateMetrics": metrics}
    # Only of a search that came to its end, and there only of its best candidate.
    if job.status == "Completed" and given["name"] == job.observed.get("best"):
        found["CandidateArtifactLocations"] = {
            "Explainability": f"{_data(job)}explainability/{given['name']}",
            "ModelInsights": f"{_data(job)}insights/{given['name']}",
        }
    return found


def _container(job: Resource, name: str, problem_type: str) -> dict[str, Any]:
    supported = "predicted_label" if problem_type == REGRESSION else _SUPPORTED
    return {
        "Image": IMAGE,
        "ModelDataUrl": f"{job.observed['model']}{name}/model.tar.gz",
        "Environment": {
            "SAGEMAKER_INFERENCE_OUTPUT": "predicted_label",
            "SAGEMAKER_INFERENCE_SUPPORTED": supported,
        },
    }


def _data(job: Resource) -> str:
    """Return where the reports are, beside the candidates."""
    model: str = job.observed["model"]
    return f"{model.removesuffix('model/')}data/"


def _objective_status(given: Mapping[str, Any], value: float | None) -> str:
    if given["status"] == "InProgress":
        return "Pending"
    return "Failed" if value is None else "Succeeded"


def _as_first(request: Mapping[str, Any], spec: AutopilotSpec) -> dict[str, Any]:
    """Return a request of the second form in members of the first."""
    weight = {} if spec.sample_weight is None else {"SampleWeightAttributeName": spec.sample_weight}
    inputs = [
        {**channel, "TargetAttributeName": spec.target, **weight}
        for channel in request["AutoMLJobInputDataConfig"]
    ]
    tabular = request["AutoMLProblemTypeConfig"][TABULAR]
    config = {name: tabular[name] for name in ("CompletionCriteria", "Mode") if name in tabular}
    config |= {
        name: request[name] for name in ("SecurityConfig", "DataSplitConfig") if name in request
    }
    generation = dict(tabular.get("CandidateGenerationConfig", {}))
    if spec.specification is not None:
        generation["FeatureSpecificationS3Uri"] = spec.specification
    if generation:
        config["CandidateGenerationConfig"] = generation
    kind = {} if spec.problem_type is None else {"ProblemType": spec.problem_type}
    return {"InputDataConfig": inputs, "AutoMLJobConfig": config, **kind}


def _as_second(request: Mapping[str, Any], spec: AutopilotSpec) -> dict[str, Any]:
    """Return a request of the first form in members of the second."""
    own = ("TargetAttributeName", "SampleWeightAttributeName")
    inputs = [
        {name: value for name, value in channel.items() if name not in own}
        for channel in request["InputDataConfig"]
    ]
    config = request.get("AutoMLJobConfig", {})
    generation = dict(config.get("CandidateGenerationConfig", {}))
    generation.pop("FeatureSpecificationS3Uri", None)
    given = {
        "TargetAttributeName": spec.target,
        "SampleWeightAttributeName": spec.sample_weight,
        "ProblemType": spec.problem_type,
        "GenerateCandidateDefinitionsOnly": spec.definitions_only,
        "FeatureSpecificationS3Uri": spec.specification,
        "CompletionCriteria": config.get("CompletionCriteria"),
        "Mode": config.get("Mode"),
        "CandidateGenerationConfig": generation or None,
    }
    tabular = {name: value for name, value in given.items() if value is not None}
    found: dict[str, Any] = {
        "AutoMLJobInputDataConfig": inputs,
        "AutoMLProblemTypeConfig": {TABULAR: tabular},
    }
    return found | {
        name: config[name] for name in ("SecurityConfig", "DataSplitConfig") if name in config
    }
