"""Principals: the account's root, and the sessions of its roles."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from modelyard.arns import Arn
from modelyard.operations.context import Principal


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who signed a request, for which region and service."""

    principal: Principal
    region: str
    service: str | None  # the signature's scope, `sagemaker`; None with a bearer token


def root_of(account: str) -> Principal:
    """Return the root of an account."""
    arn = Arn(service="iam", region="", account=account, resource="root")
    return Principal(account=account, arn=str(arn), user_id=account)


def session_of(role_arn: str, session_name: str) -> Principal:
    """Return the principal that a role's session acts as.

    Raises:
        ValueError: `role_arn` is not the ARN of a role.
    """
    role = Arn.parse(role_arn)
    if role.service != "iam" or role.kind != "role":
        raise ValueError(f"{role_arn!r} is not the ARN of a role")
    # A session's ARN has the role's bare name, without the path in front of it.
    name = role.name.rpartition("/")[2]
    arn = Arn(
        service="sts",
        region="",
        account=role.account,
        resource=f"assumed-role/{name}/{session_name}",
    )
    user_id = f"{role_id(role_arn)}:{session_name}"
    return Principal(account=role.account, arn=str(arn), user_id=user_id, role=role_arn)


def role_id(role_arn: str) -> str:
    """Return the unique id of a role, 21 characters that follow from its ARN."""
    digest = hashlib.sha256(role_arn.encode()).digest()
    return f"AROA{base64.b32encode(digest).decode()[:17]}"
