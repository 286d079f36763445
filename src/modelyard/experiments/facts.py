"""What MLflow is told of a job beside its metrics: parameters, tags, data, the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelyard import clock
from modelyard.jobs.images import digest_of
from modelyard.jobs.places import compute_of
from modelyard.store.resources import Resource

#: The tags that a job's run is found again by: its ARN, and when the job was made (microseconds),
#: since another job may have had its name before.
JOB_TAG, MADE_TAG = "modelyard.job_arn", "modelyard.job_created"
_MAX_PARAMETER = 6000  # characters that MLflow takes
_MAX_TAG = 8000
_MAX_KEY = 250
TUNING_JOB, AUTOPILOT_JOB = "hyper-parameter-tuning-job", "automl-job"
_TUNING_EXPERIMENT, _AUTOPILOT_EXPERIMENT = "tuning-jobs", "autopilot-jobs"
_TUNED, _FINAL = "TunedHyperParameters", "FinalHyperParameterTuningJobObjectiveMetric"
#: How a job ended -> how its run did.
_STATUSES = {"Completed": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A job's input."""

    channel: str
    uri: str

    def to_json(self) -> dict[str, Any]:
        """Return it as `runs/log-inputs` takes it."""
        return {
            "tags": [{"key": "mlflow.data.context", "value": self.channel}],
            "dataset": {
                "name": self.channel,
                # Of the place, not of the bytes: it says whether two runs read the same URI.
                "digest": hashlib.sha256(self.uri.encode()).hexdigest()[:8],
                "source_type": "s3",
                "source": json.dumps({"uri": self.uri}),
            },
        }


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a job, from its row alone."""

    experiment: str
    run_name: str
    start: int  # milliseconds since the epoch
    end: int | None
    status: str  # MLflow's word
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    datasets: Sequence[Dataset] = field(default=())
    #: Figures that the row itself holds, and no log.
    results: Mapping[str, float] = field(default_factory=dict)


def facts_of(job: Resource) -> Facts:
    """Return what is known of a job of any kind."""
    observed = job.observed
    start = observed.get("started", clock.to_micros(job.created_at))
    ended = observed.get("ended")
    tuning = job.kind == TUNING_JOB
    asked = _first_definition(job.spec) if tuning else job.spec
    environment = asked.get("Environment", {})
    return Facts(
        experiment=environment.get("MLFLOW_EXPERIMENT_NAME")
        or asked.get("ExperimentConfig", {}).get("ExperimentName")
        or _default_experiment(job),
        run_name=job.name if tuning else environment.get("MLFLOW_RUN_NAME") or job.name,
        start=start // 1000,
        end=None if ended is None else ended // 1000,
        status=_status(job.status),
        parameters={
            name[:_MAX_KEY]: str(value)[:_MAX_PARAMETER] for name, value in _parameters(job)
        },
        tags={name: text[:_MAX_TAG] for name, text in _tags(job)},
        datasets=list(_datasets(asked)),
        results=dict(_results(job)),
    )


def parent_of(job: Resource) -> str | None:
    """Return the ARN of the tuning or Autopilot job that made a training job; None: none did."""
    made_by = job.observed.get("tuning") or job.observed.get("autopilot") or {}
    return str(made_by["arn"]) if "arn" in made_by else None


def identity_of_run(job: Resource) -> dict[str, str]:
    """Return the tags that a job's run is found by."""
    return {JOB_TAG: job.arn, MADE_TAG: str(clock.to_micros(job.created_at))}


def _default_experiment(job: Resource) -> str:
    """Return one experiment a kind; a search and its trials share one, as MLflow nests them."""
    if job.kind == AUTOPILOT_JOB or "autopilot" in job.observed:
        return _AUTOPILOT_EXPERIMENT
    if job.kind == TUNING_JOB or parent_of(job) is not None:
        return _TUNING_EXPERIMENT
    return f"{job.kind}s"


