"""A pipeline's state, as `/pipelinestatus` tells it: CodePipeline's, and more.

Beside what clients know there are `stack`, what the pipeline deployed and its outputs (`stacks`,
where there are several accounts), `execution`, the newest run, and `jobs`: a stack succeeds once
its jobs are accepted, so what became of them stands here, and with the last lines of its log if a
job failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from typing import Any

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.acting import Acting
from modelyard.orchestrator.delivery.jobs import StackJobs
from modelyard.orchestrator.delivery.plan import StagePlan
from modelyard.orchestrator.delivery.stages_shown import pipeline_state
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.resources import Calls
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.store.resources import Resource, Scope, Store


class PipelineStatus:
    """Describes pipelines."""

    def __init__(self, store: Store, engine: StackEngine, calls: Calls, acting: Acting) -> None:
        self._store = store
        self._engine = engine
        self._jobs = StackJobs(calls)
        self._acting = acting

    def describe(self, context: Context, pipeline: Resource) -> dict[str, Any]:
        """Return the state of a pipeline, whose stacks may not be there yet."""
        state = pipeline_state(pipeline)
        state["created"] = pipeline.created_at.isoformat()
        state["updated"] = pipeline.modified_at.isoformat()
        state["ResponseMetadata"] = _metadata(context, state)
        state["execution"] = _execution(pipeline)
        stacks = [(plan, self._find(pipeline, plan)) for plan in rows.plan_in(pipeline)]
        shown = [self._stack(plan, stack) for plan, stack in stacks]
        # Of several, the last one that is there: clients know of one.
        state["stack"] = next((one for one in reversed(shown) if one["stackId"]), shown[0])
        if len(shown) > 1:
            state["stacks"] = shown
        state["jobs"] = [
            job
            for plan, stack in stacks
            if stack is not None
            for job in self._jobs_of(context, plan, stack)
        ]
        return state

    def _find(self, pipeline: Resource, plan: StagePlan) -> Resource | None:
        scope = Scope(account=plan.account, region=pipeline.scope.region)
        with self._store.read() as snapshot:
            return snapshot.find(scope, STACK, plan.stack_name)

    def _jobs_of(
        self, context: Context, plan: StagePlan, stack: Resource
    ) -> Sequence[dict[str, Any]]:
        if not self._jobs.has_any(stack):
            return []
        try:
            return self._jobs.of(self._acting.stage(context, plan.account, plan.role), stack)
        except OperationError as error:
            return [{"jobName": None, "status": None, "message": error.message}]

    def _stack(self, plan: StagePlan, stack: Resource | None) -> dict[str, Any]:
        found: dict[str, Any] = {
            "stackName": plan.stack_name,
            "stackId": None if stack is None else stack.arn,
            "status": None if stack is None else stack.status,
            "outputs": {} if stack is None else self._engine.outputs(stack),
        }
        if plan.key:
            found = {"stage": plan.key, "account": plan.account, **found}
        if stack is not None and stack.observed.get("reason"):
            found["statusReason"] = stack.observed["reason"]
        return found


def _execution(pipeline: Resource) -> dict[str, Any]:
    execution = rows.execution_in(pipeline)
    found = {"id": execution.id, "status": execution.status, "type": execution.type}
    return {**found, **({"reason": execution.reason} if execution.reason else {})}


def _metadata(context: Context, state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "RequestId": context.request_id,
        "HTTPStatusCode": 200,
        "HTTPHeaders": {
            "x-amzn-requestid": context.request_id,
            "date": format_datetime(clock.now(), usegmt=True),
            "content-type": "application/x-amz-json-1.1",
            "content-length": str(len(json.dumps(state))),
        },
        "RetryAttempts": 0,
    }
