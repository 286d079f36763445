"""Roles and people for the tests of who may act as what."""

from __future__ import annotations

import json
from typing import Any

from modelyard.identity.principals import root_of, session_of
from modelyard.operations.context import Principal
from modelyard.sealing import open_session
from tests.identity.world import World

DEV, STAGING, PROD = "2" * 12, "3" * 12, "4" * 12


def trust(principal: Any, **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def make_role(
    home: World, account: str, name: str, document: dict[str, Any], **members: Any
) -> str:
    """Create a role as its account's root, and return its ARN."""
    request = {
        "RoleName": name,
        "AssumeRolePolicyDocument": json.dumps(document),
        **members,
    }
    answer = home.table.call(home.context(root_of(account)), "iam", "CreateRole", request)
    arn: str = answer["Role"]["Arn"]
    return arn


def make_person(home: World, account: str, name: str, *personas: str) -> dict[str, Any]:
    """Create a person as its account's root, and return its answer."""
    request = {"UserName": name, "Personas": list(personas)}
    return home.table.call(home.context(root_of(account)), "modelyard", "CreatePerson", request)


def assume(home: World, principal: Principal, role: str, **members: Any) -> dict[str, Any]:
    request = {"RoleArn": role, "RoleSessionName": "me", **members}
    return home.table.call(home.context(principal), "sts", "AssumeRole", request)


def acting(home: World, answer: dict[str, Any]) -> Principal:
    """Return the principal that an AssumeRole's answer lets act."""
    token = answer["Credentials"]["SessionToken"]
    session = open_session(token, home.credentials.sealing_key, home.clock())
    return session_of(
        session.role_arn,
        session.session_name,
        person=session.person,
        chain=session.chain,
        source_identity=session.source_identity,
    )
