from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from modelyard.identity.principals import root_of
from modelyard.identity.roles import ROLE_KIND, ensure_default_roles, role_scope
from modelyard.operations.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    MalformedPolicyDocument,
    NoSuchEntity,
    ValidationError,
)
from tests.identity.trusting import DEV, make_role, trust
from tests.identity.world import ACCOUNT, World


def call(home: World, name: str, **members: Any) -> dict[str, Any]:
    return home.table.call(home.context(root_of(DEV)), "iam", name, members)


def document_of(home: World, name: str) -> Any:
    role = call(home, "GetRole", RoleName=name)["Role"]
    return json.loads(unquote(role["AssumeRolePolicyDocument"]))


def test_a_role_is_created_described_listed_changed_and_deleted(home: World) -> None:
    document = trust({"AWS": DEV})
    arn = make_role(
        home, DEV, "r", document, Path="/team/", Description="d", MaxSessionDuration=7200
    )
    assert arn == f"arn:aws:iam::{DEV}:role/team/r"
    assert document_of(home, "r") == document
    assert [role["Arn"] for role in call(home, "ListRoles")["Roles"]] == [arn]
    assert call(home, "ListRoles", PathPrefix="/other/")["Roles"] == []
    call(home, "UpdateRole", RoleName="r", MaxSessionDuration=3600)
    call(home, "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=json.dumps(trust("*")))
    role = call(home, "GetRole", RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("d", 3600)
    assert document_of(home, "r") == trust("*")
    call(home, "DeleteRole", RoleName="r")
    with pytest.raises(NoSuchEntity, match="r cannot be found"):
        call(home, "GetRole", RoleName="r")


def test_a_role_has_tags(home: World) -> None:
    make_role(home, DEV, "r", trust("*"), Tags=[{"Key": "a", "Value": "1"}])
    call(home, "TagRole", RoleName="r", Tags=[{"Key": "b", "Value": "2"}])
    call(home, "UntagRole", RoleName="r", TagKeys=["a"])
    assert call(home, "ListRoleTags", RoleName="r")["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_role_has_the_persona_that_it_was_made_with(home: World) -> None:
    tag = {"Key": "modelyard:persona", "Value": "auditor"}
    make_role(home, DEV, "r", trust("*"), Tags=[tag])
    with home.store.read() as snapshot:
        assert snapshot.get(role_scope(DEV), ROLE_KIND, "r").spec["Persona"] == "auditor"
    with pytest.raises(ValidationError, match="CreateRole only"):
        call(home, "TagRole", RoleName="r", Tags=[{**tag, "Value": "data-owner"}])
    with pytest.raises(ValidationError, match="CreateRole only"):
        call(home, "UntagRole", RoleName="r", TagKeys=["modelyard:persona"])
    with pytest.raises(ValidationError, match="'king' is no persona"):
        make_role(home, DEV, "s", trust("*"), Tags=[{**tag, "Value": "king"}])


def test_a_trust_policy_with_faults_is_refused_with_all_of_them(home: World) -> None:
    document = trust({"AWS": "somebody"}, StringEqual={"a:b": "c"})
    with pytest.raises(MalformedPolicyDocument, match=r"somebody.*did you mean StringEquals"):
        make_role(home, DEV, "r", document)
    make_role(home, DEV, "r", trust("*"))
    with pytest.raises(MalformedPolicyDocument, match="not JSON"):
        call(home, "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument="{")
    with pytest.raises(MalformedPolicyDocument, match="more than 4096"):
        call(home, "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=" " * 5000)


def test_a_name_is_one_role(home: World) -> None:
    make_role(home, DEV, "r", trust("*"))
    with pytest.raises(EntityAlreadyExists):
        make_role(home, DEV, "r", trust("*"), Path="/other/")


def test_what_is_not_offered_is_refused_by_name(home: World) -> None:
    with pytest.raises(ValidationError, match="PermissionsBoundary"):
        make_role(home, DEV, "r", trust("*"), PermissionsBoundary="a" * 20)


def test_the_roles_that_every_account_has_stay(home: World) -> None:
    ensure_default_roles(home.store, DEV, ACCOUNT)
    with pytest.raises(DeleteConflict, match="every account has it"):
        call(home, "DeleteRole", RoleName="auditor")
    assert len(call(home, "ListRoles")["Roles"]) == 9
