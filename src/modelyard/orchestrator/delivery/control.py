"""What a person may do with a pipeline's executions: start, stop, retry, roll back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from modelyard.operations.context import Context
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.errors import (
    DuplicatedStopRequest,
    ExecutionNotFound,
    ExecutionNotStoppable,
    NotLatestExecution,
    PipelineBusy,
    StageNotFound,
    StageNotRetryable,
    UnableToRollBack,
)
from modelyard.orchestrator.delivery.plan import StagePlan, plan_of
from modelyard.orchestrator.delivery.runs import (
    FAILED,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    Execution,
)
from modelyard.store.resources import Json, Resource, Snapshot, Transaction

_GOING = (rows.DELETING, rows.DELETE_FAILED)


def start(transaction: Transaction, context: Context, pipeline: Resource) -> Execution:
    """Begin to deliver the newest source once more; what is open is superseded.

    Raises:
        PipelineBusy: the pipeline is to go.
    """
    _require_staying(pipeline)
    execution = Execution.new(
        rows.plan_in(pipeline),
        trigger="StartPipelineExecution",
        trigger_detail=context.principal.person,
    )
    rows.begin(transaction, pipeline, execution, source=pipeline.spec)
    return execution


def stop(
    transaction: Transaction,
    context: Context,
    pipeline: Resource,
    id_: str,
    *,
    abandon: bool,
    reason: str,
) -> None:
    """Stop an execution: at once where it waits or is abandoned, else once its action has ended.

    Raises:
        ExecutionNotFound, ExecutionNotStoppable, DuplicatedStopRequest, PipelineBusy: it cannot
            be stopped.
    """
    _require_staying(pipeline)
    execution = _newest(transaction, pipeline, id_, ExecutionNotStoppable)
    if not execution.is_open:
        raise ExecutionNotStoppable(f"the execution {id_} is {execution.status} already")
    if execution.status == STOPPING and not abandon:
        raise DuplicatedStopRequest(
            f"the execution {id_} is being stopped already: wait for its action, or abandon it"
        )
    said = f"stopped by {context.principal.person}" + (f": {reason}" if reason else "")
    if abandon or execution.waits:
        rows.save(transaction, pipeline, execution.ended(STOPPED, said))
    else:
        rows.save(transaction, pipeline, replace(execution, status=STOPPING, reason=said))


def retry(
    transaction: Transaction, pipeline: Resource, stage: str, id_: str, *, all_actions: bool
) -> None:
    """Begin a stage once more that failed, or was stopped.

    Raises:
        ExecutionNotFound, NotLatestExecution, StageNotFound, StageNotRetryable, PipelineBusy: it
            cannot be.
    """
    _require_staying(pipeline)
    execution = _newest(transaction, pipeline, id_, NotLatestExecution)
    found = execution.stage(stage)
    if found is None:
        raise StageNotFound(f"the execution {id_} has no stage {stage!r}")
    if execution.is_open or found.status not in (FAILED, STOPPED):
        raise StageNotRetryable(
            f"the stage {stage} of the execution {id_} is {found.status or 'not begun'}: only one "
            "that failed or was stopped can be retried"
        )
    texts = _texts(transaction, pipeline, id_)
    rows.save(transaction, pipeline, execution.again(stage, texts, all_actions=all_actions))


def roll_back(
    transaction: Transaction, context: Context, pipeline: Resource, stage: str, target: str
) -> Execution:
    """Begin to bring a stage back to what an earlier execution deployed there.

    Nobody is asked to approve: it was approved when it got there. What is open is superseded.

    Raises:
        StageNotFound, ExecutionNotFound, UnableToRollBack, PipelineBusy: it cannot be.
    """
    _require_staying(pipeline)
    source, plan = _rollback_plan(transaction, pipeline, stage, target)
    execution = Execution.rollback(plan, target, detail=context.principal.person)
    rows.begin(transaction, pipeline, execution, source=source)
    return execution


def _rollback_plan(
    snapshot: Snapshot, pipeline: Resource, stage: str, target: str
) -> tuple[Json, StagePlan]:
    stages = {one.name for one in rows.plan_in(pipeline)}
    if stage not in stages:
        raise StageNotFound(f"{pipeline.name} has no stage {stage!r}: {', '.join(sorted(stages))}")
    row = rows.find_execution(snapshot, pipeline, target)
    if row is None:
        raise ExecutionNotFound(f"{pipeline.name} has no execution {target}")
    was = Execution.from_json(row.observed["execution"]).stage(stage)
    # The deployment is what is brought back: a rejection that came after it does not matter.
    if was is None or not was.actions or was.actions[0].status != SUCCEEDED:
        raise UnableToRollBack(
            f"the execution {target} did not deploy to {stage}: choose one that "
            "ListPipelineExecutions shows for the filter succeededInStage"
        )
    plan = plan_of(row.spec, pipeline.scope.account)
    return row.spec, next(one for one in plan if one.name == stage)


def _newest(
    snapshot: Snapshot,
    pipeline: Resource,
    id_: str,
    too_old: type[NotLatestExecution] | type[ExecutionNotStoppable],
) -> Execution:
    execution = rows.execution_in(pipeline)
    if execution.id == id_:
        return execution
    if rows.find_execution(snapshot, pipeline, id_) is None:
        raise ExecutionNotFound(f"{pipeline.name} has no execution {id_}")
    raise too_old(f"the execution {id_} is not the newest, which is {execution.id}")


def _texts(snapshot: Snapshot, pipeline: Resource, id_: str) -> Mapping[str, str]:
    plan = plan_of(rows.source_of(snapshot, pipeline, id_), pipeline.scope.account)
    return {one.approval.name: one.approval.text for one in plan if one.approval is not None}


def _require_staying(pipeline: Resource) -> None:
    if pipeline.status in _GOING:
        raise PipelineBusy(f"{pipeline.name} is being deleted ({pipeline.status})")
