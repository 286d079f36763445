"""Who approves what, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.registry.approval_rules import problems, shipped
from tests.registry.world import HUB, SPOKE, World, card, person, root

APPROVE = {"ModelApprovalStatus": "Approved", "ApprovalDescription": "looks right"}


@pytest.fixture
def staffed(world: World) -> World:
    """A world with people: Ann registers, Bea and Cid engineer, Gus governs, Sam is a scientist."""
    for role in ("ml-engineer", "governance-officer", "data-scientist"):
        world.add_role(role, role)
    world.add_user("ann")
    world.group()
    return world


def entries(world: World, arn: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.approval.describe_approval(
        root(), {"ModelPackageName": arn}
    )["Approvals"]
    return found


def test_another_engineer_approves_and_it_is_written_down_who_and_why(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    staffed.update(person("bea"), arn, **APPROVE)
    described = staffed.describe(arn)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "looks right"
    assert described["CreatedBy"]["IamIdentity"]["SourceIdentity"].endswith("user/ann")
    assert described["LastModifiedBy"]["IamIdentity"]["SourceIdentity"].endswith("user/bea")
    (entry,) = entries(staffed, arn)
    assert (entry["From"], entry["To"]) == ("PendingManualApproval", "Approved")
    assert entry["Person"].endswith("user/bea")
    assert entry["Reason"] == "looks right"
    assert not entry["SelfApproved"]


def test_the_author_may_not_approve_in_whatever_role(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    for role in ("ml-engineer", "governance-officer"):
        with pytest.raises(AccessDenied, match=r"registered .* and so may not approve"):
            staffed.update(person("ann", role), arn, **APPROVE)
    assert staffed.describe(arn)["ModelApprovalStatus"] == "PendingManualApproval"


def test_a_stranger_may_not_approve(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    with pytest.raises(AccessDenied, match=r"user/sam may not approve.*ml-engineer"):
        staffed.update(person("sam", "data-scientist"), arn, **APPROVE)


def test_an_approval_twice_is_an_error_that_says_who_was_first(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    staffed.update(person("bea"), arn, **APPROVE)
    with pytest.raises(ValidationError, match=r"bea has approved .* already"):
        staffed.update(person("bea"), arn, **APPROVE)
    with pytest.raises(ValidationError, match=r"is Approved already, by .*bea"):
        staffed.update(person("cid"), arn, **APPROVE)


def test_an_approver_may_always_reject_and_the_next_round_begins(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    staffed.update(person("bea"), arn, **APPROVE)
    staffed.update(person("cid"), arn, ModelApprovalStatus="Rejected")
    assert staffed.describe(arn)["ModelApprovalStatus"] == "Rejected"
    staffed.update(person("bea"), arn, **APPROVE)
    assert [entry["To"] for entry in entries(staffed, arn)] == ["Approved", "Rejected", "Approved"]


def test_the_author_may_withdraw_but_a_stranger_may_not_reject(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    with pytest.raises(AccessDenied):
        staffed.update(person("sam", "data-scientist"), arn, ModelApprovalStatus="Rejected")
    staffed.update(person("ann"), arn, ModelApprovalStatus="Rejected")
    assert staffed.describe(arn)["ModelApprovalStatus"] == "Rejected"


def test_root_alone_in_its_account_may_approve_its_own_and_that_is_written_down(
    world: World,
) -> None:
    world.group()
    arn = world.register(root())
    world.update(root(), arn, **APPROVE)
    assert entries(world, arn)[0]["SelfApproved"]
    world.add_user("ann")
    second = world.register(root())
    with pytest.raises(AccessDenied, match="only while the account has no user"):
        world.update(root(), second, **APPROVE)


def test_registering_as_approved_is_an_approval_by_the_author(staffed: World) -> None:
    with pytest.raises(AccessDenied, match="registered"):
        staffed.register(person("ann"), ModelApprovalStatus="Approved")
    staffed.group("next")
    assert staffed.register(person("ann"), group="next").endswith("/1")


def test_production_asks_for_evidence_and_says_all_that_is_missing(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    stage = {"Stage": "Production", "StageStatus": "Approved", "StageDescription": "go"}
    with pytest.raises(ValidationError) as caught:
        staffed.update(person("gus", "governance-officer"), arn, ModelLifeCycle=stage)
    for said in ("model-quality-metrics", "bias-report", "integration_tests", "model card"):
        assert said in caught.value.message
    quality, bias = (staffed.put(name, b"{}") for name in ("quality.json", "bias.json"))
    report = {"ContentType": "application/json"}
    ready = staffed.register(
        person("ann"),
        ModelMetrics={
            "ModelQuality": {"Statistics": {**report, "S3Uri": quality}},
            "Bias": {"Report": {**report, "S3Uri": bias}},
        },
        CustomerMetadataProperties={"integration_tests": "passed"},
        ModelCard={"ModelCardContent": card(), "ModelCardStatus": "PendingReview"},
    )
    with pytest.raises(AccessDenied, match="governance-officer"):
        staffed.update(person("bea"), ready, ModelLifeCycle=stage)
    staffed.update(person("gus", "governance-officer"), ready, ModelLifeCycle=stage)
    assert staffed.describe(ready)["ModelLifeCycle"] == stage
    (entry,) = entries(staffed, ready)
    assert (entry["Stage"], entry["OfStage"]) == ("Production", True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"intended_uses": None}, "does not say intended_uses.purpose_of_model"),
        ({"risk_rating": "Unknown"}, "the model card does not say intended_uses.risk_rating"),
        ({"purpose_of_model": "  "}, "does not say intended_uses.purpose_of_model"),
        ({"risk_rating": "Great"}, r'risk_rating is "Great": it must be one of High'),
        ({"purpose": "to tell"}, "purpose is not a member of a model card"),
    ],
)
def test_a_card_that_breaks_the_schema_or_lacks_a_persons_part_is_no_evidence(
    staffed: World, changes: dict[str, str | None], said: str
) -> None:
    rule = {"Stages": ["*"], "Personas": ["ml-engineer"], "Evidence": ["model-card-complete"]}
    staffed.approval.put_approval_policy(root(), {"Policy": {"Rules": [rule]}})
    uses = {**json.loads(card())["intended_uses"], **changes}
    content = json.dumps({} if "intended_uses" in changes else {"intended_uses": uses})
    lacking = staffed.register(person("ann"), ModelCard=_card_of(content))
    with pytest.raises(ValidationError, match=said):
        staffed.update(person("bea"), lacking, ModelApprovalStatus="Approved")
    complete = staffed.register(person("ann"), ModelCard=_card_of(card()))
    staffed.update(person("bea"), complete, ModelApprovalStatus="Approved")
    assert staffed.describe(complete)["ModelApprovalStatus"] == "Approved"


def _card_of(content: str) -> dict[str, str]:
    return {"ModelCardContent": content, "ModelCardStatus": "Draft"}


def test_a_report_that_is_not_there_is_no_evidence(staffed: World) -> None:
    arn = staffed.register(
        person("ann"),
        ModelMetrics={
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": f"s3://assets-{HUB}/no"}
            }
        },
    )
    stage = {"Stage": "Staging", "StageStatus": "Approved"}
    with pytest.raises(ValidationError, match="there is nothing at"):
        staffed.update(person("bea"), arn, ModelLifeCycle=stage)


def test_a_groups_own_policy_may_ask_for_two_persons(staffed: World) -> None:
    policy = {"Rules": [{"Stages": ["*"], "Personas": ["ml-engineer"], "RequiredApprovals": 2}]}
    staffed.approval.put_approval_policy(
        root(), {"ModelPackageGroupName": "credit-risk", "Policy": policy}
    )
    arn = staffed.register(person("ann"))
    staffed.update(person("bea"), arn, **APPROVE)
    assert staffed.describe(arn)["ModelApprovalStatus"] == "PendingManualApproval"
    assert entries(staffed, arn)[0]["Counted"] == "1 of 2"
    with pytest.raises(ValidationError, match="already"):
        staffed.update(person("bea"), arn, **APPROVE)
    staffed.update(person("cid"), arn, **APPROVE)
    assert staffed.describe(arn)["ModelApprovalStatus"] == "Approved"
    staffed.approval.delete_approval_policy(root(), {"ModelPackageGroupName": "credit-risk"})
    described = staffed.approval.get_approval_policy(
        root(), {"ModelPackageGroupName": "credit-risk"}
    )
    assert described["Origin"] == "Shipped"


def test_personas_that_another_account_gives_count_for_nothing(staffed: World) -> None:
    staffed.add_role("governance-officer", "governance-officer", SPOKE)
    staffed.groups.put_model_package_group_policy(
        root(),
        {
            "ModelPackageGroupName": "credit-risk",
            "ResourcePolicy": json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"AWS": SPOKE},
                        "Action": "sagemaker:UpdateModelPackage",
                        "Resource": f"arn:aws:sagemaker:us-east-1:{HUB}:model-package/credit-risk/*",  # noqa: E501
                    },
                }
            ),
        },
    )
    arn = staffed.register(person("ann"))
    with pytest.raises(AccessDenied, match="may not approve"):
        staffed.update(person("eve", "governance-officer", SPOKE), arn, **APPROVE)


def test_replaced_artifacts_take_the_approval_back(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    staffed.update(person("bea"), arn, **APPROVE)
    other = staffed.request(url=staffed.put("other.tar.gz", _archive_of_json()))
    staffed.update(person("ann"), arn, InferenceSpecification=other["InferenceSpecification"])
    assert staffed.describe(arn)["ModelApprovalStatus"] == "PendingManualApproval"
    assert "replaced" in entries(staffed, arn)[-1]["Reason"]


def test_the_shipped_policy_is_a_good_one_and_a_bad_one_is_told_all_that_is_wrong() -> None:
    assert problems(shipped()) == []
    found = problems({"Rules": [{"Stages": ["a", "A"], "Evidence": ["magic"]}]})
    assert len(found) == 4
    for said in ("has one rule", "nobody could approve", "'magic' is not a check", "'*'"):
        assert any(said in problem for problem in found), said


def test_each_change_of_approval_or_life_cycle_is_an_event(staffed: World) -> None:
    arn = staffed.register(person("ann"))
    staffed.update(person("bea"), arn, **APPROVE)
    staffed.update(person("bea"), arn, CustomerMetadataProperties={"k": "v"})
    staffed.update(
        person("bea"), arn, ModelLifeCycle={"Stage": "Dev", "StageStatus": "PendingApproval"}
    )
    with staffed.store.read() as snapshot:
        rows = snapshot.connection.exec_driver_sql(
            "SELECT detail FROM events WHERE kind = 'model-package' ORDER BY id"
        ).all()
    details = [json.loads(row[0]) for row in rows]
    assert [detail["ModelApprovalStatus"] for detail in details] == [
        "PendingManualApproval",
        "Approved",
        "Approved",
    ]
    assert details[-1]["ModelLifeCycle"]["Stage"] == "Dev"
    assert {detail["ModelPackageVersion"] for detail in details} == {1}
    assert {detail["ModelPackageGroupName"] for detail in details} == {"credit-risk"}


def _archive_of_json() -> bytes:
    from tests.registry.world import booster, packed

    return packed({"xgboost-model": bytes(booster().save_raw("json"))})
