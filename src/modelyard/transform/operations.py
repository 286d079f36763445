"""What can be asked of transform jobs: create, describe, list, stop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from modelyard.compute.images import Image
from modelyard.jobs.desk import JobDesk
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.objects import ObjectStores
from modelyard.store.resources import Scope
from modelyard.transform.checks import problems_of
from modelyard.transform.description import describe, summary
from modelyard.transform.model import FindModel

_JOB = named("transform-job", "TransformJobName")


class TransformOperations:
    """Create, describe, list and stop transform jobs.

    Args:
        find_model: finds the model that a job names.
        image_of: returns the image of a URI that serves; raises ValueError, naming what is offered.
        key_problem: why a role could not use a key in a scope, in a sentence; None: it could.
    """

    def __init__(
        self,
        desk: JobDesk,
        objects: ObjectStores,
        *,
        find_model: FindModel,
        image_of: Callable[[str], Image],
        key_problem: Callable[[Scope, str, str], str | None],
    ) -> None:
        self._desk = desk
        self._objects = objects
        self._find_model = find_model
        self._image_of = image_of
        self._key_problem = key_problem

    @operation("sagemaker", "CreateTransformJob", on=_JOB)
    def create_transform_job(self, context: Context, request: Request) -> Response:
        model = self._find_model(context, request["ModelName"])
        problems = problems_of(
            request,
            model,
            image_of=self._image_of,
            has_bucket=self._objects.of(context.account).has_bucket,
            key_problem=partial(self._key_problem, scope_of(context)),
        )
        if problems:
            raise ValidationError.of(problems)
        arn = self._desk.create(
            context,
            request["TransformJobName"],
            request,
            image=self._image_of(model.image),
            whole=False,
            observed={"model": model.to_json(), "role": model.role},
        )
        return {"TransformJobArn": arn}

    @operation("sagemaker", "DescribeTransformJob", on=_JOB)
    def describe_transform_job(self, context: Context, request: Request) -> Response:
        return describe(self._desk.get(context, request["TransformJobName"]))

    @operation("sagemaker", "ListTransformJobs", on=every("transform-job"))
    def list_transform_jobs(self, context: Context, request: Request) -> Response:
        page = self._desk.list(context, request, descending=True)
        response: Response = {"TransformJobSummaries": [summary(job) for job in page.items]}
        if page.token is not None:
            response["NextToken"] = page.token
        return response

    @operation("sagemaker", "StopTransformJob", on=_JOB)
    def stop_transform_job(self, context: Context, request: Request) -> Response:
        self._desk.stop(context, request["TransformJobName"])
        return {}
