"""The stage table: one row per version, and nothing lost by a later event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard import clock
from modelyard.governance.stages.keeper import StageKeeper
from modelyard.governance.stages.operations import StageOperations
from modelyard.operations.table import OperationTable
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.outbox import Event
from modelyard.store.resources import Resource, Store
from tests.governance.cards.world import ACCOUNT, REGION, SCHEMA, SCOPE, caller
from tests.policies import AllowAll

CARD = {
    "model_overview": {"model_creator": "risk team"},
    "intended_uses": {"risk_rating": "High", "purpose_of_model": "Rank applications."},
    "business_details": {"line_of_business": "retail"},
    "evaluation_details": [
        {
            "name": "e",
            "metric_groups": [
                {"name": "g", "metric_data": [{"name": "auc", "type": "number", "value": 0.9}]}
            ],
        }
    ],
    "additional_information": {"custom_details": {"UseCaseId": "17", "UseCaseName": "credit"}},
}


class Registry:
    """Versions as the registry keeps them, and the table that follows them."""

    def __init__(self, folder: Path) -> None:
        database = Database(f"sqlite:///{folder}/m.db")
        tables.metadata.create_all(database.engine)
        self.store = Store(database)
        self.keeper = StageKeeper()
        self.table = OperationTable(SCHEMA, AllowAll())
        self.table.add(StageOperations(self.store))

    def register(self, number: int = 1, group: str = "credit", **spec: Any) -> Resource:
        name = f"{group}/{number}"
        with self.store.write() as transaction:
            version = transaction.create(
                SCOPE,
                "model-package",
                name,
                arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{name}",
                spec=spec,
                status="Completed",
                observed={
                    "ModelPackageGroupName": group,
                    "ModelPackageVersion": number,
                    "ModelApprovalStatus": "PendingManualApproval",
                    "Approvals": [],
                },
            )
        self.tell(version.arn)
        return version

    def decide(self, arn: str, stage: str, status: str, by: str, why: str) -> None:
        with self.store.write() as transaction:
            version = transaction.get_by_arn(arn)
            entry = {
                "Person": by,
                "At": clock.now().isoformat(),
                "From": "",
                "To": status,
                "Reason": why,
                "Stage": stage,
                "OfStage": True,
            }
            life_cycle = {"Stage": stage, "StageStatus": status, "StageDescription": why}
            entries = [*version.observed["Approvals"], entry]
            transaction.update(
                version, observed={"Approvals": entries, "ModelLifeCycle": life_cycle}
            )
        self.tell(arn)

    def tell(self, arn: str, kind: str = "model-package") -> None:
        event = Event(
            id=1,
            scope=SCOPE,
            kind=kind,
            arn=arn,
            status="Completed",
            detail={},
            at=clock.now(),
        )
        with self.store.write() as transaction:
            self.keeper([event])(transaction)

    def rows(self, **request: Any) -> list[dict[str, Any]]:
        answer = self.table.call(caller(), "modelyard", "ListModelStages", request)
        return list(answer["ModelStages"])


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def test_a_version_has_a_row_with_what_its_card_says(registry: Registry) -> None:
    version = registry.register(ModelCard={"ModelCardContent": json.dumps(CARD)})
    (row,) = registry.rows()
    assert row["ModelPackageArn"] == version.arn
    assert (row["UseCaseId"], row["UseCaseName"], row["UseCaseStage"]) == ("17", "credit", "N/A")
    assert (row["ModelOwner"], row["ModelLob"]) == ("risk team", "retail")
    assert (row["ModelRisk"], row["ModelProject"]) == ("High", "Rank applications.")
    assert row["ModelValidationMetrics"] == "auc=0.9"
    assert row["Dev"]["Status"] == row["Test"]["Status"] == row["Prod"]["Status"] == "N/A"


def test_a_later_stage_loses_nothing_of_the_earlier_ones(registry: Registry) -> None:
    arn = registry.register().arn
    registry.decide(arn, "Development", "Approved", "ada", "good metrics")
    registry.decide(arn, "Staging", "Rejected", "grace", "too slow")
    registry.decide(arn, "Staging", "Approved", "grace", "fast now")
    registry.decide(arn, "Production", "Approved", "gus", "reviewed")
    (row,) = registry.rows()
    told = {
        name: (row[name]["Status"], row[name]["By"], row[name]["Why"])
        for name in ("Dev", "Test", "Prod")
    }
    assert told == {
        "Dev": ("Approved", "ada", "good metrics"),
        "Test": ("Approved", "grace", "fast now"),
        "Prod": ("Approved", "gus", "reviewed"),
    }
    assert all(row[name]["At"] for name in told)


def test_a_stage_that_waits_says_so_and_names_nobody(registry: Registry) -> None:
    arn = registry.register().arn
    registry.decide(arn, "Development", "Approved", "ada", "")
    with registry.store.write() as transaction:
        waiting = {"Stage": "Staging", "StageStatus": "PendingApproval"}
        version = transaction.get_by_arn(arn)
        transaction.update(version, observed={"ModelLifeCycle": waiting})
    registry.tell(arn)
    (row,) = registry.rows()
    assert row["Test"] == {"Status": "PendingApproval", "By": "", "At": "", "Why": ""}
    assert row["Dev"]["Status"] == "Approved"


def test_an_event_that_comes_twice_changes_nothing(registry: Registry) -> None:
    arn = registry.register().arn
    (before,) = registry.rows()
    registry.tell(arn)
    registry.tell(arn, kind="endpoint")
    assert registry.rows() == [before]


def test_a_deleted_versions_decisions_stay(registry: Registry) -> None:
    arn = registry.register().arn
    registry.decide(arn, "Development", "Approved", "ada", "")
    with registry.store.write() as transaction:
        transaction.delete(transaction.get_by_arn(arn))
    registry.tell(arn)
    registry.tell(arn)
    (row,) = registry.rows()
    assert row["ModelPackageStatus"] == "Deleted"
    assert row["Dev"]["By"] == "ada"


def test_rows_are_listed_by_group_and_page(registry: Registry) -> None:
    for number in (1, 2, 3):
        registry.register(number)
    registry.register(1, "credit-card")
    assert len(registry.rows(ModelPackageGroupName="credit")) == 3
    first = registry.table.call(caller(), "modelyard", "ListModelStages", {"MaxResults": 3})
    rest = registry.rows(MaxResults=3, NextToken=first["NextToken"])
    names = [row["ModelPackageArn"] for row in [*first["ModelStages"], *rest]]
    assert len(set(names)) == 4
