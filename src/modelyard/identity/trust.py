"""Who may assume a role: its trust policy, asked with what is known of the call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.iam_conditions import ConditionValues
from modelyard.identity.iam_documents import DocumentError, evaluate, parse
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import MalformedPolicyDocument
from modelyard.store.resources import Resource

ASSUME_ROLE = "sts:AssumeRole"
SET_SOURCE_IDENTITY = "sts:SetSourceIdentity"
_MAX_TRUST_CHARACTERS = 4096


def trust_policy(text: str) -> dict[str, Any]:
    """Return the trust policy that a caller gave as JSON, as its object.

    Raises:
        MalformedPolicyDocument: with everything that is wrong with it.
    """
    if len(text) > _MAX_TRUST_CHARACTERS:
        raise MalformedPolicyDocument(
            f"the trust policy has {len(text)} characters, more than {_MAX_TRUST_CHARACTERS}"
        )
    try:
        parsed = parse(text, trust=True)
    except DocumentError as error:
        raise MalformedPolicyDocument(str(error)) from error
    for number, statement in enumerate(parsed.statements):
        is_open = statement.effect == "Allow" and "Federated" in statement.principals
        subjects = [one for one in statement.conditions if one.key.endswith(":sub")]
        if is_open and not subjects:
            raise MalformedPolicyDocument(
                f"Statement[{number}]: needs a condition of the subject, such as StringLike of "
                "<issuer>:sub: without one, everybody whom the provider knows could assume the role"
            )
    document: dict[str, Any] = json.loads(text)
    return document


def is_trusted(
    role: Resource,
    context: Context,
    request: Mapping[str, Any],
    *,
    personas: Sequence[str],
    now: datetime,
    action: str = ASSUME_ROLE,
) -> bool:
    """Tell whether a role's trust policy lets `context.principal` assume it.

    Args:
        request: AssumeRole's members.
        personas: of the principal.
        now: aware.
    """
    principal = context.principal
    found = evaluate(
        role.spec["AssumeRolePolicyDocument"],
        principal_arn=principal.arn,
        principal_account=principal.account,
        role_arn=principal.role,
        action=action,
        resource=role.arn,
        condition_values={
            **caller_values(context, personas=personas, now=now),
            **session_values(request),
        },
    )
    return found == "Allow"


def caller_values(context: Context, *, personas: Sequence[str], now: datetime) -> ConditionValues:
    """Return what policies may ask of a caller: AWS's global keys, and `modelyard:…`."""
    principal = context.principal
    known: dict[str, str | Sequence[str]] = {
        # Of a session it is the role's, as AWS has it: sessions come and go.
        "aws:PrincipalArn": principal.role or principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": _type_of(principal),
        "aws:userid": principal.user_id,
        "aws:RequestedRegion": context.region,
        "aws:SourceIp": context.source,
        "modelyard:Person": principal.person,
        "modelyard:Persona": personas,
        **moments(now),
    }
    if principal.source_identity:
        known["aws:SourceIdentity"] = principal.source_identity
    if _type_of(principal) == "User":
        known["aws:username"] = Arn.parse(principal.arn).name.rpartition("/")[2]
    return {key: value for key, value in known.items() if value}


def session_values(request: Mapping[str, Any]) -> ConditionValues:
    """Return what policies may ask of the session that is asked for."""
    names = {
        "sts:ExternalId": "ExternalId",
        "sts:RoleSessionName": "RoleSessionName",
        "sts:SourceIdentity": "SourceIdentity",
    }
    return {key: request[member] for key, member in names.items() if request.get(member)}


def moments(now: datetime) -> ConditionValues:
    """Return the keys that tell the time."""
    return {
        "aws:CurrentTime": now.isoformat(),
        "aws:EpochTime": str(clock.to_micros(now) // 1_000_000),
    }


def _type_of(principal: Principal) -> str:
    if principal.is_root:
        return "Account"
    return "AssumedRole" if principal.role else "User"
