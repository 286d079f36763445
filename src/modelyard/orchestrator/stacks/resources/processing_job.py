"""`AWS::SageMaker::ProcessingJob`: settled once the job has completed and its files are there.

What depends on it reads what it wrote. Like every job it is history: it cannot be changed, and a
template that keeps jobs retains them.
"""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources._base import SETTLED, WORKING, Progress
from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource
from modelyard.store.resources import Json


class ProcessingJob(SageMakerResource):
    type = "AWS::SageMaker::ProcessingJob"
    noun = "ProcessingJob"
    arn_kind = "processing-job"
    name_property = "ProcessingJobName"
    attributes = ("ProcessingJobName",)

    def progress(self, description: Json, properties: Json) -> Progress:
        status = description["ProcessingJobStatus"]
        if status in ("InProgress", "Stopping"):
            return WORKING
        if status == "Completed":
            return SETTLED
        reason = description.get("ExitMessage") or description.get("FailureReason")
        return Progress(failure=f"the processing job is {status}: {reason or 'it was stopped'}")

    def delete(self, context: Context, name: str, description: Json) -> None:
        status = description["ProcessingJobStatus"]
        if status == "InProgress":
            self._call(context, "Stop", name)
        elif status != "Stopping":
            super().delete(context, name, description)

    def retire(self, context: Context, name: str, description: Json) -> None:
        if description["ProcessingJobStatus"] == "InProgress":
            self._call(context, "Stop", name)
