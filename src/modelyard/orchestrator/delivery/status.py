"""A pipeline's state, as CodePipeline's GetPipelineState shows it, and more.

Beside what clients know there are `stack`, what the pipeline deployed and its outputs, and `jobs`:
a stack succeeds once its jobs are accepted, so what became of them stands here, and with the last
lines of its log if a job failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.orchestrator.delivery.jobs import StackJobs
from modelyard.orchestrator.delivery.pipeline import Action, Execution, stages_of
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.resources import Calls
from modelyard.store.resources import Resource


class PipelineStatus:
    """Describes pipelines."""

    def __init__(self, engine: StackEngine, calls: Calls) -> None:
        self._engine = engine
        self._jobs = StackJobs(calls)

    def describe(
        self, context: Context, pipeline: Resource, stack: Resource | None
    ) -> dict[str, Any]:
        """Return the state of a pipeline, whose stack may not be there yet."""
        state: dict[str, Any] = {
            "pipelineName": pipeline.name,
            "pipelineVersion": 1,
            "stageStates": _stages(pipeline),
            "created": pipeline.created_at.isoformat(),
            "updated": pipeline.modified_at.isoformat(),
        }
        state["ResponseMetadata"] = _metadata(context, state)
        state["stack"] = self._stack(pipeline, stack)
        state["jobs"] = [] if stack is None else self._jobs.of(context, stack)
        return state

    def _stack(self, pipeline: Resource, stack: Resource | None) -> dict[str, Any]:
        if stack is None:
            return {
                "stackName": pipeline.spec["stack_name"],
                "stackId": None,
                "status": None,
                "outputs": {},
            }
        found: dict[str, Any] = {
            "stackName": stack.name,
            "stackId": stack.arn,
            "status": stack.status,
            "outputs": self._engine.outputs(stack),
        }
        if stack.observed.get("reason"):
            found["statusReason"] = stack.observed["reason"]
        return found


def _stages(pipeline: Resource) -> list[dict[str, Any]]:
    execution = Execution.of(pipeline)
    actions = (execution.source, execution.deploy)
    return [
        _stage(stage, action, execution, state)
        for (stage, action), state in zip(stages_of(pipeline), actions, strict=True)
    ]


def _stage(stage: str, action: str, execution: Execution, state: Action) -> dict[str, Any]:
    action_state: dict[str, Any] = {"actionName": action}
    found: dict[str, Any] = {
        "stageName": stage,
        "inboundTransitionState": {"enabled": True},
        "actionStates": [action_state],
    }
    if state.status is None:
        return found
    if stage == "Source" and state.external_id:
        action_state["currentRevision"] = {"revisionId": state.external_id}
    latest: dict[str, Any] = {
        "actionExecutionId": state.id,
        "status": state.status,
        "summary": state.summary,
        "lastStatusChange": state.at,
        "externalExecutionId": state.external_id,
        "errorDetails": {"code": "JobFailed", "message": state.error} if state.error else None,
    }
    action_state["latestExecution"] = {key: value for key, value in latest.items() if value}
    found["latestExecution"] = {"pipelineExecutionId": execution.id, "status": state.status}
    return found


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
