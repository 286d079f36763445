"""The jobs of a pipeline's stack: what became of them after it had succeeded.

A stack succeeds once its jobs are accepted. So how they end stands here, and why if they failed,
with the last lines of their logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources import (
    AutopilotJob,
    Calls,
    TrainingJob,
    TransformJob,
    TuningJob,
)
from modelyard.orchestrator.stacks.state import Stack
from modelyard.store.resources import Resource

_TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
_TRANSFORM_LOGS = "/aws/sagemaker/TransformJobs"
_LAST_LINES = 20


class StackJobs:
    """Describes the jobs of stacks."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._kinds: Mapping[str, Callable[[Context, str], dict[str, Any]]] = {
            TrainingJob.type: self._training,
            TuningJob.type: self._tuning,
            TransformJob.type: self._transform,
            AutopilotJob.type: self._autopilot,
        }

    def has_any(self, stack: Resource) -> bool:
        """Return whether a stack has asked for a job."""
        return any(
            record.type in self._kinds and record.is_complete
            for record in Stack.of(stack).records.values()
        )

    def of(self, context: Context, stack: Resource) -> list[dict[str, Any]]:
        """Return what is known of each job that the stack has asked for."""
        return [
            self._job(context, record.type, record.name)
            for record in Stack.of(stack).records.values()
            if record.type in self._kinds and record.is_complete
        ]

    def _job(self, context: Context, kind: str, name: str) -> dict[str, Any]:
        try:
            return self._kinds[kind](context, name)
        except ClientError as error:
            return {"jobName": name, "status": None, "message": str(error)}

    def _training(self, context: Context, name: str) -> dict[str, Any]:
        client = self._calls.client(context, "sagemaker")
        job = client.describe_training_job(TrainingJobName=name)
        found = {
            "jobName": name,
            "jobArn": job["TrainingJobArn"],
            "status": job["TrainingJobStatus"],
            "secondaryStatus": job.get("SecondaryStatus"),
        }
        if job["TrainingJobStatus"] == "Failed":
            found["failureReason"] = job.get("FailureReason")
            found["lastLogLines"] = self._last_lines(context, _TRAINING_LOGS, name)
        return found

    def _transform(self, context: Context, name: str) -> dict[str, Any]:
        client = self._calls.client(context, "sagemaker")
        job = client.describe_transform_job(TransformJobName=name)
        found = {
            "jobName": name,
            "jobArn": job["TransformJobArn"],
            "status": job["TransformJobStatus"],
        }
        if job["TransformJobStatus"] == "Failed":
            found["failureReason"] = job.get("FailureReason")
            found["lastLogLines"] = self._last_lines(context, _TRANSFORM_LOGS, name)
        return found

    def _tuning(self, context: Context, name: str) -> dict[str, Any]:
        client = self._calls.client(context, "sagemaker")
        job = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        best = job.get("BestTrainingJob", {})
        found = {
            "jobName": name,
            "jobArn": job["HyperParameterTuningJobArn"],
            "status": job["HyperParameterTuningJobStatus"],
            "trainingJobs": job["TrainingJobStatusCounters"],
            "bestTrainingJob": best.get("TrainingJobName"),
            "bestObjective": best.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get(
                "Value"
            ),
        }
        if job["HyperParameterTuningJobStatus"] == "Failed":
            found["failureReason"] = job.get("FailureReason")
        return found

    def _autopilot(self, context: Context, name: str) -> dict[str, Any]:
        client = self._calls.client(context, "sagemaker")
        job = client.describe_auto_ml_job(AutoMLJobName=name)
        best = job.get("BestCandidate", {})
        found = {
            "jobName": name,
            "jobArn": job["AutoMLJobArn"],
            "status": job["AutoMLJobStatus"],
            "secondaryStatus": job["AutoMLJobSecondaryStatus"],
            "bestCandidate": best.get("CandidateName"),
            "bestObjective": best.get("FinalAutoMLJobObjectiveMetric", {}).get("Value"),
        }
        if job["AutoMLJobStatus"] == "Failed":
            found["failureReason"] = job.get("FailureReason")
        return found

    def _last_lines(self, context: Context, group: str, job: str) -> list[str]:
        client = self._calls.client(context, "logs")
        try:
            streams = client.describe_log_streams(
                logGroupName=group, logStreamNamePrefix=f"{job}/"
            )["logStreams"]
            lines = [
                event["message"]
                for stream in streams
                for event in client.get_log_events(
                    logGroupName=group,
                    logStreamName=stream["logStreamName"],
                    limit=_LAST_LINES,
                    startFromHead=False,
                )["events"]
            ]
        except (ClientError, AttributeError):
            return []  # a log that cannot be read hides no state
        return lines[-_LAST_LINES:]
