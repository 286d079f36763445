"""A row of the stage table: what it says of a version, and how it follows from the version.

The row is worked out from the version itself and from the row before, never from an event alone: an
event that comes twice, or late, changes nothing. A stage's last decision stays when the version
goes on to the next stage, and the row stays when the version is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.governance.cards import content
from modelyard.store.resources import Json, Resource, Scope

KIND = "model-stage"
NOT_AVAILABLE = "N/A"
DELETED = "Deleted"

#: The registry's stages, and what the table calls them.
COLUMNS: Mapping[str, str] = {"Development": "Dev", "Staging": "Test", "Production": "Prod"}

_CARD_FIELDS: Mapping[str, tuple[str, ...]] = {
    "UseCaseId": ("additional_information", "custom_details", "UseCaseId"),
    "UseCaseName": ("additional_information", "custom_details", "UseCaseName"),
    "UseCaseStage": ("additional_information", "custom_details", "UseCaseStage"),
    "ModelOwner": ("model_overview", "model_creator"),
    "ModelLob": ("business_details", "line_of_business"),
    "ModelProject": ("intended_uses", "purpose_of_model"),
    "ModelRisk": ("intended_uses", "risk_rating"),
}


def stage_arn(scope: Scope, name: str) -> str:
    """Return `arn:aws:modelyard:<region>:<account>:model-stage/<group>/<version>`."""
    return str(
        Arn(
            service="modelyard",
            region=scope.region,
            account=scope.account,
            resource=f"{KIND}/{name}",
        )
    )


def row_of(version: Resource, before: Json) -> dict[str, Any]:
    """Return what the table says of a version.

    Args:
        before: what it said; empty for a new row.
    """
    observed, card = version.observed, _card(version)
    texts = {name: _text(card, path) for name, path in _CARD_FIELDS.items()}
    description = version.spec.get("ModelPackageDescription") or _text(
        card, ("model_overview", "model_description")
    )
    return {
        "ModelPackageArn": version.arn,
        "ModelPackageGroupName": observed["ModelPackageGroupName"],
        "ModelPackageVersion": observed["ModelPackageVersion"],
        "ModelPackageStatus": version.status,
        "ModelApprovalStatus": observed["ModelApprovalStatus"],
        "ModelDescription": description,
        "ModelValidationMetrics": _metrics(card),
        **texts,
        "CreationTime": version.created_at.isoformat(),
        "EventTime": version.modified_at.isoformat(),
        "Stages": {**before.get("Stages", {}), **_stages(observed)},
    }


def _stages(observed: Json) -> dict[str, Any]:
    """Return the newest decision on each stage, and where the version stands now."""
    found: dict[str, Any] = {}
    for entry in observed.get("Approvals", []):
        column = COLUMNS.get(entry.get("Stage") or "")
        if column is not None and entry["OfStage"]:
            found[column] = {
                "Status": entry["To"],
                "By": entry["Person"],
                "At": entry["At"],
                "Why": entry["Reason"],
            }
    now = observed.get("ModelLifeCycle") or {}
    column = COLUMNS.get(now.get("Stage", ""))
    if column is not None and found.get(column, {}).get("Status") != now["StageStatus"]:
        # A stage that waits for its decision: nobody has decided anything yet.
        why = now.get("StageDescription", "")
        found[column] = {"Status": now["StageStatus"], "By": "", "At": "", "Why": why}
    return found


def _card(version: Resource) -> Json:
    """Return the card of a version; empty where it has none that follows the schema."""
    text = version.spec.get("ModelCard", {}).get("ModelCardContent")
    return json.loads(text) if text and not content.problems_of(text) else {}


def _text(card: Json, path: tuple[str, ...]) -> str:
    found: Any = card
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return str(found) if found not in (None, "") else NOT_AVAILABLE


def _metrics(card: Json) -> str:
    """Return the first evaluation's numbers as `name=value`, as the dashboard shows them."""
    jobs = card.get("evaluation_details") or [{}]
    numbers = [
        f"{metric['name']}={metric['value']}"
        for group in jobs[0].get("metric_groups", [])
        for metric in group["metric_data"]
        if metric["type"] == "number"
    ]
    return ", ".join(numbers) or NOT_AVAILABLE
