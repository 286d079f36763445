"""A pipeline's stages as CodePipeline's GetPipelineState shows them.

Each stage is shown as the newest execution that got there left it, and one that none has reached
with its actions only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.plan import ARCHIVE, SOURCE
from modelyard.orchestrator.delivery.runs import Action, Execution, Stage
from modelyard.store.resources import Resource


def pipeline_state(pipeline: Resource) -> dict[str, Any]:
    """Return `pipelineName`, `pipelineVersion` and `stageStates`."""
    reached = rows.stages_in(pipeline)
    return {
        "pipelineName": pipeline.name,
        "pipelineVersion": 1,
        "stageStates": [
            _stage(*reached.get(stage.name, ("", stage))) for stage in all_stages(pipeline)
        ],
    }


def all_stages(pipeline: Resource) -> Sequence[Stage]:
    """Return the stages of a pipeline's newest source, as if nothing had begun."""
    planned = Execution.new(rows.plan_in(pipeline)).stages
    return [
        Stage(
            name=stage.name,
            actions=tuple(Action.new(action.name, action.kind) for action in stage.actions),
        )
        for stage in planned
    ]


def _stage(execution: str, stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "stageName": stage.name,
        "inboundTransitionState": {"enabled": True},
        "actionStates": [_action(action) for action in stage.actions],
    }
    if stage.status is not None:
        found["latestExecution"] = {"pipelineExecutionId": execution, "status": stage.status}
    return found


def _action(action: Action) -> dict[str, Any]:
    found: dict[str, Any] = {"actionName": action.name}
    if action.status is None:
        return found
    if action.kind in (SOURCE, ARCHIVE) and action.external_id:
        found["currentRevision"] = {"revisionId": action.external_id}
    latest: dict[str, Any] = {
        "actionExecutionId": action.id,
        "status": action.status,
        "summary": action.summary,
        "lastStatusChange": action.at,
        "token": action.token if action.waits else None,
        "lastUpdatedBy": action.by,
        "externalExecutionId": action.external_id,
        "errorDetails": {"code": "JobFailed", "message": action.error} if action.error else None,
    }
    found["latestExecution"] = {key: value for key, value in latest.items() if value}
    return found
