"""The orchestrator's pipelines, as CodePipeline's events tell of them.

https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

from modelyard.events.changes import Change
from modelyard.events.event_types import CODEPIPELINE, EventType, Told

EXECUTION_TYPE = EventType(
    source=CODEPIPELINE,
    name="CodePipeline Pipeline Execution State Change",
    keys=frozenset({"pipeline", "execution-id", "state", "version"}),
    values={"state": frozenset({"STARTED", "SUCCEEDED", "FAILED"})},
)
ACTION_TYPE = EventType(
    source=CODEPIPELINE,
    name="CodePipeline Action Execution State Change",
    keys=frozenset(
        {
            "pipeline",
            "execution-id",
            "stage",
            "action",
            "action-execution-id",
            "state",
            "region",
            "type",
            "version",
            "execution-result",
        }
    ),
    values={"state": frozenset({"STARTED", "SUCCEEDED", "FAILED"})},
)
_STATES = {"InProgress": "STARTED", "Succeeded": "SUCCEEDED", "Failed": "FAILED"}
_STAGES = (
    (
        "source",
        "Source",
        "S3Source",
        {"owner": "AWS", "provider": "S3", "category": "Source", "version": "1"},
    ),
    (
        "deploy",
        "DeployCloudFormation",
        "deploy_stack",
        {"owner": "AWS", "provider": "CloudFormation", "category": "Deploy", "version": "1"},
    ),
)


def delivery(change: Change) -> list[Told]:
    """Return a pipeline's execution, and its actions, as far as their states are new."""
    execution = change.observed.get("execution")
    if not execution or change.status not in _STATES:
        return []
    before = change.previously_observed.get("execution") or {}
    common = {"pipeline": change.name, "execution-id": execution["id"], "version": 1.0}
    told = []
    for key, stage, action, kind in _STAGES:
        state = execution[key]
        is_new = before.get("id") != execution["id"] or before.get(key) != state
        if state["status"] not in _STATES or not is_new:
            continue
        detail = {
            **common,
            "stage": stage,
            "action": action,
            "action-execution-id": state["id"],
            "state": _STATES[state["status"]],
            "region": change.scope.region,
            "type": kind,
        }
        if state["error"] or state["summary"] or state["external_id"]:
            detail["execution-result"] = {
                "external-execution-summary": state["error"] or state["summary"],
                "external-execution-id": state["external_id"],
            }
        told.append(Told(type=ACTION_TYPE, detail=detail))
    if before.get("id") != execution["id"] or before.get("status") != execution["status"]:
        detail = {**common, "state": _STATES[change.status]}
        told.append(Told(type=EXECUTION_TYPE, detail=detail))
    return told
