from __future__ import annotations

from typing import Any

import pytest

from modelyard.identity.authentication import RequestHead
from modelyard.identity.credentials import bearer_token_of, establish_credentials
from modelyard.identity.known_callers import KnownCallers
from modelyard.identity.principals import root_of, user_of
from modelyard.operations.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    NoSuchEntity,
    OperationError,
    ValidationError,
)
from modelyard.sigv4 import SignatureError
from tests.identity.trusting import DEV, STAGING, assume, make_person, make_role, trust
from tests.identity.world import ACCOUNT, World, signed

ADA = f"arn:aws:iam::{DEV}:user/ada"


def call(home: World, name: str, service: str = "iam", **members: Any) -> dict[str, Any]:
    return home.table.call(home.context(root_of(DEV)), service, name, members)


def who(home: World, key: dict[str, Any], secret: str | None = None) -> str:
    head, body = signed(key["AccessKeyId"], secret or key["SecretAccessKey"])
    try:
        return home.authenticator.authenticate(head, body).principal.arn
    except SignatureError as error:
        return error.code


def bearer(home: World, token: str) -> str:
    headers = {"authorization": f"Bearer {token}"}
    head = RequestHead(method="POST", path="/", query="", headers=headers)
    try:
        return home.authenticator.authenticate(head, "").principal.arn
    except SignatureError as error:
        return error.code


def test_a_users_key_and_its_token_are_the_users_at_once(home: World) -> None:
    call(home, "CreateUser", UserName="ada")
    key = call(home, "CreateAccessKey", UserName="ada")["AccessKey"]
    assert who(home, key) == ADA
    assert bearer(home, bearer_token_of(key["AccessKeyId"], key["SecretAccessKey"])) == ADA
    assert who(home, key, "another-secret") == "SignatureDoesNotMatch"


@pytest.mark.parametrize("end", ["switched off", "deleted", "with its person"])
def test_a_key_that_is_gone_is_as_unknown_as_one_that_never_was(home: World, end: str) -> None:
    key = make_person(home, DEV, "ada", "auditor")
    assert who(home, key) == ADA
    named = {"UserName": "ada", "AccessKeyId": key["AccessKeyId"]}
    if end == "switched off":
        call(home, "UpdateAccessKey", **named, Status="Inactive")
    elif end == "deleted":
        call(home, "DeleteAccessKey", **named)
    else:
        call(home, "DeletePerson", "modelyard", UserName="ada")
    assert who(home, key) == who(home, {**key, "AccessKeyId": "MYIANOBODY"})
    assert bearer(home, key["BearerToken"]) == bearer(home, "nonsense") == "InvalidClientTokenId"


def test_a_key_that_is_switched_on_again_works_again(home: World) -> None:
    key = make_person(home, DEV, "ada")
    for status, expected in (("Inactive", "InvalidClientTokenId"), ("Active", ADA)):
        call(home, "UpdateAccessKey", UserName="ada", AccessKeyId=key["AccessKeyId"], Status=status)
        assert who(home, key) == expected


def test_another_server_sees_a_change_when_it_looks(home: World) -> None:
    elsewhere = KnownCallers(home.store, home.credentials, account=ACCOUNT)
    told: list[int] = []
    elsewhere.on_change(lambda: told.append(len(elsewhere.known.keys)))
    elsewhere.refresh()
    key = make_person(home, DEV, "ada")
    assert key["AccessKeyId"] not in elsewhere.known.keys
    elsewhere.refresh()
    assert elsewhere.known.keys[key["AccessKeyId"]].principal.arn == ADA
    call(home, "DeletePerson", "modelyard", UserName="ada")
    elsewhere.refresh()
    elsewhere.refresh()
    assert told == [2, 1]


def test_secrets_are_sealed_in_the_store_and_shown_nowhere_again(home: World) -> None:
    key = make_person(home, DEV, "ada")
    secret = key["SecretAccessKey"]
    with home.store.read() as snapshot:
        rows = snapshot.with_status("access-key", "Active")
        assert secret not in repr(rows)
        assert secret not in repr(snapshot.history(rows[0].arn))
    assert secret not in repr(call(home, "ListAccessKeys", UserName="ada"))
    assert secret not in repr(home.known.known)
    assert key["BearerToken"] not in repr(home.known.known)


def test_keys_sealed_under_another_root_secret_are_passed_over(home: World, tmp_path: Any) -> None:
    key = make_person(home, DEV, "ada")
    other = establish_credentials(tmp_path / "other")
    known = KnownCallers(home.store, other, account=DEV)
    known.refresh()
    assert set(known.known.keys) == {other.access_key_id}
    assert key["AccessKeyId"] in home.known.known.keys


