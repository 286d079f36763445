"""Principals: an account's root, its users, the sessions of its roles, and who is nobody yet."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from modelyard.arns import Arn, assumed_role_arn, unique_id
from modelyard.operations.context import Principal
from modelyard.sealing import Session

#: Who has not proved anything: only what is open to everybody is open to it.
ANONYMOUS = Principal(account="", arn="anonymous", user_id="anonymous")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who signed a request, for which region and service."""

    principal: Principal
    region: str
    service: str | None  # the signature's scope, `sagemaker`; None with a bearer token


def root_of(account: str) -> Principal:
    """Return the root of an account."""
    return Principal(account=account, arn=root_arn(account), user_id=account)


def root_arn(account: str) -> str:
    """Return `arn:aws:iam::<account>:root`."""
    return str(Arn(service="iam", region="", account=account, resource="root"))


def user_of(user_arn: str) -> Principal:
    """Return the principal that a user's access keys act as.

    Raises:
        ValueError: `user_arn` is not the ARN of a user.
    """
    user = Arn.parse(user_arn)
    if user.service != "iam" or user.kind != "user":
        raise ValueError(f"{user_arn!r} is not the ARN of a user")
    return Principal(account=user.account, arn=user_arn, user_id=unique_id("AIDA", user_arn))


def session_of(
    role_arn: str,
    session_name: str,
    *,
    person: str = "",
    chain: tuple[str, ...] = (),
    source_identity: str = "",
) -> Principal:
    """Return the principal that a role's session acts as.

    Args:
        person: the ARN of who stands behind it; the session itself where it is empty.
        chain: the roles that were assumed on the way; this one alone where it is empty.

    Raises:
        ValueError: `role_arn` is not the ARN of a role.
    """
    arn = assumed_role_arn(role_arn, session_name)
    return Principal(
        account=Arn.parse(role_arn).account,
        arn=arn,
        user_id=f"{role_id(role_arn)}:{session_name}",
        role=role_arn,
        person=person,
        chain=chain or (role_arn,),
        source_identity=source_identity,
    )


def principal_of(session: Session) -> Principal:
    """Return the principal that a sealed session acts as."""
    return session_of(
        session.role_arn,
        session.session_name,
        person=session.person,
        chain=session.chain,
        source_identity=session.source_identity,
    )


def federated_arn(account: str, issuer: str, subject: str) -> str:
    """Return how a person is named whom an identity provider of `account` knows as `subject`.

    Args:
        issuer: without its scheme, as an OIDC provider's ARN has it.
    """
    resource = f"federated-user/{issuer}/{quote(subject, safe=':@._-')}"
    return str(Arn(service="sts", region="", account=account, resource=resource))


def role_id(role_arn: str) -> str:
    """Return the unique id of a role, 21 characters that follow from its ARN."""
    return unique_id("AROA", role_arn)


def user_id(user_arn: str) -> str:
    """Return the unique id of a user, 21 characters that follow from its ARN."""
    return unique_id("AIDA", user_arn)