def _first_definition(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    found = spec.get("TrainingJobDefinition") or next(iter(spec["TrainingJobDefinitions"]))
    return dict(found)


def _parameters(job: Resource) -> Iterator[tuple[str, object]]:
    if job.kind == TUNING_JOB:
        yield from _of_search(job)
    elif job.kind == AUTOPILOT_JOB:
        yield from _of_autopilot(job)
    else:
        yield from job.spec.get("HyperParameters", {}).items()


def _of_search(job: Resource) -> Iterator[tuple[str, object]]:
    """Yield what a search was asked to do and the best it found, under autologging's names."""
    config = job.spec["HyperParameterTuningJobConfig"]
    yield "Strategy", config["Strategy"]
    yield from config.get("ResourceLimits", {}).items()
    if "RandomSeed" in config:
        yield "RandomSeed", config["RandomSeed"]
    yield from _first_definition(job.spec).get("StaticHyperParameters", {}).items()
    if job.status in _STATUSES:  # a parameter is logged once, and the best may change until then
        for name, value in job.observed.get("BestTrainingJob", {}).get(_TUNED, {}).items():
            yield f"best_{name}", value


def _of_autopilot(job: Resource) -> Iterator[tuple[str, object]]:
    """Yield what an Autopilot job was asked for, and once it has ended what it resolved."""
    tabular = job.spec.get("AutoMLProblemTypeConfig", {}).get("TabularJobConfig", {})
    asked = tabular or job.spec.get("AutoMLJobConfig", {})
    inputs = job.spec.get("InputDataConfig") or [tabular]
    yield "TargetAttributeName", inputs[0].get("TargetAttributeName")
    yield from asked.get("CompletionCriteria", {}).items()
    if job.status in _STATUSES:
        yield from job.observed.get("resolved", {}).items()
        best = _best_candidate(job)
        if best is not None:
            yield "best_candidate", best["name"]
            yield "best_algorithm", best["algorithm"]


def _best_candidate(job: Resource) -> Mapping[str, Any] | None:
    candidates = job.observed.get("candidates", ())
    return next((one for one in candidates if one["name"] == job.observed.get("best")), None)


def _results(job: Resource) -> Iterator[tuple[str, float]]:
    if job.kind == AUTOPILOT_JOB:
        candidate = _best_candidate(job)
        for name, value in ({} if candidate is None else candidate["metrics"]).items():
            yield f"best_{name}", value
    best = job.observed.get("BestTrainingJob", {}).get(_FINAL)
    if best is not None:
        yield f"best_{best['MetricName']}", best["Value"]


def _tags(job: Resource) -> Iterator[tuple[str, str]]:
    spec, observed = job.spec, job.observed
    yield from identity_of_run(job).items()
    yield "mlflow.source.name", job.arn
    yield "mlflow.source.type", "JOB"
    if "RoleArn" in spec:
        yield "modelyard.role_arn", spec["RoleArn"]
    image = spec.get("AlgorithmSpecification", {}).get("TrainingImage") or spec.get(
        "AppSpecification", {}
    ).get("ImageUri")
    if image:
        yield "modelyard.image", image
        yield "modelyard.compute", compute_of(job)
    if digest_of(job):
        yield "modelyard.image_digest", digest_of(job)
    cost = observed.get("cost") or {}
    if cost.get("usd") is not None:
        yield "modelyard.cost_usd", f"{cost['usd']:.6f}"
    resources = spec.get("ResourceConfig") or spec.get("ProcessingResources", {}).get(
        "ClusterConfig", {}
    )
    if resources:
        yield "modelyard.instance_type", str(resources.get("InstanceType"))
        yield "modelyard.instance_count", str(resources.get("InstanceCount"))
    yield "modelyard.job_status", job.status
    if "BestTrainingJob" in observed:
        yield "modelyard.best_training_job", observed["BestTrainingJob"]["TrainingJobArn"]
    if observed.get("model"):
        yield "modelyard.model", observed["model"]
    if observed.get("failure_reason"):
        yield "modelyard.failure_reason", observed["failure_reason"]
    for output in spec.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if "S3Output" in output:
            yield f"modelyard.output.{output['OutputName']}", output["S3Output"]["S3Uri"]


def _datasets(spec: Mapping[str, Any]) -> Iterator[Dataset]:
    for channel in spec.get("InputDataConfig") or spec.get("AutoMLJobInputDataConfig", ()):
        source = channel["DataSource"].get("S3DataSource")
        if source is not None:
            name = channel.get("ChannelName") or channel.get("ChannelType", "training")
            yield Dataset(channel=name, uri=source["S3Uri"])
    for given in spec.get("ProcessingInputs", ()):
        if "S3Input" in given:
            yield Dataset(channel=given["InputName"], uri=given["S3Input"]["S3Uri"])


def _status(status: str) -> str:
    return _STATUSES.get(status, "RUNNING")
