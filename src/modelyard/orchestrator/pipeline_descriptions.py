"""Pipelines and their executions as CodePipeline describes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.acting import pipeline_role_of
from modelyard.orchestrator.delivery.plan import APPROVAL, DEPLOY, SOURCE, STACK_SET, TEST
from modelyard.orchestrator.delivery.runs import SOURCE_STAGE, Action, Execution
from modelyard.orchestrator.delivery.stages_shown import all_stages, pipeline_state
from modelyard.store.resources import Resource

_LONGEST = 2048  # characters of a summary

#: What each kind of action is to CodePipeline: category and provider.
_TYPES = {
    SOURCE: ("Source", "S3"),
    DEPLOY: ("Deploy", "CloudFormation"),
    STACK_SET: ("Invoke", "Lambda"),
    TEST: ("Test", "Modelyard"),
    APPROVAL: ("Approval", "Manual"),
}
_ARTIFACT = "Artifact_Source_S3Source"


def state_description(pipeline: Resource) -> dict[str, Any]:
    """Return what GetPipelineState answers."""
    state = pipeline_state(pipeline)
    for stage in state["stageStates"]:
        for action in stage["actionStates"]:
            action.pop("currentRevision", None)  # as it is kept, it has no time of its own
            latest = action.get("latestExecution")
            if latest is not None:
                latest["lastStatusChange"] = datetime.fromisoformat(latest["lastStatusChange"])
                latest["summary"] = latest.get("summary", "")[:_LONGEST] or None
    return {**state, "created": pipeline.created_at, "updated": pipeline.modified_at}


def declaration(pipeline: Resource) -> dict[str, Any]:
    """Return what GetPipeline answers."""
    return {
        "pipeline": {
            "name": pipeline.name,
            "roleArn": pipeline_role_of(pipeline.scope.account),
            "stages": [
                {"name": stage.name, "actions": _declared(pipeline, stage.name, stage.actions)}
                for stage in all_stages(pipeline)
            ],
            "version": 1,
            "executionMode": "SUPERSEDED",
            "pipelineType": "V1",
        },
        "metadata": {
            "pipelineArn": pipeline.arn,
            "created": pipeline.created_at,
            "updated": pipeline.modified_at,
        },
    }


def execution_summary(row: Resource) -> dict[str, Any]:
    """Return one entry of ListPipelineExecutions."""
    execution = Execution.from_json(row.observed["execution"])
    return {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.reason or None,
        "startTime": row.created_at,
        "lastUpdateTime": row.modified_at,
        "sourceRevisions": _revisions(execution),
        **_kind_of(execution),
    }


def execution_description(pipeline: Resource, row: Resource) -> dict[str, Any]:
    """Return what GetPipelineExecution answers."""
    execution = Execution.from_json(row.observed["execution"])
    return {
        "pipelineName": pipeline.name,
        "pipelineVersion": 1,
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.reason or None,
        "artifactRevisions": [
            {"name": _ARTIFACT, "revisionId": revision["revisionId"]}
            for revision in _revisions(execution)
        ],
        **_kind_of(execution),
    }


def _kind_of(execution: Execution) -> dict[str, Any]:
    found: dict[str, Any] = {
        "trigger": {
            "triggerType": execution.trigger,
            "triggerDetail": execution.trigger_detail or None,
        },
        "executionMode": "SUPERSEDED",
        "executionType": execution.type,
    }
    if execution.rolled_back_to:
        found["rollbackMetadata"] = {"rollbackTargetPipelineExecutionId": execution.rolled_back_to}
    return found


def _revisions(execution: Execution) -> list[dict[str, str]]:
    stage = execution.stage(SOURCE_STAGE)
    return [
        {"actionName": action.name, "revisionId": action.external_id}
        for action in (() if stage is None else stage.actions)
        if action.external_id
    ]


def _declared(pipeline: Resource, stage: str, actions: Sequence[Action]) -> list[dict[str, Any]]:
    plan = next((one for one in rows.plan_in(pipeline) if one.name == stage), None)
    found = []
    for order, action in enumerate(actions, start=1):
        category, provider = _TYPES[action.kind]
        declared: dict[str, Any] = {
            "name": action.name,
            "actionTypeId": {
                "category": category,
                "owner": "Custom" if action.kind == TEST else "AWS",
                "provider": provider,
                "version": "1",
            },
            "runOrder": order,
            "namespace": f"{action.name}-namespace",
        }
        if action.kind == SOURCE:
            declared["outputArtifacts"] = [{"name": _ARTIFACT}]
        elif action.kind == APPROVAL:
            if plan is not None and plan.approval is not None:
                declared["configuration"] = {"CustomData": plan.approval.text}
        else:
            declared["inputArtifacts"] = [{"name": _ARTIFACT}]
        found.append(declared)
    return found
