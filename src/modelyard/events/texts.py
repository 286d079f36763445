"""What a notification says of an event where its target has no template of its own.

The wordings for pipelines, training, tuning, processing and transform jobs are those that
subscribers of the MLOps Workload Orchestrator know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_MAX_SHOWN = 10  # violations of a monitor

#: By detail-type; the names in braces are fields of the detail.
TEXTS: Mapping[str, str] = {
    "CodePipeline Pipeline Execution State Change": (
        "Pipeline {pipeline} finished executing. Pipeline execution result is {state}"
    ),
    "CodePipeline Action Execution State Change": (
        "{stage} action {action} in the Pipeline {pipeline} finished executing. "
        "Action execution result is {state}"
    ),
    "CodePipeline Stage Execution State Change": (
        "Stage {stage} in the Pipeline {pipeline} finished executing. "
        "Stage execution result is {state}"
    ),
    "SageMaker Training Job State Change": (
        "The training job {TrainingJobName} status is: {TrainingJobStatus}."
    ),
    "SageMaker HyperParameter Tuning Job State Change": (
        "The hyperparameter training job {HyperParameterTuningJobName} status is: "
        "{HyperParameterTuningJobStatus}."
    ),
    "SageMaker AutoML Job State Change": (
        "The Autopilot job {AutoMLJobName} status is: {AutoMLJobStatus}."
    ),
    "SageMaker Processing Job State Change": (
        "The processing job {ProcessingJobName} status is: {ProcessingJobStatus}."
    ),
    "SageMaker Transform Job State Change": (
        "The transform job {TransformJobName} status is: {TransformJobStatus}."
    ),
    "SageMaker Endpoint State Change": "The endpoint {EndpointName} status is: {EndpointStatus}.",
    "SageMaker Model Package State Change": (
        "Version {ModelPackageVersion} of the model package group {ModelPackageGroupName} is: "
        "{ModelPackageStatus}, {ModelApprovalStatus}."
    ),
    "SageMaker Model Card State Change": (
        "The model card {ModelCardName} status is: {ModelCardStatus}."
    ),
    "Modelyard Monitoring Execution State Change": (
        "An execution of the monitoring schedule {MonitoringScheduleName} is: "
        "{MonitoringExecutionStatus}."
    ),
    "Modelyard Monitoring Alert State Change": (
        "The alert of the monitoring schedule {MonitoringScheduleName} is: {AlertStatus}."
    ),
}
#: Where these have not ended yet, the wordings above would be wrong.
_BEGUN = {
    "CodePipeline Pipeline Execution State Change": (
        "Pipeline {pipeline} is executing. Pipeline execution state is {state}"
    ),
    "CodePipeline Stage Execution State Change": (
        "Stage {stage} in the Pipeline {pipeline} is executing. Stage execution state is {state}"
    ),
    "CodePipeline Action Execution State Change": (
        "{stage} action {action} in the Pipeline {pipeline} is executing. "
        "Action execution state is {state}"
    ),
}


def text_of(envelope: Mapping[str, Any]) -> str:
    """Return the sentence on an event; of an event without one, its detail as JSON."""
    kind, detail = envelope["detail-type"], envelope["detail"]
    template = TEXTS.get(kind)
    if template is None:
        if "Kind" in detail and "Status" in detail:
            return f"The {detail['Kind']} {detail.get('Name')} status is: {detail['Status']}."
        return f"{kind}: {json.dumps(detail, ensure_ascii=False)}"
    if detail.get("state") in ("STARTED", "RESUMED", "STOPPING"):
        template = _BEGUN.get(kind, template)
        if detail.get("type", {}).get("category") == "Approval":
            return _asked(detail)
    lines = [template.format_map(_Known(detail)), *_violated(detail)]
    if detail.get("FailureReason"):
        lines.append(detail["FailureReason"])
    return "\n".join(lines)


def _violated(detail: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each of the first violations that a monitor's event tells of."""
    found = detail.get("Violations") or []
    for one in found[:_MAX_SHOWN]:
        since = datetime.fromtimestamp((one.get("Since") or 0) / 1000, UTC)
        place, what = one.get("Where"), one.get("What")
        yield f"- {place}: {what} since {since:%Y-%m-%dT%H:%MZ}. {one.get('HowMuch')}"
    if len(found) > _MAX_SHOWN:
        yield f"- and {len(found) - _MAX_SHOWN} more"


def _asked(detail: Mapping[str, Any]) -> str:
    """Return what is asked of whoever may approve."""
    said = detail.get("execution-result", {}).get("external-execution-summary", "")
    return (
        f"{said or 'Please approve'}. The approval {detail['action']} waits in the stage "
        f"{detail['stage']} of the Pipeline {detail['pipeline']}"
    )


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "-"
