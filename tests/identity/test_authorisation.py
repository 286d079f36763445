from __future__ import annotations

import pytest

from modelyard.identity.authorisation import Policy
from modelyard.identity.principals import root_of, session_of
from modelyard.operations.context import Context, Principal

ACCOUNT, OTHER = "1" * 12, "2" * 12
ROOT = root_of(ACCOUNT)
SESSION = session_of(f"arn:aws:iam::{ACCOUNT}:role/path/r", "s")


def refusal(principal: Principal, action: str, account: str = ACCOUNT) -> str | None:
    context = Context(
        account=account, region="us-east-1", principal=principal, request_id="r", source="test"
    )
    decision = Policy().decide(context, action, "*", {})
    assert decision.allowed is (decision.refusal == "")
    return decision.refusal or None


@pytest.mark.parametrize("action", ["sagemaker:CreateModel", "sts:AssumeRole", "iam:GetRole"])
def test_root_may_do_everything_in_its_account(action: str) -> None:
    assert refusal(ROOT, action) is None


@pytest.mark.parametrize("principal", [ROOT, SESSION])
def test_nobody_acts_in_another_account(principal: Principal) -> None:
    said = refusal(principal, "sagemaker:ListModels", OTHER) or ""
    assert ACCOUNT in said
    assert OTHER in said
    assert "sagemaker:ListModels" in said


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sts::{ACCOUNT}:federated-user/x",
        "anonymous",
        "",
    ],
)
def test_who_is_neither_root_nor_user_nor_session_may_nothing(arn: str) -> None:
    stranger = Principal(account=ACCOUNT, arn=arn, user_id="x")
    assert "not authorized" in (refusal(stranger, "sagemaker:ListModels") or "")


def test_a_session_carries_its_roles_bare_name() -> None:
    assert SESSION.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
    with pytest.raises(ValueError, match="not the ARN of a role"):
        session_of(f"arn:aws:iam::{ACCOUNT}:user/u", "s")
