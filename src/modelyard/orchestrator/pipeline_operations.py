"""CodePipeline's operations on the orchestrator's pipelines: look, approve, retry, stop, roll back.

https://docs.aws.amazon.com/codepipeline/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from modelyard import clock
from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import Target
from modelyard.orchestrator.delivery import control
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.approving import Approver
from modelyard.orchestrator.delivery.errors import ExecutionNotFound, PipelineNotFound
from modelyard.orchestrator.delivery.runs import IN_PROGRESS, SUCCEEDED, Execution
from modelyard.orchestrator.pipeline_descriptions import (
    declaration,
    execution_description,
    execution_summary,
    state_description,
)
from modelyard.registry.approvals import Approvals
from modelyard.store.errors import BadPageToken
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot, Store, Transaction
from modelyard.workflows.starter import WorkflowStarter

_PAGE = 100


def _on(*members: str) -> Target:
    """The pipeline of the caller's account, or what the further members name in it."""

    def find(context: Context, request: Mapping[str, Any]) -> str:
        parts = [request.get(member) for member in members] or ["*"]
        named = [part if isinstance(part, str) and part else "*" for part in parts]
        arn = Arn(
            service="codepipeline",
            region=context.region,
            account=context.account,
            resource="/".join(named),
        )
        return str(arn)

    return find


_NAME = _on("name")
_PIPELINE = _on("pipelineName")
_STAGE = _on("pipelineName", "stageName")


class PipelineOperations:
    """Looks at pipelines and steers their executions."""

    def __init__(self, store: Store, workflows: WorkflowStarter, approvals: Approvals) -> None:
        self._store = store
        self._workflows = workflows
        self._approver = Approver(approvals)

    @operation("codepipeline", "ListPipelines", on=_on())
    def list_pipelines(self, context: Context, request: Request) -> Response:
        listing = Listing(
            limit=request.get("maxResults", _PAGE), token=request.get("nextToken"), sort_by="Name"
        )
        with self._store.read() as snapshot:
            page = _page(snapshot, context, rows.KIND, listing)
        return {
            "pipelines": [
                {
                    "name": row.name,
                    "version": 1,
                    "pipelineType": "V1",
                    "executionMode": "SUPERSEDED",
                    "created": row.created_at,
                    "updated": row.modified_at,
                }
                for row in page.items
            ],
            "nextToken": page.token,
        }

    @operation("codepipeline", "GetPipeline", on=_NAME)
    def get_pipeline(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            return declaration(_pipeline(snapshot, context, request["name"]))

    @operation("codepipeline", "GetPipelineState", on=_NAME)
    def get_pipeline_state(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            return state_description(_pipeline(snapshot, context, request["name"]))

    @operation("codepipeline", "GetPipelineExecution", on=_PIPELINE)
    def get_pipeline_execution(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            pipeline = _pipeline(snapshot, context, request["pipelineName"])
            row = rows.find_execution(snapshot, pipeline, request["pipelineExecutionId"])
        if row is None:
            raise ExecutionNotFound(
                f"{pipeline.name} has no execution {request['pipelineExecutionId']}"
            )
        return {"pipelineExecution": execution_description(pipeline, row)}

    @operation("codepipeline", "ListPipelineExecutions", on=_PIPELINE)
    def list_pipeline_executions(self, context: Context, request: Request) -> Response:
        stage = request.get("filter", {}).get("succeededInStage", {}).get("stageName")
        with self._store.read() as snapshot:
            pipeline = _pipeline(snapshot, context, request["pipelineName"])
            listing = Listing(
                limit=request.get("maxResults", _PAGE),
                token=request.get("nextToken"),
                descending=True,
                name_prefix=f"{pipeline.name}/",
            )
            page = _page(snapshot, context, rows.EXECUTION, listing)
        return {
            "pipelineExecutionSummaries": [
                execution_summary(row) for row in page.items if _deployed(row, stage)
            ],
            "nextToken": page.token,
        }

    @operation(
        "codepipeline", "PutApprovalResult", on=_on("pipelineName", "stageName", "actionName")
    )
    def put_approval_result(self, context: Context, request: Request) -> Response:
        result = request["result"]
        with self._changing(context, request["pipelineName"]) as (transaction, pipeline):
            self._approver.decide(
                transaction,
                context,
                pipeline,
                stage=request["stageName"],
                action=request["actionName"],
                token=request["token"],
                wanted=result["status"],
                reason=result["summary"],
            )
        return {"approvedAt": clock.now()}

    @operation("codepipeline", "RetryStageExecution", on=_STAGE)
    def retry_stage_execution(self, context: Context, request: Request) -> Response:
        id_ = request["pipelineExecutionId"]
        with self._changing(context, request["pipelineName"]) as (transaction, pipeline):
            control.retry(
                transaction,
                pipeline,
                request["stageName"],
                id_,
                all_actions=request["retryMode"] == "ALL_ACTIONS",
            )
        return {"pipelineExecutionId": id_}

    @operation("codepipeline", "StopPipelineExecution", on=_PIPELINE)
    def stop_pipeline_execution(self, context: Context, request: Request) -> Response:
        id_ = request["pipelineExecutionId"]
        with self._changing(context, request["pipelineName"]) as (transaction, pipeline):
            control.stop(
                transaction,
                context,
                pipeline,
                id_,
                abandon=request.get("abandon", False),
                reason=request.get("reason", ""),
            )
        return {"pipelineExecutionId": id_}

    @operation("codepipeline", "RollbackStage", on=_STAGE)
    def rollback_stage(self, context: Context, request: Request) -> Response:
        with self._changing(context, request["pipelineName"]) as (transaction, pipeline):
            execution = control.roll_back(
                transaction,
                context,
                pipeline,
                request["stageName"],
                request["targetPipelineExecutionId"],
            )
        return {"pipelineExecutionId": execution.id}

    @operation("codepipeline", "StartPipelineExecution", on=_NAME)
    def start_pipeline_execution(self, context: Context, request: Request) -> Response:
        refused = [name for name in ("variables", "sourceRevisions") if request.get(name)]
        if refused:
            raise ValidationError(f"{' and '.join(refused)}: not offered, leave it out")
        with self._changing(context, request["name"]) as (transaction, pipeline):
            execution = control.start(transaction, context, pipeline)
        return {"pipelineExecutionId": execution.id}

    @contextmanager
    def _changing(self, context: Context, name: str) -> Iterator[tuple[Transaction, Resource]]:
        """Change a pipeline; its workflow is started, in the same transaction, if it is to work."""
        with self._store.write() as transaction:
            pipeline = _pipeline(transaction, context, name)
            yield transaction, pipeline
            changed = transaction.get_by_arn(pipeline.arn)
            if changed.status == IN_PROGRESS:
                self._workflows.start(transaction, rows.WORKFLOW, pipeline.arn)


def _pipeline(snapshot: Snapshot, context: Context, name: str) -> Resource:
    found = snapshot.find(scope_of(context), rows.KIND, name)
    if found is None:
        raise PipelineNotFound(
            f"Account '{context.account}' does not have a pipeline with name '{name}'"
        )
    return found


def _page(snapshot: Snapshot, context: Context, kind: str, listing: Listing) -> Any:
    try:
        return snapshot.list(scope_of(context), kind, listing)
    except BadPageToken as error:
        raise ValidationError(str(error)) from error


def _deployed(row: Resource, stage: str | None) -> bool:
    """Return whether an execution succeeded in a stage; in any, where none is named."""
    if stage is None:
        return True
    found = Execution.from_json(row.observed["execution"]).stage(stage)
    return found is not None and found.status == SUCCEEDED
