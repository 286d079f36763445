"""Roles: what jobs and models run as. A role is a resource like any other, in no region."""

from __future__ import annotations

from typing import Any

from modelyard.arns import Arn, role_arn
from modelyard.operations.errors import ValidationError
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Resource, Scope, Snapshot, Store

ROLE_KIND = "role"
GLOBAL_REGION = "global"
DEFAULT_ROLE = "modelyard-execution"
MAX_SESSION_SECONDS = 43_200


def role_scope(account: str) -> Scope:
    """Return where an account's roles live."""
    return Scope(account=account, region=GLOBAL_REGION)


def ensure_default_role(store: Store, account: str) -> Resource:
    """Return the role `modelyard-execution` of an account, made if it is not there."""
    scope = role_scope(account)
    with store.read() as snapshot:
        found = snapshot.find(scope, ROLE_KIND, DEFAULT_ROLE)
    if found is not None:
        return found
    try:
        with store.write() as transaction:
            return transaction.create(
                scope,
                ROLE_KIND,
                DEFAULT_ROLE,
                arn=role_arn(account=account, name=DEFAULT_ROLE),
                spec=_default_role_spec(account),
                status="Active",
            )
    except AlreadyExists:
        # Another server on the same database was quicker.
        with store.read() as snapshot:
            return snapshot.get(scope, ROLE_KIND, DEFAULT_ROLE)


def find_role(snapshot: Snapshot, account: str, arn: str) -> Resource | None:
    """Return the role of `account` that `arn` names, or None if there is none."""
    try:
        parts = Arn.parse(arn)
    except ValueError:
        return None
    if parts.service != "iam" or parts.kind != "role" or parts.account != account:
        return None
    role = snapshot.find(role_scope(account), ROLE_KIND, parts.name.rpartition("/")[2])
    return role if role is not None and role.arn == arn else None


def require_role(snapshot: Snapshot, account: str, arn: str) -> Resource:
    """Return the role that a job or model of `account` is to run as.

    Raises:
        ValidationError: `arn` is no role's, or that role is another account's, or not there.
    """
    role = find_role(snapshot, account, arn)
    if role is not None:
        return role
    try:
        parts = Arn.parse(arn)
    except ValueError as error:
        raise ValidationError(f"RoleArn: {error}") from error
    if parts.service != "iam" or parts.kind != "role":
        why = "it is not the ARN of a role"
    elif parts.account != account:
        why = f"it belongs to account {parts.account}, and this is account {account}"
    else:
        why = "there is no such role"
    default = role_arn(account=account, name=DEFAULT_ROLE)
    raise ValidationError(f"Could not assume role {arn}: {why}. A role that exists is {default}")


def _default_role_spec(account: str) -> dict[str, Any]:
    root = str(Arn(service="iam", region="", account=account, resource="root"))
    return {
        "Path": "/",
        "Description": "Made by the first start: what jobs and models run as.",
        "MaxSessionDuration": MAX_SESSION_SECONDS,
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": root, "Service": "sagemaker.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
    }
