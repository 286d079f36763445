"""What can be asked of Autopilot jobs."""

from __future__ import annotations

import uuid

from modelyard.autopilot.checks import problems_of
from modelyard.autopilot.description import candidate, describe, describe_v2, summary
from modelyard.autopilot.listing import page_of
from modelyard.autopilot.search_job import TrainingDesk
from modelyard.jobs.creator import caller_of
from modelyard.jobs.desk import JobDesk
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named

_JOB = named("automl-job", "AutoMLJobName")


class AutopilotOperations:
    """Create, describe, list and stop Autopilot jobs, and list their candidates."""

    def __init__(self, desk: JobDesk, training: TrainingDesk) -> None:
        self._desk = desk
        self._training = training

    @operation("sagemaker", "CreateAutoMLJob", on=_JOB)
    def create_job(self, context: Context, request: Request) -> Response:
        return self._create(context, request)

    @operation("sagemaker", "CreateAutoMLJobV2", on=_JOB)
    def create_job_v2(self, context: Context, request: Request) -> Response:
        return self._create(context, request)

    @operation("sagemaker", "DescribeAutoMLJob", on=_JOB)
    def describe_job(self, context: Context, request: Request) -> Response:
        return describe(self._desk.get(context, request["AutoMLJobName"]))

    @operation("sagemaker", "DescribeAutoMLJobV2", on=_JOB)
    def describe_job_v2(self, context: Context, request: Request) -> Response:
        return describe_v2(self._desk.get(context, request["AutoMLJobName"]))

    @operation("sagemaker", "ListAutoMLJobs", on=every("automl-job"))
    def list_jobs(self, context: Context, request: Request) -> Response:
        page = self._desk.list(context, request, descending=True)
        response: Response = {"AutoMLJobSummaries": [summary(job) for job in page.items]}
        if page.token is not None:
            response["NextToken"] = page.token
        return response

    @operation("sagemaker", "ListCandidatesForAutoMLJob", on=_JOB)
    def list_candidates(self, context: Context, request: Request) -> Response:
        job = self._desk.get(context, request["AutoMLJobName"])
        objective = job.observed.get("resolved", {}).get("objective", "")
        page, token = page_of(job.observed.get("candidates", ()), objective, request)
        response: Response = {"Candidates": [candidate(job, one) for one in page]}
        if token is not None:
            response["NextToken"] = token
        return response

    @operation("sagemaker", "StopAutoMLJob", on=_JOB)
    def stop_job(self, context: Context, request: Request) -> Response:
        self._desk.stop(context, request["AutoMLJobName"])
        return {}

    def _create(self, context: Context, request: Request) -> Response:
        problems = problems_of(
            request,
            training_problems=lambda example: self._training.problems(context, example),
        )
        if problems:
            raise ValidationError.of(problems)
        arn = self._desk.create(
            context,
            request["AutoMLJobName"],
            request,
            observed={
                "identity": uuid.uuid4().hex,
                "caller": caller_of(context),
                "candidates": [],
            },
        )
        return {"AutoMLJobArn": arn}
