from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelyard.arns import role_arn
from modelyard.identity.principals import root_of, session_of
from modelyard.identity.roles import ROLE_KIND, role_scope
from modelyard.operations.context import Principal
from modelyard.operations.table import Decision
from tests.identity.world import ACCOUNT, DEFAULT_ROLE_ARN, World

OTHER = "234567890123"
ROOT = root_of(ACCOUNT)
JOB = session_of(DEFAULT_ROLE_ARN, "s")
MODEL = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/m"


def decision(
    home: World,
    principal: Principal,
    action: str,
    resource: str = MODEL,
    request: dict[str, Any] | None = None,
) -> Decision:
    context = home.context(principal, account=principal.account)
    found = home.permissions.decide(context, action, resource, request or {})
    assert found.allowed is (found.refusal == "")
    return found


def make_role(home: World, name: str, account: str = ACCOUNT, **spec: Any) -> Principal:
    """Create a role, and return one of its sessions."""
    arn = role_arn(account=account, name=name)
    with home.store.write() as transaction:
        transaction.create(
            role_scope(account), ROLE_KIND, name, arn=arn, spec={"Path": "/", **spec}, status="x"
        )
    return session_of(arn, "s")


def trusting(*principals: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}}
    return {"Version": "2012-10-17", "Statement": [{**statement, "Action": "sts:AssumeRole"}]}


@pytest.mark.parametrize("action", ["sagemaker:CreateModel", "iam:GetRole", "s3:DeleteBucket"])
def test_root_may_do_everything_in_its_account(home: World, action: str) -> None:
    assert decision(home, ROOT, action).policies == ("root",)


@pytest.mark.parametrize("principal", [ROOT, JOB])
def test_nobody_acts_in_another_account(home: World, principal: Principal) -> None:
    foreign = MODEL.replace(ACCOUNT, OTHER)
    found = decision(home, principal, "sagemaker:DescribeModel", foreign)
    assert "guardrail-own-account" in found.policies
    for named in ("sagemaker:DescribeModel", foreign, "roles that may: ai-engineer"):
        assert named in found.refusal


def test_a_call_in_another_account_is_refused_even_for_what_names_none(home: World) -> None:
    context = home.context(ROOT, account=OTHER)
    assert not home.permissions.decide(context, "sagemaker:ListModels", "*", {}).allowed


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:user/somebody",
        f"arn:aws:sts::{ACCOUNT}:federated-user/x",
        "anonymous",
        "",
    ],
)
def test_who_is_nobody_to_the_platform_may_nothing(home: World, arn: str) -> None:
    stranger = Principal(account=ACCOUNT, arn=arn, user_id="x")
    assert "no policy allows it" in decision(home, stranger, "sagemaker:ListModels").refusal


def test_a_session_of_a_role_that_was_deleted_may_nothing(home: World) -> None:
    session = make_role(home, "gone", Persona="auditor")
    assert decision(home, session, "sagemaker:ListModels").allowed
    with home.store.write() as transaction:
        transaction.delete(transaction.get(role_scope(ACCOUNT), ROLE_KIND, "gone"))
    assert not decision(home, session, "sagemaker:ListModels").allowed


def test_a_refusal_names_the_action_the_resource_and_the_roles_that_may(home: World) -> None:
    session = make_role(home, "looks", Persona="auditor")
    found = decision(home, session, "sagemaker:DeleteModelCard", MODEL)
    assert found.policies == ("guardrail-auditor",)
    assert "not authorized to perform: sagemaker:DeleteModelCard on resource" in found.refusal
    assert "An auditor changes nothing" in found.refusal
    assert "governance-officer" in found.refusal.partition("roles that may:")[2]


def test_who_hands_on_a_role_needs_leave_to_pass_it(home: World) -> None:
    scientist = make_role(home, "data-scientist", Persona="data-scientist")
    strong = make_role(home, "strong", Persona="orchestrator-administrator")
    made = {"ModelName": "m", "ExecutionRoleArn": strong.role}
    refused = decision(home, scientist, "sagemaker:CreateModel", MODEL, made)
    assert "it hands on a role" in refused.refusal
    assert f"iam:PassRole on resource: {strong.role}" in refused.refusal
    made["ExecutionRoleArn"] = DEFAULT_ROLE_ARN
    allowed = decision(home, scientist, "sagemaker:CreateModel", MODEL, made)
    assert "data-scientist-passes-job-roles" in allowed.policies


def test_a_role_within_a_request_is_found_where_its_model_has_one(home: World) -> None:
    engineer = make_role(home, "ml-engineer", Persona="ml-engineer")
    strong = make_role(home, "strong", Persona="orchestrator-administrator")
    rule = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
    targets = {"Rule": "r", "Targets": [{"Id": "1"}, {"Id": "2", "RoleArn": strong.role}]}
    assert not decision(home, engineer, "events:PutTargets", rule, targets).allowed
    job = {"HyperParameters": {"RoleArn": strong.role}, "RoleArn": DEFAULT_ROLE_ARN}
    assert decision(home, engineer, "sagemaker:CreateTrainingJob", MODEL, job).allowed


