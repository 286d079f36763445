from __future__ import annotations

from typing import Any

import pytest

from modelyard.operations.context import Context, Principal
from modelyard.operations.targets import Target, caller, every, given, iam, named

ACCOUNT = "1" * 12
USER = f"arn:aws:iam::{ACCOUNT}:user/ada"
CONTEXT = Context(
    account=ACCOUNT,
    region="eu-west-1",
    principal=Principal(account=ACCOUNT, arn=USER, user_id="ada"),
    request_id="r",
    source="test",
)
OWN = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}"
FOREIGN = f"arn:aws:sagemaker:us-east-1:{'2' * 12}:model/m"
GROUP = named("log-group", "logGroupName", service="logs", glue=":")


@pytest.mark.parametrize(
    ("target", "request_", "arn"),
    [
        (named("model", "ModelName"), {"ModelName": "m"}, f"{OWN}:model/m"),
        (named("model", "ModelName"), {"ModelName": FOREIGN}, FOREIGN),
        (GROUP, {"logGroupName": "/a/b"}, f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/a/b"),
        (every("model"), {}, f"{OWN}:model/*"),
        (given("ResourceArn"), {"ResourceArn": FOREIGN}, FOREIGN),
        (caller, {}, USER),
        (iam("role", "RoleName"), {"RoleName": "r"}, f"arn:aws:iam::{ACCOUNT}:role/r"),
        (iam("role"), {}, f"arn:aws:iam::{ACCOUNT}:role/*"),
    ],
)
def test_a_request_is_about_the_resource_that_it_names(
    target: Target, request_: dict[str, Any], arn: str
) -> None:
    assert target(CONTEXT, request_) == arn


@pytest.mark.parametrize("value", [None, "", 5, ["m"], {}])
@pytest.mark.parametrize(
    ("target", "member", "arn"),
    [
        (named("model", "ModelName"), "ModelName", f"{OWN}:model/*"),
        (given("ResourceArn"), "ResourceArn", f"{OWN}:*"),
        (iam("role", "RoleName"), "RoleName", f"arn:aws:iam::{ACCOUNT}:role/*"),
    ],
)
def test_a_request_that_names_no_resource_is_about_all_of_them(
    target: Target, member: str, arn: str, value: object
) -> None:
    assert target(CONTEXT, {member: value}) == arn
    assert target(CONTEXT, {}) == arn
