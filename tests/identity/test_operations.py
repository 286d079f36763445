from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from modelyard.identity.principals import role_id, session_of
from modelyard.identity.roles import ROLE_KIND, role_scope
from modelyard.operations.errors import AccessDenied, NoSuchEntity, ValidationError
from tests.identity.world import ACCOUNT, DEFAULT_ROLE_ARN, World


def assume(home: World, **members: Any) -> dict[str, Any]:
    request = {"RoleArn": DEFAULT_ROLE_ARN, "RoleSessionName": "me", **members}
    return home.table.call(home.context(), "sts", "AssumeRole", request)


def test_root_and_sessions_learn_who_they_are(home: World) -> None:
    assert home.table.call(home.context(), "sts", "GetCallerIdentity", {}) == {
        "UserId": ACCOUNT,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
    }
    context = home.context(session_of(DEFAULT_ROLE_ARN, "me"))
    assert home.table.call(context, "sts", "GetCallerIdentity", {}) == {
        "UserId": f"{role_id(DEFAULT_ROLE_ARN)}:me",
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/modelyard-execution/me",
    }


@pytest.mark.parametrize(("asked", "seconds"), [({}, 3600), ({"DurationSeconds": 43_200}, 43_200)])
def test_a_session_lasts_as_long_as_was_asked(
    home: World, asked: dict[str, int], seconds: int
) -> None:
    answer = assume(home, **asked)
    assert answer["Credentials"]["Expiration"] == home.clock() + timedelta(seconds=seconds)
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/modelyard-execution/me")


@pytest.mark.parametrize(
    "members",
    [
        {"DurationSeconds": 899},
        {"DurationSeconds": 43_201},
        {"RoleSessionName": "a b"},
        {"Policy": "{}"},
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]},
    ],
)
def test_what_cannot_be_honoured_is_refused(home: World, members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(members))[1:]):
        assume(home, **members)


def test_a_session_lasts_no_longer_than_its_role_lets_it(home: World) -> None:
    with home.store.write() as transaction:
        role = transaction.get(role_scope(ACCOUNT), ROLE_KIND, "modelyard-execution")
        transaction.update(role, spec={**role.spec, "MaxSessionDuration": 3600})
    assert assume(home, DurationSeconds=3600)
    with pytest.raises(ValidationError, match="MaxSessionDuration set for this role, 3600"):
        assume(home, DurationSeconds=3601)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:role/nobody",
        "arn:aws:iam::999999999999:role/modelyard-execution",
        f"arn:aws:iam::{ACCOUNT}:role/other/modelyard-execution",
        f"arn:aws:iam::{ACCOUNT}:user/modelyard-execution",
        "modelyard-execution-but-no-arn",
    ],
)
def test_a_role_that_is_not_there_cannot_be_assumed(home: World, arn: str) -> None:
    with pytest.raises(AccessDenied) as caught:
        assume(home, RoleArn=arn)
    assert arn in caught.value.message


def test_the_first_starts_role_is_there(home: World) -> None:
    request = {"RoleName": "modelyard-execution"}
    role = home.table.call(home.context(), "iam", "GetRole", request)["Role"]
    assert role["Arn"] == DEFAULT_ROLE_ARN
    document = json.loads(unquote(role["AssumeRolePolicyDocument"]))
    assert document["Statement"][0]["Principal"]["Service"] == "sagemaker.amazonaws.com"


def test_a_role_that_is_not_there_is_named(home: World) -> None:
    with pytest.raises(NoSuchEntity, match="nobody"):
        home.table.call(home.context(), "iam", "GetRole", {"RoleName": "nobody"})


def test_a_simulation_says_what_the_policy_would(home: World) -> None:
    own = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/m"
    foreign = "arn:aws:sagemaker:us-east-1:999999999999:model/m"
    answer = home.table.call(
        home.context(),
        "iam",
        "SimulatePrincipalPolicy",
        {
            "PolicySourceArn": DEFAULT_ROLE_ARN,
            "ActionNames": ["sagemaker:CreateModel", "sts:AssumeRole"],
            "ResourceArns": [own, foreign],
        },
    )
    decisions = {
        (result["EvalActionName"], result["EvalResourceName"]): result["EvalDecision"]
        for result in answer["EvaluationResults"]
    }
    assert decisions == {
        ("sagemaker:CreateModel", own): "allowed",
        ("sagemaker:CreateModel", foreign): "explicitDeny",
        ("sts:AssumeRole", own): "explicitDeny",
        ("sts:AssumeRole", foreign): "explicitDeny",
    }


def test_a_simulation_of_policies_that_are_not_offered_is_refused(home: World) -> None:
    request = {
        "PolicySourceArn": DEFAULT_ROLE_ARN,
        "ActionNames": ["sagemaker:CreateModel"],
        "PolicyInputList": ["{}"],
    }
    with pytest.raises(ValidationError, match="PolicyInputList"):
        home.table.call(home.context(), "iam", "SimulatePrincipalPolicy", request)
