"""What can be asked of training jobs: create, describe, list, stop, delete."""

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
from modelyard.store.resources import Json, Scope
from modelyard.training.checks import problems_of
from modelyard.training.description import describe, summary

_JOB = named("training-job", "TrainingJobName")


class TrainingOperations:
    """Create, describe, list, stop and delete training jobs.

    Args:
        image_of: returns the image of a URI; raises ValueError, naming what is offered.
        key_problem: why a role could not use a key in a scope, in a sentence; None: it could.
    """

    def __init__(
        self,
        desk: JobDesk,
        objects: ObjectStores,
        *,
        image_of: Callable[[str], Image],
        key_problem: Callable[[Scope, str, str], str | None],
    ) -> None:
        self._desk = desk
        self._objects = objects
        self._image_of = image_of
        self._key_problem = key_problem

    def problems(self, context: Context, request: Request) -> list[str]:
        """Return what stands against a CreateTrainingJob request, in the order of its members."""
        return problems_of(
            request,
            image_of=self._image_of,
            has_bucket=self._objects.of(context.account).has_bucket,
            key_problem=partial(self._key_problem, scope_of(context)),
        )

    def create(self, context: Context, request: Request, *, observed: Json | None = None) -> str:
        """Make a training job of a valid request and start it; return its ARN.

        Args:
            observed: more for its row, of whoever has it made as a part of something larger.

        Raises:
            ValidationError: the request cannot be carried out.
            ResourceInUse: there is a training job of that name.
        """
        problems = self.problems(context, request)
        if problems:
            raise ValidationError.of(problems)
        image = self._image_of(request["AlgorithmSpecification"]["TrainingImage"])
        name = request["TrainingJobName"]
        return self._desk.create(context, name, request, image=image, observed=observed)

    @operation("sagemaker", "CreateTrainingJob", on=_JOB)
    def create_training_job(self, context: Context, request: Request) -> Response:
        return {"TrainingJobArn": self.create(context, request)}

    @operation("sagemaker", "DescribeTrainingJob", on=_JOB)
    def describe_training_job(self, context: Context, request: Request) -> Response:
        return describe(self._desk.get(context, request["TrainingJobName"]), self._image_of)

    @operation("sagemaker", "ListTrainingJobs", on=every("training-job"))
    def list_training_jobs(self, context: Context, request: Request) -> Response:
        for member in ("WarmPoolStatusEquals", "TrainingPlanArnEquals"):
            if member in request:
                raise ValidationError(
                    f"{member} is not offered: leave it out (nor are warm pools, training plans)"
                )
        page = self._desk.list(context, request)
        response: Response = {"TrainingJobSummaries": [summary(job) for job in page.items]}
        if page.token is not None:
            response["NextToken"] = page.token
        return response

    @operation("sagemaker", "StopTrainingJob", on=_JOB)
    def stop_training_job(self, context: Context, request: Request) -> Response:
        self._desk.stop(context, request["TrainingJobName"])
        return {}

    @operation("sagemaker", "DeleteTrainingJob", on=_JOB)
    def delete_training_job(self, context: Context, request: Request) -> Response:
        self._desk.delete(context, request["TrainingJobName"])
        return {}
