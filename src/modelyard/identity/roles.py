"""Roles: what jobs and models run as. A role is a resource like any other, in no region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.arns import Arn, role_arn
from modelyard.identity.personas import JOB, PERSONAS
from modelyard.identity.principals import root_arn
from modelyard.operations.errors import ValidationError
from modelyard.store.resources import Resource, Scope, Snapshot, Store, Transaction

ROLE_KIND = "role"
GLOBAL_REGION = "global"
DEFAULT_ROLE = "modelyard-execution"
MAX_SESSION_SECONDS = 43_200
_TRUSTED_ACTIONS = ["sts:AssumeRole", "sts:SetSourceIdentity"]


def role_scope(account: str) -> Scope:
    """Return where an account's roles live."""
    return Scope(account=account, region=GLOBAL_REGION)


def ensure_default_role(store: Store, account: str) -> Resource:
    """Return the role `modelyard-execution` of an account, made if it is not there."""
    return ensure_roles(store, account, {DEFAULT_ROLE: _execution_role_spec(account)})[DEFAULT_ROLE]


def ensure_default_roles(store: Store, account: str, orchestrator: str) -> None:
    """Make what is not there of an account's roles: one per persona, and the jobs' own.

    Args:
        orchestrator: the account whose root may assume them.
    """
    ensure_roles(store, account, default_roles(account, orchestrator))


def default_roles(account: str, orchestrator: str) -> dict[str, dict[str, Any]]:
    """Return the spec of every role that an account begins with, by its name."""
    specs = {name: _persona_role_spec(name, account, orchestrator) for name in PERSONAS}
    return {DEFAULT_ROLE: _execution_role_spec(account), **specs}


def ensure_roles(
    store: Store, account: str, specs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Resource]:
    """Return the roles of these names, each made from its spec if it is not there."""
    scope = role_scope(account)
    with store.read() as snapshot:
        found = {name: snapshot.find(scope, ROLE_KIND, name) for name in specs}
    if None in found.values():
        # Looked at again: another server on the same database may be quicker.
        with store.write() as transaction:
            found = {
                name: create_missing(transaction, account, name, specs[name]) for name in specs
            }
    return {name: role for name, role in found.items() if role is not None}


def create_missing(
    transaction: Transaction, account: str, name: str, spec: Mapping[str, Any]
) -> Resource:
    """Return the role `name`, made from `spec` if it is not there."""
    scope = role_scope(account)
    found = transaction.find(scope, ROLE_KIND, name)
    if found is None:
        arn = role_arn(account=account, name=name)
        return transaction.create(scope, ROLE_KIND, name, arn=arn, spec=spec, status="Active")
    if "Persona" not in found.spec and "Persona" in spec:
        # Made by a release that had no personas yet.
        persona = {"Persona": spec["Persona"]}
        return transaction.update(found, spec={**found.spec, **persona})
    return found


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


def _execution_role_spec(account: str) -> dict[str, Any]:
    named = {"AWS": root_arn(account), "Service": "sagemaker.amazonaws.com"}
    return {
        "Path": "/",
        "Description": "Made by the first start: what jobs and models run as.",
        "MaxSessionDuration": MAX_SESSION_SECONDS,
        "Persona": JOB,
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            # One text, not a list: clients look for just this.
            "Statement": [{"Effect": "Allow", "Principal": named, "Action": "sts:AssumeRole"}],
        },
    }


def _persona_role_spec(persona: str, account: str, orchestrator: str) -> dict[str, Any]:
    """Return a persona's role.

    The orchestrator account's root may assume it, but not everybody of that account, which its ARN
    alone would mean. A person may who has the persona in this account or in the orchestrator's,
    so that a data scientist of dev is none of prod. And the orchestrator's role of the same name
    may, which is how its pipelines deploy to the other accounts.
    """
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": root_arn(orchestrator)},
            "Condition": {"ArnEquals": {"aws:PrincipalArn": root_arn(orchestrator)}},
        },
        {
            "Effect": "Allow",
            "Principal": {"AWS": sorted({root_arn(account), root_arn(orchestrator)})},
            "Condition": {
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"},
                "ForAnyValue:StringEquals": {"modelyard:Persona": persona},
            },
        },
    ]
    if account != orchestrator:
        same = role_arn(account=orchestrator, name=persona)
        statements.append({"Effect": "Allow", "Principal": {"AWS": same}})
    return {
        "Path": "/",
        "Description": f"Made by the first start: what a {persona} acts as.",
        "MaxSessionDuration": MAX_SESSION_SECONDS,
        "Persona": persona,
        "AssumeRolePolicyDocument": _trust(*statements),
    }


def _trust(*statements: dict[str, Any]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{**statement, "Action": _TRUSTED_ACTIONS} for statement in statements],
    }
