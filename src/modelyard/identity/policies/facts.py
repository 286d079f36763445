"""What is true of a call, found out ahead of the policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.policies.entities import ANONYMOUS, ROOT, SESSION, USER, Subject
from modelyard.identity.trust import caller_values, session_values
from modelyard.operations.context import Context, Principal


def canonical(resource: str) -> str:
    """Return an ARN as policies see it: an endpoint is found whatever the case of its name."""
    head, mark, name = resource.partition(":endpoint/")
    if mark and head.startswith("arn:") and head.split(":")[2:3] == ["sagemaker"]:
        return head + mark + name.lower()
    return resource


def type_of(principal: Principal) -> str:
    """Return the type of the entity that a principal is to the policies."""
    try:
        parts = Arn.parse(principal.arn)
    except ValueError:
        return ANONYMOUS
    match (parts.service, parts.kind):
        case ("iam", "root"):
            return ROOT
        case ("iam", "user"):
            return USER
        case ("sts", "assumed-role") if principal.role:
            return SESSION
    return ANONYMOUS


def condition_values(
    subject: Subject, context: Context, request: Mapping[str, Any]
) -> dict[str, str | Sequence[str]]:
    """Return what conditions of IAM's documents may ask of a call by `subject`."""
    acting = replace(
        context,
        principal=Principal(
            account=subject.account,
            arn=subject.arn,
            user_id=subject.user_id,
            person=subject.person,
            role=subject.role,
            source_identity=subject.source_identity,
        ),
    )
    texts = {member: value for member, value in request.items() if isinstance(value, str)}
    if subject.type == ANONYMOUS:
        return dict(session_values(texts))
    return {
        **caller_values(acting, personas=sorted(subject.personas), now=clock.now()),
        **session_values(texts),
        **{f"aws:PrincipalTag/{key}": value for key, value in subject.tags.items()},
    }
