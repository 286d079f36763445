"""What can be asked of exports: have a card printed, describe and list such jobs."""

from __future__ import annotations

from typing import Any

from modelyard.governance.cards.rows import (
    EXPORT,
    caller_of,
    export_arn,
    find_card,
    find_version,
    user_context,
)
from modelyard.operations.context import Context
from modelyard.operations.errors import Conflict, ResourceNotFound, ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of
from modelyard.operations.table import OperationTable, Request, Response, operation
from modelyard.operations.targets import given, named
from modelyard.store.errors import AlreadyExists, NotFound
from modelyard.store.objects import ObjectStores, S3Uri
from modelyard.store.resources import Resource, Store
from modelyard.workflows.starter import WorkflowStarter

#: The name under which `app.py` registers `ExportWorkflow.run` with the engine.
WORKFLOW = "model-card-export"

IN_PROGRESS = "InProgress"


class ModelCardExportOperations:
    """Export jobs."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStores,
        table: OperationTable,
        workflows: WorkflowStarter,
    ) -> None:
        self._store = store
        self._objects = objects
        self._table = table
        self._workflows = workflows

    @operation("sagemaker", "CreateModelCardExportJob", on=named("model-card", "ModelCardName"))
    def create_model_card_export_job(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            card = find_card(snapshot, context, request["ModelCardName"])
            version = find_version(snapshot, card, request.get("ModelCardVersion"))
        job, number = request["ModelCardExportJobName"], version.observed["ModelCardVersion"]
        uri = self._place(context, request["OutputConfig"]["S3OutputPath"], job, card.name, number)
        # The caller has something written there: it takes the leave that writing it takes.
        with self._table.guard(
            context, "s3:PutObject", f"arn:aws:s3:::{uri.bucket}/{uri.key}", request
        ):
            arn = export_arn(card.scope, card.name, job)
        with self._store.write() as transaction:
            find_card(transaction, context, request["ModelCardName"])
            try:
                created = transaction.create(
                    card.scope,
                    EXPORT,
                    f"{card.name}/{job}",
                    arn=arn,
                    spec={
                        "ModelCardArn": card.arn,
                        "OutputConfig": request["OutputConfig"],
                        "Target": str(uri),
                        "Caller": caller_of(context),
                    },
                    status=IN_PROGRESS,
                    observed={
                        "ModelCardExportJobName": job,
                        "ModelCardExportJobArn": arn,
                        "ModelCardName": card.name,
                        "ModelCardVersion": number,
                        "CreatedBy": user_context(context),
                    },
                )
            except AlreadyExists as error:
                raise Conflict(
                    f"Model card export job {job!r} of card {card.name!r} already exists: choose "
                    "another name"
                ) from error
            self._workflows.start(transaction, WORKFLOW, created.arn)
        return {"ModelCardExportJobArn": arn}

    @operation("sagemaker", "DescribeModelCardExportJob", on=given("ModelCardExportJobArn"))
    def describe_model_card_export_job(self, context: Context, request: Request) -> Response:
        arn = request["ModelCardExportJobArn"]
        with self._store.read() as snapshot:
            try:
                job = snapshot.get_by_arn(arn)
            except NotFound as error:
                raise _not_found(arn) from error
        if job.kind != EXPORT or job.scope != scope_of(context):
            raise _not_found(arn)
        described = {**_summary(job), "OutputConfig": job.spec["OutputConfig"]}
        if "Artifact" in job.observed:
            described["ExportArtifacts"] = {"S3ExportArtifacts": job.observed["Artifact"]}
        if "FailureReason" in job.observed:
            described["FailureReason"] = job.observed["FailureReason"]
        return described

    @operation("sagemaker", "ListModelCardExportJobs", on=named("model-card", "ModelCardName"))
    def list_model_card_export_jobs(self, context: Context, request: Request) -> Response:
        part = request.get("ModelCardExportJobNameContains", "")
        number = request.get("ModelCardVersion")
        with self._store.read() as snapshot:
            card = find_card(snapshot, context, request["ModelCardName"])
            page = snapshot.list(
                card.scope, EXPORT, listing_of(request, name_prefix=f"{card.name}/")
            )
        return {
            "ModelCardExportJobSummaries": [
                _summary(job)
                for job in page.items
                if number in (None, job.observed["ModelCardVersion"])
                and part in job.observed["ModelCardExportJobName"]
            ],
            "NextToken": page.token,
        }

    def _place(self, context: Context, path: str, job: str, card: str, number: int) -> S3Uri:
        """Return where the PDF is to lie: `<path>/<job>/<card>-v<version>.pdf`.

        Raises:
            ValidationError: nothing can lie there.
        """
        try:
            uri = S3Uri.parse(path).child(job, f"{card}-v{number}.pdf")
            self._objects.of(context.account).check_place(uri)
        except (ValueError, NotFound) as error:
            raise ValidationError(
                f"OutputConfig.S3OutputPath {path!r} cannot be written to: {error}"
            ) from error
        return uri


def _summary(job: Resource) -> dict[str, Any]:
    return {
        "ModelCardExportJobName": job.observed["ModelCardExportJobName"],
        "ModelCardExportJobArn": job.arn,
        "Status": job.status,
        "ModelCardName": job.observed["ModelCardName"],
        "ModelCardVersion": job.observed["ModelCardVersion"],
        "CreatedAt": job.created_at,
        "LastModifiedAt": job.modified_at,
    }


def _not_found(arn: str) -> ResourceNotFound:
    return ResourceNotFound(f"Could not find model card export job {arn}")
