"""The orchestrator's pipelines, as CodePipeline's events tell of them.

https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.events.changes import Change
from modelyard.events.event_types import CODEPIPELINE, EventType, Told

_EXECUTION_STATES = {
    "InProgress": "STARTED",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Stopping": "STOPPING",
    "Stopped": "STOPPED",
    "Superseded": "SUPERSEDED",
}
_STAGE_STATES = {
    "InProgress": "STARTED",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Stopped": "STOPPED",
    "Cancelled": "CANCELED",
}
_ACTION_STATES = {
    "InProgress": "STARTED",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Abandoned": "ABANDONED",
}
EXECUTION_TYPE = EventType(
    source=CODEPIPELINE,
    name="CodePipeline Pipeline Execution State Change",
    keys=frozenset({"pipeline", "execution-id", "state", "version"}),
    values={"state": frozenset({*_EXECUTION_STATES.values(), "RESUMED"})},
)
STAGE_TYPE = EventType(
    source=CODEPIPELINE,
    name="CodePipeline Stage Execution State Change",
    keys=frozenset({"pipeline", "execution-id", "stage", "state", "version"}),
    values={"state": frozenset({*_STAGE_STATES.values(), "RESUMED"})},
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
    values={"state": frozenset(_ACTION_STATES.values())},
)

#: What each kind of action is to CodePipeline: category, owner and provider.
_KINDS = {
    "source": ("Source", "AWS", "S3"),
    "deploy": ("Deploy", "AWS", "CloudFormation"),
    "stack-set": ("Invoke", "AWS", "Lambda"),
    "test": ("Test", "Custom", "Modelyard"),
    "approval": ("Approval", "AWS", "Manual"),
    "archive": ("Source", "AWS", "S3"),  # of an image builder, as what follows
    "build": ("Build", "AWS", "CodeBuild"),
}


def delivery(change: Change) -> list[Told]:
    """Return a pipeline's execution, its stages and its actions, as far as their states are new.

    An execution that a newer one superseded is told of ahead of that.
    """
    now = change.observed.get("execution")
    if not now:
        return []
    before = change.previously_observed.get("execution") or {}
    told: list[Told] = []
    if before and before["id"] != now["id"]:
        if before["status"] in ("InProgress", "Stopping"):
            told.append(_execution(change, before, "SUPERSEDED"))
        before = {}
    told.extend(_of_stages(change, now, before))
    status = now["status"]
    if before.get("status") != status and status in _EXECUTION_STATES:
        resumed = status == "InProgress" and before
        told.append(_execution(change, now, "RESUMED" if resumed else _EXECUTION_STATES[status]))
    return told


def _of_stages(change: Change, now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Told]:
    earlier = {stage["name"]: stage for stage in _stages(before)}
    for stage in _stages(now):
        was = earlier.get(stage["name"], {"status": None, "actions": ()})
        known = {(action["id"], action["status"]) for action in was["actions"]}
        for action in stage["actions"]:
            is_new = (action["id"], action["status"]) not in known
            if is_new and action["status"] in _ACTION_STATES:
                yield _action(change, now, stage["name"], action)
        if stage["status"] != was["status"] and stage["status"] in _STAGE_STATES:
            resumed = stage["status"] == "InProgress" and was["status"] is not None
            state = "RESUMED" if resumed else _STAGE_STATES[stage["status"]]
            detail = {**_common(change, now), "stage": stage["name"], "state": state}
            yield Told(type=STAGE_TYPE, detail=detail)


def _execution(change: Change, execution: Mapping[str, Any], state: str) -> Told:
    return Told(type=EXECUTION_TYPE, detail={**_common(change, execution), "state": state})


def _action(
    change: Change, execution: Mapping[str, Any], stage: str, action: Mapping[str, Any]
) -> Told:
    category, owner, provider = _KINDS[action["kind"]]
    detail = {
        **_common(change, execution),
        "stage": stage,
        "action": action["name"],
        "action-execution-id": action["id"],
        "state": _ACTION_STATES[action["status"]],
        "region": change.scope.region,
        "type": {"owner": owner, "provider": provider, "category": category, "version": "1"},
    }
    if action["error"] or action["summary"] or action["external_id"]:
        detail["execution-result"] = {
            "external-execution-summary": action["error"] or action["summary"],
            "external-execution-id": action["external_id"],
        }
    return Told(type=ACTION_TYPE, detail=detail)


def _common(change: Change, execution: Mapping[str, Any]) -> dict[str, Any]:
    return {"pipeline": change.name, "execution-id": execution["id"], "version": 1.0}


def _stages(execution: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the stages of an execution, also as the release kept it that had one stage."""
    if "source" not in execution:
        return list(execution.get("stages", ()))
    return [
        {
            "name": stage,
            "status": execution[key]["status"],
            "actions": [{**execution[key], "name": action, "kind": key}],
        }
        for key, stage, action in (
            ("source", "Source", "S3Source"),
            ("deploy", "DeployCloudFormation", "deploy_stack"),
        )
    ]
