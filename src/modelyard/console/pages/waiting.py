"""What waits for a person to decide: versions of models, and stages of deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.console.desk import Desk
from modelyard.console.pieces.tables import listed

_MAX_PIPELINES = 100


def waiting_versions(desk: Desk, most: int, token: str | None = None) -> list[dict[str, Any]]:
    """Return the newest versions that are pending, each with `group`, `version`, `at`, `arn`."""
    answer = desk.find(
        "sagemaker",
        "Search",
        Resource="ModelPackage",
        SearchExpression={
            "Filters": [
                {
                    "Name": "ModelApprovalStatus",
                    "Operator": "Equals",
                    "Value": "PendingManualApproval",
                }
            ]
        },
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=most,
        NextToken=token,
    )
    found = []
    for result in listed(answer, "Results"):
        package = result["ModelPackage"]
        if "ModelPackageGroupName" in package:
            found.append(
                {
                    "arn": package["ModelPackageArn"],
                    "group": package["ModelPackageGroupName"],
                    "version": str(package["ModelPackageVersion"]),
                    "at": package["CreationTime"],
                    "by": package.get("CreatedBy", {}),
                    "description": package.get("ModelPackageDescription", ""),
                    "account": Arn.parse(package["ModelPackageArn"]).account,
                }
            )
    return found


def waiting_deliveries(desk: Desk) -> list[Mapping[str, Any]]:
    """Return the approvals that deliveries wait at; see `approvals_in`."""
    pipelines = listed(
        desk.find("codepipeline", "ListPipelines", maxResults=_MAX_PIPELINES), "pipelines"
    )
    found: list[Mapping[str, Any]] = []
    for pipeline in pipelines:
        state = desk.find("codepipeline", "GetPipelineState", name=pipeline["name"])
        found += approvals_in(state or {})
    return found


def approvals_in(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what one pipeline waits at: by pipeline, stage, action, token, at, summary."""
    found = []
    for stage in listed(state, "stageStates"):
        for action in listed(stage, "actionStates"):
            latest = action.get("latestExecution") or {}
            if latest.get("token") and latest.get("status") == "InProgress":
                found.append(
                    {
                        "pipeline": state["pipelineName"],
                        "stage": stage["stageName"],
                        "action": action["actionName"],
                        "token": latest["token"],
                        "at": latest.get("lastStatusChange"),
                        "summary": latest.get("summary") or "",
                    }
                )
    return found
