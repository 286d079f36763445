"""A group in one account, used from another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.operations.errors import AccessDenied, OperationError, ValidationError
from modelyard.registry.sharing import ModelPackageGroupPolicies
from tests.registry.world import HUB, SPOKE, STRANGER, World, model_archive, root

GROUP = f"arn:aws:sagemaker:us-east-1:{HUB}:model-package-group/credit-risk"
MEMBERS = f"arn:aws:sagemaker:us-east-1:{HUB}:model-package/credit-risk/*"


def document(*actions: str, principal: str = SPOKE, resource: Any = None) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": principal},
                    "Action": [f"sagemaker:{action}" for action in actions],
                    "Resource": resource or [GROUP, MEMBERS],
                }
            ],
        }
    )


def share(world: World, text: str) -> None:
    world.groups.put_model_package_group_policy(
        root(), {"ModelPackageGroupName": "credit-risk", "ResourcePolicy": text}
    )


@pytest.fixture
def hub(world: World) -> World:
    world.group()
    return world


def test_nothing_of_a_group_is_seen_or_done_from_another_account_unless_it_is_shared(
    hub: World,
) -> None:
    arn = hub.register()
    spoke = root(SPOKE)
    calls: list[tuple[Any, dict[str, Any]]] = [
        (hub.groups.describe_model_package_group, {"ModelPackageGroupName": GROUP}),
        (hub.groups.delete_model_package_group, {"ModelPackageGroupName": GROUP}),
        (hub.versions.describe_model_package, {"ModelPackageName": arn}),
        (hub.versions.list_model_packages, {"ModelPackageGroupName": GROUP}),
        (hub.versions.update_model_package, {"ModelPackageArn": arn}),
        (hub.versions.delete_model_package, {"ModelPackageName": arn}),
        (hub.versions.create_model_package, hub.request(GROUP)),
        (hub.approval.describe_approval, {"ModelPackageName": arn}),
    ]
    for call, request in calls:
        with pytest.raises(AccessDenied, match="no resource-based policy allows it"):
            call(spoke, request)
    with pytest.raises(AccessDenied):
        hub.deployments.resolve(spoke, arn)
    errors = hub.versions.batch_describe_model_package(spoke, {"ModelPackageArnList": [arn]})
    assert errors["BatchDescribeModelPackageErrorMap"][arn]["ErrorCode"] == "AccessDeniedException"


def test_a_version_that_a_spoke_registers_lives_in_the_hub(hub: World) -> None:
    share(hub, document("CreateModelPackage", "DescribeModelPackage", "ListModelPackages"))
    url = hub.put("mine.tar.gz", model_archive(), account=SPOKE)
    answer = hub.versions.create_model_package(root(SPOKE), hub.request(GROUP, url=url))
    arn = answer["ModelPackageArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:{HUB}:model-package/credit-risk/1"
    assert hub.describe(arn, root(SPOKE)) == hub.describe(arn, root(HUB))
    listed = hub.versions.list_model_packages(root(SPOKE), {"ModelPackageGroupName": GROUP})
    assert [one["ModelPackageArn"] for one in listed["ModelPackageSummaryList"]] == [arn]
    (artifact,) = hub.approval.describe_approval(root(), {"ModelPackageName": arn})["Artifacts"]
    assert artifact["Account"] == SPOKE


def test_what_is_shared_for_reading_is_for_reading_only(hub: World) -> None:
    share(hub, document("DescribeModelPackage"))
    arn = hub.register()
    assert hub.describe(arn, root(SPOKE))["ModelPackageArn"] == arn
    with pytest.raises(AccessDenied):
        hub.update(root(SPOKE), arn, CustomerMetadataProperties={"k": "v"})
    with pytest.raises(AccessDenied):
        hub.deployments.resolve(root(SPOKE), arn)


def test_a_shared_approved_version_deploys_in_the_spoke_from_the_owners_bucket(hub: World) -> None:
    share(hub, document("CreateModel"))
    arn = hub.register()
    hub.update(root(), arn, ModelApprovalStatus="Approved")
    found = hub.deployments.resolve(root(SPOKE), arn)
    assert (found.arn, found.account) == (arn, HUB)
    assert found.container["ModelDataUrl"] == f"s3://assets-{HUB}/model.tar.gz"


def test_groups_that_are_shared_with_the_caller_are_listed_across_accounts(hub: World) -> None:
    hub.group("private")
    across = {"CrossAccountFilterOption": "CrossAccount"}

    def listed(account: str, **members: Any) -> list[str]:
        answer = hub.groups.list_model_package_groups(root(account), members)
        return [one["ModelPackageGroupArn"] for one in answer["ModelPackageGroupSummaryList"]]

    assert listed(SPOKE, **across) == []
    share(hub, document("DescribeModelPackageGroup"))
    assert listed(SPOKE, **across) == [GROUP]
    assert listed(SPOKE) == []
    assert listed(STRANGER, **across) == []
    assert listed(HUB, **across) == []
    hub.groups.delete_model_package_group_policy(root(), {"ModelPackageGroupName": "credit-risk"})
    assert listed(SPOKE, **across) == []


def test_a_policy_that_cannot_be_is_refused_with_everything_that_is_wrong(hub: World) -> None:
    text = document(
        "DescribeModelPackage",
        "DeleteEndpoint",
        principal="999999999999",
        resource=[GROUP, "arn:aws:s3:::everything/*"],
    )
    with pytest.raises(ValidationError) as caught:
        share(hub, text)
    for said in ("there is no account 999999999999", "sagemaker:deleteendpoint", "arn:aws:s3:::"):
        assert said in caught.value.message
    with pytest.raises(ValidationError, match="ResourcePolicy"):
        share(hub, "{not json")
    with pytest.raises(ValidationError, match="Cannot find resource policy"):
        hub.groups.get_model_package_group_policy(root(), {"ModelPackageGroupName": "credit-risk"})


def test_a_policy_comes_back_as_it_was_put_and_applies_to_the_groups_versions(hub: World) -> None:
    text = document("DescribeModelPackage")
    share(hub, text)
    request = {"ModelPackageGroupName": "credit-risk"}
    answer = hub.groups.get_model_package_group_policy(root(), request)
    assert answer["ResourcePolicy"] == text
    finder = ModelPackageGroupPolicies(hub.store)
    for arn in (GROUP, MEMBERS, MEMBERS.replace("*", "7")):
        assert finder.documents(arn) == [json.loads(text)]
    for arn in (GROUP + "-2", f"arn:aws:sagemaker:us-east-1:{HUB}:model/credit-risk", "x"):
        assert finder.documents(arn) == []


def test_another_accounts_approval_policy_is_its_own(hub: World) -> None:
    with pytest.raises(OperationError, match="its owner decides"):
        hub.approval.get_approval_policy(root(SPOKE), {"ModelPackageGroupName": GROUP})


def test_a_policy_is_in_force_and_out_of_it_with_the_answer_that_says_so(hub: World) -> None:
    finder = ModelPackageGroupPolicies(hub.store)
    assert finder.documents(GROUP) == []
    text = document("DescribeModelPackage")
    share(hub, text)
    assert finder.documents(MEMBERS) == [json.loads(text)]
    request = {"ModelPackageGroupName": "credit-risk"}
    hub.groups.delete_model_package_group_policy(root(), request)
    assert finder.documents(MEMBERS) == []
