from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelyard.identity.principals import root_of, user_of
from modelyard.identity.roles import ensure_default_roles
from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.sigv4 import SignatureError
from tests.identity.trusting import (
    DEV,
    PROD,
    STAGING,
    acting,
    assume,
    make_person,
    make_role,
    trust,
)
from tests.identity.world import ACCOUNT, World, signed

ADA = user_of(f"arn:aws:iam::{DEV}:user/ada")
BOB = user_of(f"arn:aws:iam::{DEV}:user/bob")


@pytest.fixture(autouse=True)
def anybody_may_ask(home: World, tmp_path: Path) -> None:
    """Have the trust policies alone decide."""
    folder = tmp_path / "policies"
    folder.mkdir()
    action = 'Modelyard::Action::"sts:AssumeRole"'
    (folder / "anybody.cedar").write_text(f"permit (principal, action == {action}, resource);")
    home.permissions.book.load()


def refused(home: World, principal: Any, role: str, **members: Any) -> str:
    with pytest.raises(AccessDenied) as caught:
        assume(home, principal, role, **members)
    assert role in caught.value.message
    return caught.value.message


def test_who_is_trusted_may_act_in_another_account_and_others_may_not(home: World) -> None:
    role = make_role(home, STAGING, "deployer", trust({"AWS": ADA.arn}))
    principal = acting(home, assume(home, ADA, role))
    assert principal.account == STAGING
    assert principal.arn == f"arn:aws:sts::{STAGING}:assumed-role/deployer/me"
    assert principal.person == ADA.arn
    assert "trust policy" in refused(home, BOB, role)


def test_a_role_that_is_not_there_and_one_that_trusts_others_get_one_answer(home: World) -> None:
    there = make_role(home, PROD, "secret", trust({"AWS": BOB.arn}))
    missing = there.replace("secret", "nobody")
    assert refused(home, ADA, there) == refused(home, ADA, missing).replace(missing, there)