def test_a_user_is_described_and_listed(home: World) -> None:
    for name, path in (("ada", "/"), ("bob", "/team/"), ("cy", "/team/")):
        call(home, "CreateUser", UserName=name, Path=path, Tags=[{"Key": "a", "Value": name}])
    assert call(home, "GetUser", UserName="bob")["User"]["Arn"].endswith(":user/team/bob")
    assert call(home, "GetUser", UserName="bob")["User"]["Tags"] == [{"Key": "a", "Value": "bob"}]
    assert [user["UserName"] for user in call(home, "ListUsers")["Users"]] == ["ada", "bob", "cy"]
    first = call(home, "ListUsers", PathPrefix="/team/", MaxItems=1)
    assert [user["UserName"] for user in first["Users"]] == ["bob"]
    assert first["IsTruncated"]
    rest = call(home, "ListUsers", PathPrefix="/team/", Marker=first["Marker"])
    assert [user["UserName"] for user in rest["Users"]] == ["cy"]
    assert not rest["IsTruncated"]


def test_a_user_who_names_nobody_means_itself(home: World) -> None:
    make_person(home, DEV, "ada", "data-scientist")
    context = home.context(user_of(ADA))
    assert home.table.call(context, "iam", "GetUser", {})["User"]["UserName"] == "ada"
    assert len(home.table.call(context, "iam", "ListAccessKeys", {})["AccessKeyMetadata"]) == 1
    with pytest.raises(ValidationError, match="userName"):
        call(home, "GetUser")


@pytest.mark.parametrize(
    ("name", "members", "error"),
    [
        ("CreateUser", {"UserName": "ada"}, EntityAlreadyExists),
        ("DeleteUser", {"UserName": "ada"}, DeleteConflict),
        ("GetUser", {"UserName": "bob"}, NoSuchEntity),
        ("CreateAccessKey", {"UserName": "bob"}, NoSuchEntity),
        ("DeleteAccessKey", {"UserName": "ada", "AccessKeyId": "A" * 16}, NoSuchEntity),
        (
            "UpdateAccessKey",
            {"UserName": "ada", "AccessKeyId": "A" * 16, "Status": "Expired"},
            ValidationError,
        ),
        ("CreateUser", {"UserName": "x", "PermissionsBoundary": "a" * 20}, ValidationError),
    ],
)
def test_what_cannot_be_done_is_said(
    home: World, name: str, members: dict[str, Any], error: type[OperationError]
) -> None:
    make_person(home, DEV, "ada")
    with pytest.raises(error):
        call(home, name, **members)


def test_a_key_of_another_user_or_account_is_not_found(home: World) -> None:
    key = make_person(home, DEV, "ada")["AccessKeyId"]
    make_person(home, DEV, "bob")
    make_person(home, STAGING, "ada")
    for account, name in ((DEV, "bob"), (STAGING, "ada")):
        context = home.context(root_of(account))
        with pytest.raises(NoSuchEntity):
            request = {"UserName": name, "AccessKeyId": key}
            home.table.call(context, "iam", "DeleteAccessKey", request)


def test_a_user_has_two_keys_at_most(home: World) -> None:
    make_person(home, DEV, "ada")
    call(home, "CreateAccessKey", UserName="ada")
    with pytest.raises(LimitExceeded, match="2 access keys"):
        call(home, "CreateAccessKey", UserName="ada")


def test_personas_are_known_ones_and_losing_one_ends_sessions(home: World) -> None:
    with pytest.raises(ValidationError, match=r"'boss'.*; 'king'.*"):
        make_person(home, DEV, "ada", "king", "boss")
    made = make_person(home, DEV, "ada", "ml-engineer", "data-scientist")
    assert made["Personas"] == ["data-scientist", "ml-engineer"]
    session = assume(home, user_of(ADA), make_role(home, DEV, "r", trust({"AWS": ADA})))[
        "Credentials"
    ]

    def acts() -> str:
        head, body = signed(
            session["AccessKeyId"], session["SecretAccessKey"], token=session["SessionToken"]
        )
        try:
            return home.authenticator.authenticate(head, body).principal.person
        except SignatureError as error:
            return error.code

    gained = ["data-scientist", "ml-engineer", "auditor"]
    call(home, "SetPersonas", "modelyard", UserName="ada", Personas=gained)
    assert acts() == ADA
    call(home, "SetPersonas", "modelyard", UserName="ada", Personas=["auditor"])
    assert acts() == "ExpiredToken"
    people = call(home, "ListPeople", "modelyard")["People"]
    assert [(one["UserName"], one["Personas"]) for one in people] == [("ada", ["auditor"])]


def test_a_user_learns_who_it_is(home: World) -> None:
    make_person(home, DEV, "ada", "data-scientist")
    answer = home.table.call(home.context(user_of(ADA)), "sts", "GetCallerIdentity", {})
    assert (answer["Account"], answer["Arn"], answer["UserId"][:4]) == (DEV, ADA, "AIDA")
