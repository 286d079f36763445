"""What can be asked of training jobs: create, describe, list, stop, delete."""

from __future__ import annotations

from collections.abc import Callable

from modelyard import clock
from modelyard.arns import sagemaker_arn
from modelyard.compute.images import Image
from modelyard.jobs.progress import TERMINAL, entry, transition
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceInUse, ResourceNotFound, ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.errors import AlreadyExists
from modelyard.store.objects import ObjectStores
from modelyard.store.resources import Resource, Snapshot, Store, Transaction
from modelyard.training.checks import problems_of
from modelyard.training.description import describe, summary
from modelyard.training.task import KIND as JOBS

KIND = JOBS.name


class TrainingOperations:
    """Create, describe, list, stop and delete training jobs.

    Args:
        image_of: returns the image of a URI; raises ValueError, naming what is offered.
        require_role: raises ValidationError where an account has no such role.
        begin: starts the workflow of a job, given its ARN, within the transaction.
        wake: has a running workflow look at its job's row.
        remove_files: removes what is left of an ended job's files.
    """

    def __init__(
        self,
        store: Store,
        objects: ObjectStores,
        *,
        image_of: Callable[[str], Image],
        require_role: Callable[[Snapshot, str, str], object],
        begin: Callable[[Transaction, str], None],
        wake: Callable[[str], None],
        remove_files: Callable[[Resource], None],
    ) -> None:
        self._store = store
        self._objects = objects
        self._image_of = image_of
        self._require_role = require_role
        self._begin = begin
        self._wake = wake
        self._remove_files = remove_files

    @operation("sagemaker", "CreateTrainingJob", on=named("training-job", "TrainingJobName"))
    def create_training_job(self, context: Context, request: Request) -> Response:
        problems = problems_of(
            request,
            image_of=self._image_of,
            has_bucket=self._objects.of(context.account).has_bucket,
        )
        if problems:
            raise ValidationError.of(problems)
        name = request["TrainingJobName"]
        arn = sagemaker_arn(account=context.account, region=context.region, kind=KIND, name=name)
        first = entry("Starting", clock.to_micros(clock.now()), JOBS.wording)
        with self._store.write() as transaction:
            self._require_role(transaction, context.account, request["RoleArn"])
            try:
                transaction.create(
                    scope_of(context),
                    KIND,
                    name,
                    arn=arn,
                    spec=spec_of(request),
                    status="InProgress",
                    observed={"secondary": "Starting", "transitions": [first]},
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ResourceInUse(
                    f"Training job names must be unique within an AWS account and region, and a "
                    f"training job with this name already exists ({arn})"
                ) from error
            self._begin(transaction, arn)
        return {"TrainingJobArn": arn}

    @operation("sagemaker", "DescribeTrainingJob", on=named("training-job", "TrainingJobName"))
    def describe_training_job(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            return describe(_find(snapshot, context, request), self._image_of)

    @operation("sagemaker", "ListTrainingJobs", on=every("training-job"))
    def list_training_jobs(self, context: Context, request: Request) -> Response:
        for member in ("WarmPoolStatusEquals", "TrainingPlanArnEquals"):
            if member in request:
                raise ValidationError(
                    f"{member} is not offered: leave it out (nor are warm pools, training plans)"
                )
        with self._store.read() as snapshot:
            listing = listing_of(request, descending=False)
            page = snapshot.list(scope_of(context), KIND, listing)
        response: Response = {"TrainingJobSummaries": [summary(job) for job in page.items]}
        if page.token is not None:
            response["NextToken"] = page.token
        return response

    @operation("sagemaker", "StopTrainingJob", on=named("training-job", "TrainingJobName"))
    def stop_training_job(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            job = _find(transaction, context, request)
            if job.status in TERMINAL:
                raise ValidationError(
                    f"The request was rejected because the training job is in status {job.status}"
                )
            if job.status != "Stopping":
                stopping = transition(job, "Stopping", JOBS.wording)
                transaction.update(job, status="Stopping", observed=stopping)
        self._wake(job.arn)
        return {}

    @operation("sagemaker", "DeleteTrainingJob", on=named("training-job", "TrainingJobName"))
    def delete_training_job(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            job = _find(transaction, context, request)
            if job.status not in TERMINAL:
                raise ResourceInUse(
                    f"The training job is in status {job.status}: stop it, and delete it when it "
                    "has ended"
                )
            transaction.delete(job)
        self._remove_files(job)
        return {}


def _find(snapshot: Snapshot, context: Context, request: Request) -> Resource:
    """Return the job that a request names.

    Raises:
        ResourceNotFound: there is none in the caller's account and region.
    """
    job = snapshot.find(scope_of(context), KIND, request["TrainingJobName"])
    if job is None:
        raise ResourceNotFound("Requested resource not found.")
    return job