@pytest.mark.parametrize(
    ("registry", "allowed"),
    [
        (f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com", False),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com", True),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com", True),  # AWS's own: built in, or none
        ("docker.io", True),  # there is no such image, which is for the operation to say
    ],
)
def test_another_accounts_container_image_takes_leave(
    home: World, registry: str, allowed: bool
) -> None:
    container = {"Image": f"{registry}/team/toy:1", "Environment": {"ImageUri": "x"}}
    made = {"ModelName": "m", "PrimaryContainer": container}
    found = decision(home, ROOT, "sagemaker:CreateModel", MODEL, made)
    assert found.allowed is allowed
    if not allowed:
        account = registry.partition(".")[0]
        arn = f"arn:aws:ecr:us-east-1:{account}:repository/team/toy"
        assert "it runs another account's image" in found.refusal
        assert f"ecr:BatchGetImage on resource: {arn}" in found.refusal


def test_a_role_is_assumed_by_whom_its_trust_policy_names(home: World) -> None:
    nobody = make_role(home, "nobody", Persona="")
    target = make_role(
        home, "target", Persona="x", AssumeRolePolicyDocument=trusting(nobody.role)
    ).role
    assert decision(home, nobody, "sts:AssumeRole", target).policies == (
        "everybody-named-by-a-role",
    )
    other = make_role(home, "other", Persona="x")
    refused = decision(home, other, "sts:AssumeRole", target)
    assert refused.policies == ("guardrail-trust",)
    assert "only by whom its trust policy names" in refused.refusal


def test_who_is_trusted_with_the_whole_account_needs_a_policy_of_their_own(home: World) -> None:
    document = trusting(f"arn:aws:iam::{ACCOUNT}:root")
    target = make_role(home, "target", Persona="x", AssumeRolePolicyDocument=document).role
    same = make_role(home, "same", Persona="x")
    assert decision(home, same, "sts:AssumeRole", target).policies == (
        "everybody-takes-their-role",
    )
    stranger = make_role(home, "stranger", Persona="y")
    assert "no policy allows it" in decision(home, stranger, "sts:AssumeRole", target).refusal


def test_a_role_of_another_account_is_assumed_with_its_trust_and_a_policy(home: World) -> None:
    document = trusting(f"arn:aws:iam::{ACCOUNT}:root")
    far = make_role(home, "auditor", OTHER, Persona="auditor", AssumeRolePolicyDocument=document)
    near = make_role(home, "auditor", Persona="auditor")
    stranger = make_role(home, "data-owner", Persona="data-owner")
    assert decision(home, near, "sts:AssumeRole", far.role).allowed
    assert not decision(home, stranger, "sts:AssumeRole", far.role).allowed
    untrusting = make_role(home, "other", OTHER, Persona="auditor")
    refused = decision(home, near, "sts:AssumeRole", untrusting.role)
    assert refused.policies == ("guardrail-own-account", "guardrail-trust")


def test_a_trust_policy_that_cannot_be_understood_lets_nobody_in(home: World) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}
    broken = make_role(home, "broken", Persona="x", AssumeRolePolicyDocument=document).role
    assert "guardrail-resource-policy" in decision(home, ROOT, "sts:AssumeRole", broken).policies


def test_a_trust_policys_conditions_hold_for_the_call(home: World) -> None:
    document = trusting(f"arn:aws:iam::{ACCOUNT}:root")
    document["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "42"}}
    target = make_role(home, "target", Persona="x", AssumeRolePolicyDocument=document).role
    assert decision(home, ROOT, "sts:AssumeRole", target, {"ExternalId": "42"}).allowed
    assert not decision(home, ROOT, "sts:AssumeRole", target, {"ExternalId": "43"}).allowed


def test_an_endpoint_is_the_same_whatever_the_case_of_its_name(home: World, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir(exist_ok=True)
    endpoint = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/live"
    (folder / "mine.cedar").write_text(
        f'forbid (principal, action, resource == Modelyard::Resource::"{endpoint}");'
    )
    home.permissions.book.load()
    shouted = endpoint.replace("live", "LIVE")
    assert decision(home, ROOT, "sagemaker:DeleteEndpoint", shouted).policies == ("mine.cedar#1",)


def test_a_session_carries_its_roles_bare_name() -> None:
    session = session_of(f"arn:aws:iam::{ACCOUNT}:role/path/r", "s")
    assert session.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
    with pytest.raises(ValueError, match="not the ARN of a role"):
        session_of(f"arn:aws:iam::{ACCOUNT}:user/u", "s")
