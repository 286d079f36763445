"""What can be asked of model cards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.governance.cards.rows import CARD, VERSION, status_changes
from modelyard.operations.errors import (
    AccessDenied,
    Conflict,
    ResourceNotFound,
    ValidationError,
)
from tests.governance.cards.world import CARD_ARN, CONTENT, SCOPE, World, caller

CHANGED = {**CONTENT, "intended_uses": {"purpose_of_model": "Keep more customers."}}


def test_a_card_is_described_as_it_was_created(world: World) -> None:
    text = json.dumps(CONTENT, indent=1).replace("\n", " ")
    arn = world.call(
        "CreateModelCard", ModelCardName="card", Content=text, ModelCardStatus="Draft"
    )["ModelCardArn"]
    described = world.describe()
    assert arn == described["ModelCardArn"] == CARD_ARN
    assert described["Content"] == text
    assert (described["ModelCardVersion"], described["ModelCardStatus"]) == (1, "Draft")
    assert described["CreatedBy"]["UserProfileName"] == "ada"
    assert world.describe(CARD_ARN) == described


def test_a_name_is_taken_once(world: World) -> None:
    world.create()
    with pytest.raises(Conflict, match="'card' already exists"):
        world.create()


def test_metadata_alone_come_without_the_content(world: World) -> None:
    world.create()
    described = world.describe(IncludedData="MetadataOnly")
    assert described["Content"] == ""
    assert described["ModelCardVersion"] == 1


def test_each_change_of_the_content_is_a_version_that_stays(world: World) -> None:
    world.create()
    world.update(CHANGED, by=caller("grace"))
    assert json.loads(world.describe()["Content"]) == CHANGED
    assert world.describe()["ModelCardVersion"] == 2
    assert world.describe()["LastModifiedBy"]["UserProfileName"] == "grace"
    first = world.describe(ModelCardVersion=1)
    assert json.loads(first["Content"]) == CONTENT
    assert first["LastModifiedBy"]["UserProfileName"] == "ada"


def test_the_same_content_written_otherwise_is_no_version(world: World) -> None:
    world.create()
    world.update(dict(reversed(CONTENT.items())))
    assert world.describe()["ModelCardVersion"] == 1


def test_a_change_of_status_is_no_version(world: World) -> None:
    world.create()
    world.set_status("PendingReview")
    world.set_status("Approved")
    described = world.describe()
    assert (described["ModelCardVersion"], described["ModelCardStatus"]) == (1, "Approved")


def test_the_version_after_an_approved_one_waits_for_a_review(world: World) -> None:
    world.create()
    world.set_status("Approved")
    world.update(CHANGED)
    assert world.describe()["ModelCardStatus"] == "PendingReview"
    assert world.describe(ModelCardVersion=1)["ModelCardStatus"] == "Approved"


def test_an_archived_card_takes_no_more_changes(world: World) -> None:
    world.create()
    world.set_status("Archived")
    with pytest.raises(Conflict, match="Archived and takes no more changes"):
        world.update(CHANGED)
    with pytest.raises(Conflict, match="Archived and takes no more changes"):
        world.set_status("Draft")
    assert world.describe()["ModelCardVersion"] == 1


def test_content_and_status_are_updated_one_by_one(world: World) -> None:
    world.create()
    request: dict[str, Any] = {
        "ModelCardName": "card",
        "Content": "{}",
        "ModelCardStatus": "Approved",
    }
    with pytest.raises(ValidationError, match="cannot update both"):
        world.call("UpdateModelCard", **request)
    with pytest.raises(ValidationError, match="nothing to update"):
        world.call("UpdateModelCard", ModelCardName="card")


def test_a_content_that_breaks_the_schema_changes_nothing(world: World) -> None:
    world.create()
    with pytest.raises(ValidationError, match=r"intended_uses\.risk_rating"):
        world.update({"intended_uses": {"risk_rating": "none"}})
    with pytest.raises(ValidationError, match=r"model_overview\.x is not a member"):
        world.create("other", {"model_overview": {"x": 1}})
    assert world.describe()["ModelCardVersion"] == 1
    assert len(world.call("ListModelCards")["ModelCardSummaries"]) == 1


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("DescribeModelCard", {"ModelCardName": "card"}),
        ("DescribeModelCard", {"ModelCardName": CARD_ARN}),
        ("UpdateModelCard", {"ModelCardName": "card", "ModelCardStatus": "Draft"}),
        ("UpdateModelCard", {"ModelCardName": "card", "Content": "{}"}),
        ("DeleteModelCard", {"ModelCardName": "card"}),
        ("ListModelCardVersions", {"ModelCardName": "card"}),
        ("ListModelCardExportJobs", {"ModelCardName": "card"}),
    ],
)
def test_a_card_that_does_not_exist_is_not_found(
    world: World, operation: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ResourceNotFound, match="Could not find model card"):
        world.call(operation, **request_)


def test_cards_of_other_accounts_do_not_exist(world: World) -> None:
    world.create()
    with pytest.raises(ResourceNotFound):
        world.call("DescribeModelCard", by=caller(account="234567890123"), ModelCardName=CARD_ARN)


def test_a_version_that_does_not_exist_is_not_found(world: World) -> None:
    world.create()
    with pytest.raises(ResourceNotFound, match="no version 2: it has versions 1 to 1"):
        world.describe(ModelCardVersion=2)


def test_cards_are_listed_by_status_and_name(world: World) -> None:
    for name in ("churn", "credit", "spam"):
        world.create(name)
    world.set_status("Approved", "credit")
    approved = world.call("ListModelCards", ModelCardStatus="Approved")["ModelCardSummaries"]
    assert [card["ModelCardName"] for card in approved] == ["credit"]
    named = world.call("ListModelCards", NameContains="c", SortBy="Name", SortOrder="Ascending")
    assert [card["ModelCardName"] for card in named["ModelCardSummaries"]] == ["churn", "credit"]


def test_versions_are_listed_in_pages_and_none_of_another_card(world: World) -> None:
    world.create("a")
    world.create("a-b")
    for number in range(11):
        world.update({"business_details": {"line_of_business": str(number)}}, "a")
    found: list[int] = []
    token: dict[str, Any] = {}
    while True:
        page = world.call(
            "ListModelCardVersions",
            ModelCardName="a",
            SortBy="Version",
            SortOrder="Ascending",
            MaxResults=5,
            **token,
        )
        found += [row["ModelCardVersion"] for row in page["ModelCardVersionSummaryList"]]
        if page["NextToken"] is None:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == list(range(1, 13))


def test_deleting_a_card_deletes_its_versions_and_frees_its_name(world: World) -> None:
    world.create()
    world.update(CHANGED)
    world.call("DeleteModelCard", ModelCardName="card")
    with world.store.read() as snapshot:
        assert snapshot.find(SCOPE, CARD, "card") is None
        assert snapshot.find(SCOPE, VERSION, "card/0001") is None
    world.create()
    assert world.describe()["ModelCardVersion"] == 1


def test_the_approval_history_tells_who_set_what_on_which_version(world: World) -> None:
    world.create()
    world.call("DeleteModelCard", ModelCardName="card")
    world.create()
    world.set_status("Approved", by=caller("grace"))
    world.update(CHANGED)
    with world.store.read() as snapshot:
        changes = status_changes(snapshot, snapshot.get(SCOPE, CARD, "card"))
    assert [(c.version, c.before, c.after, c.by.rpartition("/")[2]) for c in changes] == [
        (1, "", "Draft", "ada"),
        (1, "Draft", "Approved", "grace"),
        (2, "", "PendingReview", "ada"),
    ]
    assert changes[0].sha256 == changes[1].sha256 != changes[2].sha256


def test_every_change_is_announced_with_what_the_card_is_now(world: World) -> None:
    world.create(content={"model_overview": {"model_id": "m-1"}})
    world.update(CHANGED)
    world.set_status("Approved")
    world.call("DeleteModelCard", ModelCardName="card")
    told = [(status, detail["ModelCardVersion"]) for _, status, detail in world.events()]
    assert told == [("Draft", 1), ("Draft", 2), ("Approved", 2), ("Deleted", 2)]
    assert world.events()[0][2]["ModelId"] == "m-1"
    assert world.events()[2][2]["ModelCardStatus"] == "Approved"


def test_tags_given_at_creation_are_the_cards(world: World) -> None:
    world.create(Tags=[{"Key": "team", "Value": "risk"}])
    with world.store.read() as snapshot:
        assert snapshot.tags(snapshot.get(SCOPE, CARD, "card")) == {"team": "risk"}


def test_what_the_policy_forbids_is_refused(world: World) -> None:
    world.create()
    world.policy.denied.add("sagemaker:UpdateModelCard")
    with pytest.raises(AccessDenied):
        world.set_status("Approved")
    assert world.describe()["ModelCardStatus"] == "Draft"
