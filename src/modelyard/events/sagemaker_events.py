"""SageMaker's kinds of resources, and the details of their events.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelyard.events.changes import Change, micros_to_millis, millis, upper_snake
from modelyard.events.event_types import SAGEMAKER, Builder, EventType, Told
from modelyard.events.model_package_events import PACKAGE_TYPE, model_package

_JOB = ("InProgress", "Completed", "Failed", "Stopping", "Stopped")
_TIMES = ("CreationTime", "LastModifiedTime")
_LAST = ("FailureReason", "Tags")


def _sagemaker(
    title: str,
    *,
    name: str,
    arn: str,
    status: str,
    statuses: tuple[str, ...],
    spec: tuple[str, ...] = (),
    observed: tuple[str, ...] = (),
    more: Callable[[Change], dict[str, Any]] = lambda _: {},
    more_keys: tuple[str, ...] = (),
    spelt: Callable[[str], str] = str,
) -> tuple[Builder, tuple[EventType, ...]]:
    """Describe a SageMaker kind.

    Args:
        name: member that holds the resource's name; likewise `arn`, `status`.
        statuses: all values of the status, as the store has them.
        spec: members of the create request that the detail repeats; likewise `observed`.
        spelt: how the event spells a status.
    """
    type_ = EventType(
        source=SAGEMAKER,
        name=f"SageMaker {title}",
        keys=frozenset({name, arn, status, *spec, *observed, *more_keys, *_TIMES, *_LAST}),
        values={status: frozenset(spelt(word) for word in (*statuses, "Deleted"))},
    )

    def build(change: Change) -> list[Told]:
        detail: dict[str, Any] = {name: change.name, arn: change.arn}
        detail |= {key: change.spec[key] for key in spec if key in change.spec}
        detail |= {key: change.observed[key] for key in observed if key in change.observed}
        detail |= more(change)
        detail |= {
            status: spelt(change.status),
            "CreationTime": millis(change.created_at),
            "LastModifiedTime": millis(change.at),
            "Tags": dict(change.tags),
        }
        reason = change.observed.get("failure_reason")
        if reason:
            detail["FailureReason"] = reason
        return [Told(type=type_, detail=detail)]

    return build, (type_,)


def _training(change: Change) -> dict[str, Any]:
    observed = change.observed
    found: dict[str, Any] = {
        "SecondaryStatus": observed.get("secondary"),
        "SecondaryStatusTransitions": [
            {
                "Status": entry["status"],
                "StartTime": micros_to_millis(entry["start"]),
                "StatusMessage": entry["message"],
                **({"EndTime": micros_to_millis(entry["end"])} if entry["end"] else {}),
            }
            for entry in observed.get("transitions", [])
        ],
        "ModelArtifacts": {"S3ModelArtifacts": observed.get("model") or ""},
        "FinalMetricDataList": [
            {**metric, "Timestamp": micros_to_millis(metric["Timestamp"])}
            for metric in observed.get("metrics") or []
        ],
    }
    for key, member in (
        ("training_start", "TrainingStartTime"),
        ("training_end", "TrainingEndTime"),
    ):
        if observed.get(key) is not None:
            found[member] = micros_to_millis(observed[key])
    return found


def _tuning(change: Change) -> dict[str, Any]:
    best = change.observed.get("BestTrainingJob")
    if best is None:
        return {}
    times = ("CreationTime", "TrainingStartTime", "TrainingEndTime")
    return {
        "BestTrainingJob": {
            name: micros_to_millis(value) if name in times else value
            for name, value in best.items()
        }
    }


def _autopilot(change: Change) -> dict[str, Any]:
    found = {
        "AutoMLJobSecondaryStatus": change.observed.get("secondary"),
        "BestCandidateName": change.observed.get("best"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _processing(change: Change) -> dict[str, Any]:
    observed = change.observed
    found = {
        "ProcessingStartTime": micros_to_millis(observed.get("started")),
        "ProcessingEndTime": micros_to_millis(observed.get("ended")),
        "ExitMessage": observed.get("exit_message"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _transform(change: Change) -> dict[str, Any]:
    found = {
        "TransformStartTime": micros_to_millis(change.observed.get("started")),
        "TransformEndTime": micros_to_millis(change.observed.get("ended")),
    }
    return {key: value for key, value in found.items() if value is not None}


def _endpoint(change: Change) -> dict[str, Any]:
    shown = change.observed.get("live") or change.observed.get("plan") or {}
    return {
        "EndpointConfigName": shown.get("config_name") or change.spec.get("EndpointConfigName"),
        "ProductionVariants": [
            {
                "VariantName": variant["name"],
                "CurrentWeight": variant["weight"],
                "DesiredWeight": variant["weight"],
                "CurrentInstanceCount": variant["instance_count"],
                "DesiredInstanceCount": variant["instance_count"],
            }
            for variant in shown.get("variants", [])
        ],
    }


#: Members of a training job's request that tell nothing secret; `Environment` may.
_TRAINING_SPEC = (
    "AlgorithmSpecification",
    "HyperParameters",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "VpcConfig",
    "CheckpointConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "ExperimentConfig",
)


def _pipeline_execution(change: Change) -> list[Told]:
    detail = {
        "pipelineArn": change.arn.rpartition("/execution/")[0],
        "pipelineExecutionArn": change.arn,
        "pipelineExecutionDisplayName": change.spec.get("PipelineExecutionDisplayName"),
        "currentPipelineExecutionStatus": change.status,
        "previousPipelineExecutionStatus": change.previous_status,
        "executionStartTime": change.created_at.isoformat(timespec="seconds"),
    }
    return [Told(type=_PIPELINE_EXECUTION_TYPE, detail=detail)]


_PIPELINE_EXECUTION_TYPE = EventType(
    source=SAGEMAKER,
    name="SageMaker Model Building Pipeline Execution Status Change",
    keys=frozenset(
        {
            "pipelineArn",
            "pipelineExecutionArn",
            "pipelineExecutionDisplayName",
            "currentPipelineExecutionStatus",
            "previousPipelineExecutionStatus",
            "executionStartTime",
        }
    ),
    values={
        "currentPipelineExecutionStatus": frozenset(
            {"Executing", "Stopping", "Stopped", "Failed", "Succeeded", "Deleted"}
        )
    },
)

#: By the kind of resource: what builds its events, and the types that it can make.
SAGEMAKER_KINDS: Mapping[str, tuple[Builder, tuple[EventType, ...]]] = {
    "training-job": _sagemaker(
        "Training Job State Change",
        name="TrainingJobName",
        arn="TrainingJobArn",
        status="TrainingJobStatus",
        statuses=_JOB,
        spec=_TRAINING_SPEC,
        more=_training,
        more_keys=(
            "SecondaryStatus",
            "SecondaryStatusTransitions",
            "ModelArtifacts",
            "FinalMetricDataList",
            "TrainingStartTime",
            "TrainingEndTime",
        ),
    ),
    "hyper-parameter-tuning-job": _sagemaker(
        "HyperParameter Tuning Job State Change",
        name="HyperParameterTuningJobName",
        arn="HyperParameterTuningJobArn",
        status="HyperParameterTuningJobStatus",
        statuses=_JOB,
        spec=("HyperParameterTuningJobConfig", "TrainingJobDefinition"),
        observed=("TrainingJobStatusCounters", "ObjectiveStatusCounters"),
        more=_tuning,
        more_keys=("BestTrainingJob",),
    ),
    "automl-job": _sagemaker(
        "AutoML Job State Change",
        name="AutoMLJobName",
        arn="AutoMLJobArn",
        status="AutoMLJobStatus",
        statuses=_JOB,
        spec=("OutputDataConfig", "ProblemType", "AutoMLJobObjective", "RoleArn"),
        more=_autopilot,
        more_keys=("AutoMLJobSecondaryStatus", "BestCandidateName"),
    ),
    "processing-job": _sagemaker(
        "Processing Job State Change",
        name="ProcessingJobName",
        arn="ProcessingJobArn",
        status="ProcessingJobStatus",
        statuses=_JOB,
        spec=(
            "ProcessingInputs",
            "ProcessingOutputConfig",
            "ProcessingResources",
            "AppSpecification",
            "StoppingCondition",
            "RoleArn",
            "ExperimentConfig",
        ),
        observed=("MonitoringScheduleArn", "AutoMLJobArn"),
        more=_processing,
        more_keys=("ProcessingStartTime", "ProcessingEndTime", "ExitMessage"),
    ),
    "transform-job": _sagemaker(
        "Transform Job State Change",
        name="TransformJobName",
        arn="TransformJobArn",
        status="TransformJobStatus",
        statuses=_JOB,
        spec=(
            "ModelName",
            "MaxConcurrentTransforms",
            "MaxPayloadInMB",
            "BatchStrategy",
            "TransformInput",
            "TransformOutput",
            "TransformResources",
        ),
        more=_transform,
        more_keys=("TransformStartTime", "TransformEndTime"),
    ),
    "endpoint": _sagemaker(
        "Endpoint State Change",
        name="EndpointName",
        arn="EndpointArn",
        status="EndpointStatus",
        statuses=(
            "OutOfService",
            "Creating",
            "Updating",
            "SystemUpdating",
            "RollingBack",
            "InService",
            "Deleting",
            "Failed",
            "UpdateRollbackFailed",
        ),
        more=_endpoint,
        more_keys=("EndpointConfigName", "ProductionVariants"),
        spelt=upper_snake,
    ),
    "feature-group": _sagemaker(
        "Feature Group State Change",
        name="FeatureGroupName",
        arn="FeatureGroupArn",
        status="FeatureGroupStatus",
        statuses=("Creating", "Created", "CreateFailed", "Deleting", "DeleteFailed"),
        spec=("RecordIdentifierFeatureName", "EventTimeFeatureName", "FeatureDefinitions"),
        observed=("OfflineStoreStatus",),
    ),
    "model-package": (model_package, (PACKAGE_TYPE,)),
    "model-card": _sagemaker(
        "Model Card State Change",
        name="ModelCardName",
        arn="ModelCardArn",
        status="ModelCardStatus",
        statuses=("Draft", "PendingReview", "Approved", "Archived"),
        observed=("ModelCardVersion", "CreatedBy", "LastModifiedBy"),
    ),
    "pipeline-execution": (_pipeline_execution, (_PIPELINE_EXECUTION_TYPE,)),
}