@pytest.mark.parametrize(
    ("condition", "members", "expected"),
    [
        ({"StringEquals": {"sts:ExternalId": "42"}}, {"ExternalId": "42"}, True),
        ({"StringEquals": {"sts:ExternalId": "42"}}, {"ExternalId": "43"}, False),
        ({"StringEquals": {"sts:ExternalId": "42"}}, {}, False),
        ({"StringLike": {"sts:RoleSessionName": "m*"}}, {}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/a*"}}, {}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, {}, False),
        ({"StringEquals": {"aws:username": "ada", "aws:PrincipalType": "User"}}, {}, True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {}, False),  # "test" is no address
        ({"DateLessThan": {"aws:CurrentTime": "2000-01-01"}}, {}, False),
        ({"NumericGreaterThan": {"aws:EpochTime": 0}}, {}, True),
        ({"ForAnyValue:StringEquals": {"modelyard:Persona": "auditor"}}, {}, True),
        ({"ForAnyValue:StringEquals": {"modelyard:Persona": "ml-engineer"}}, {}, False),
    ],
)
def test_a_trust_policy_has_conditions(
    home: World, condition: dict[str, Any], members: dict[str, Any], expected: bool
) -> None:
    make_person(home, DEV, "ada", "auditor")
    role = make_role(home, STAGING, "guarded", trust({"AWS": DEV}, **condition))
    if expected:
        assert assume(home, ADA, role, **members)
    else:
        refused(home, ADA, role, **members)


def test_the_source_address_is_the_callers(home: World) -> None:
    condition = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    role = make_role(home, STAGING, "near", trust({"AWS": DEV}, **condition))
    request = {"RoleArn": role, "RoleSessionName": "me"}
    for source, allowed in (("192.0.2.7", True), ("198.51.100.7", False)):
        context = home.context(ADA)
        object.__setattr__(context, "source", source)
        if allowed:
            assert home.table.call(context, "sts", "AssumeRole", request)
        else:
            with pytest.raises(AccessDenied):
                home.table.call(context, "sts", "AssumeRole", request)


def chain_of_roles(home: World, *names: str) -> list[str]:
    return [make_role(home, DEV, name, trust({"AWS": DEV})) for name in names]


def test_a_chain_keeps_its_person_and_lasts_an_hour_at_most(home: World) -> None:
    first, second = chain_of_roles(home, "first", "second")
    answer = assume(home, acting(home, assume(home, ADA, first)), second)
    principal = acting(home, answer)
    assert (principal.person, principal.chain) == (ADA.arn, (first, second))
    with pytest.raises(ValidationError, match="1 hour"):
        assume(home, acting(home, assume(home, ADA, first)), second, DurationSeconds=3601)


def test_a_chain_that_loops_is_refused_with_the_chain(home: World) -> None:
    first, second = chain_of_roles(home, "first", "second")
    deep = acting(home, assume(home, acting(home, assume(home, ADA, first)), second))
    for target in (first, second):
        message = refused(home, deep, target)
        assert "may not loop" in message
        assert f"{first} -> {second} -> {target}" in message


def test_a_chain_has_an_end(home: World) -> None:
    roles = chain_of_roles(home, *"abcde")
    principal = ADA
    for role in roles[:4]:
        principal = acting(home, assume(home, principal, role))
    assert "at most 4" in refused(home, principal, roles[4])


def test_a_source_identity_stays_along_the_chain_and_needs_trust(home: World) -> None:
    document = trust({"AWS": DEV})
    document["Statement"][0]["Action"] = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    open_role = make_role(home, DEV, "open", document)
    plain = make_role(home, DEV, "plain", trust({"AWS": DEV}))
    assert "sts:SetSourceIdentity" in refused(home, ADA, plain, SourceIdentity="ada")
    answer = assume(home, ADA, open_role, SourceIdentity="ada")
    assert answer["SourceIdentity"] == "ada"
    next_one = assume(home, acting(home, answer), plain)
    assert next_one["SourceIdentity"] == "ada"
    other = make_role(home, DEV, "other", document)
    with pytest.raises(AccessDenied, match="keeps it"):
        assume(home, acting(home, answer), other, SourceIdentity="eve")


def test_session_tags_are_refused_by_name(home: World) -> None:
    role = make_role(home, DEV, "r", trust({"AWS": DEV}))
    with pytest.raises(ValidationError, match="Tags"):
        assume(home, ADA, role, Tags=[{"Key": "a", "Value": "b"}])


@pytest.fixture
def accounts(home: World) -> World:
    for account in (ACCOUNT, DEV, PROD):
        ensure_default_roles(home.store, account, ACCOUNT)
    return home


def role_of(account: str, persona: str) -> str:
    return f"arn:aws:iam::{account}:role/{persona}"


def test_an_account_begins_with_roles_for_the_orchestrators_root(accounts: World) -> None:
    assert assume(accounts, root_of(ACCOUNT), role_of(PROD, "governance-officer"))
    refused(accounts, root_of(DEV), role_of(PROD, "governance-officer"))
    # Its root, and not everybody of its account.
    job = acting(
        accounts, assume(accounts, root_of(ACCOUNT), role_of(ACCOUNT, "modelyard-execution"))
    )
    refused(accounts, job, role_of(PROD, "governance-officer"))


def test_a_person_has_its_personas_role_where_it_is_at_home(accounts: World) -> None:
    make_person(accounts, DEV, "ada", "data-scientist")
    make_person(accounts, ACCOUNT, "eve", "data-scientist")
    eve = user_of(f"arn:aws:iam::{ACCOUNT}:user/eve")
    assert assume(accounts, ADA, role_of(DEV, "data-scientist"))
    refused(accounts, ADA, role_of(DEV, "auditor"))
    refused(accounts, ADA, role_of(PROD, "data-scientist"))
    assert assume(accounts, eve, role_of(PROD, "data-scientist"))
    refused(accounts, eve, role_of(PROD, "orchestrator-administrator"))


def test_the_orchestrators_pipeline_deploys_to_the_other_accounts(accounts: World) -> None:
    own = acting(accounts, assume(accounts, root_of(ACCOUNT), role_of(ACCOUNT, "pipeline-role")))
    assert assume(accounts, own, role_of(PROD, "pipeline-role"))
    refused(accounts, own, role_of(PROD, "auditor"))


def revoke(home: World, account: str, **members: Any) -> None:
    home.table.call(home.context(root_of(account)), "modelyard", "RevokeSessions", members)


def code_of(home: World, answer: dict[str, Any]) -> str | None:
    """Return how a request with these credentials fails, or None."""
    keys = answer["Credentials"]
    head, body = signed(keys["AccessKeyId"], keys["SecretAccessKey"], token=keys["SessionToken"])
    try:
        home.authenticator.authenticate(head, body)
    except SignatureError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("named", "revoked"),
    [
        ({}, True),
        ({"SessionName": "me"}, True),
        ({"SessionName": "you"}, False),
        ({"Person": ADA.arn}, True),
        ({"Person": BOB.arn}, False),
    ],
)
def test_a_revocation_ends_the_sessions_that_it_names_at_once(
    home: World, named: dict[str, str], revoked: bool
) -> None:
    role = make_role(home, DEV, "r", trust({"AWS": DEV}))
    session = assume(home, ADA, role)
    assert code_of(home, session) is None
    revoke(home, DEV, RoleArn=role, **named)
    assert code_of(home, session) == ("ExpiredToken" if revoked else None)
    home.clock.advance(1)
    assert code_of(home, assume(home, ADA, role)) is None


def test_one_session_can_be_revoked_by_its_access_key(home: World) -> None:
    role = make_role(home, DEV, "r", trust({"AWS": DEV}))
    first, second = assume(home, ADA, role), assume(home, ADA, role)
    revoke(home, DEV, RoleArn=role, AccessKeyId=first["Credentials"]["AccessKeyId"])
    assert (code_of(home, first), code_of(home, second)) == ("ExpiredToken", None)


def test_what_was_got_through_a_revoked_role_ends_with_it(home: World) -> None:
    first, second = chain_of_roles(home, "first", "second")
    deep = assume(home, acting(home, assume(home, ADA, first)), second)
    revoke(home, DEV, RoleArn=first)
    assert code_of(home, deep) == "ExpiredToken"


def test_sessions_are_revoked_in_their_own_account_only(home: World) -> None:
    role = make_role(home, DEV, "r", trust({"AWS": DEV}))
    with pytest.raises(AccessDenied, match="guardrail-own-account"):
        revoke(home, STAGING, RoleArn=role)


def test_a_deleted_roles_sessions_end(home: World) -> None:
    role = make_role(home, DEV, "r", trust({"AWS": DEV}))
    session = assume(home, ADA, role)
    home.table.call(home.context(root_of(DEV)), "iam", "DeleteRole", {"RoleName": "r"})
    assert code_of(home, session) == "ExpiredToken"


def test_a_session_that_is_over_says_so(home: World) -> None:
    session = assume(home, ADA, make_role(home, DEV, "r", trust({"AWS": DEV})))
    home.clock.advance(timedelta(seconds=3600).total_seconds())
    assert code_of(home, session) == "ExpiredToken"
