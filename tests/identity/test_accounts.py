from __future__ import annotations

from typing import Any

import pytest

from modelyard.account_settings import AccountSettings, default_accounts
from modelyard.identity.account_operations import AccountOperations
from modelyard.identity.accounts import AccountsError, ensure_accounts, find_account
from modelyard.identity.personas import PERSONAS
from modelyard.identity.principals import root_of, session_of, user_of
from modelyard.identity.roles import ROLE_KIND, role_scope
from modelyard.operations.context import Principal
from modelyard.operations.errors import (
    AccessDenied,
    EntityAlreadyExists,
    NoSuchEntity,
    ValidationError,
)
from tests.identity.trusting import make_person
from tests.identity.world import ACCOUNT, World

DEV = "234567890123"


class Place:
    """The world with accounts, and the buckets that were asked for."""

    def __init__(self, home: World) -> None:
        self.home = home
        self.buckets: list[str] = []
        home.table.add(
            AccountOperations(
                home.store,
                ACCOUNT,
                make_bucket=self.buckets.append,
                bucket_of=lambda account: f"assets-{account}",
            )
        )

    def start(self, *declared: AccountSettings) -> None:
        named = {account.name: account for account in declared}
        every = {**default_accounts(ACCOUNT), **named}
        ensure_accounts(self.home.store, ACCOUNT, every, self.buckets.append)

    def call(self, name: str, principal: Principal | None = None, **members: Any) -> Any:
        return self.home.table.call(self.home.context(principal), "modelyard", name, members)


@pytest.fixture
def place(home: World) -> Place:
    made = Place(home)
    made.start()
    return made


def roles_of(home: World, account: str) -> set[str]:
    names = (*PERSONAS, "modelyard-execution")
    with home.store.read() as snapshot:
        return {name for name in names if snapshot.find(role_scope(account), ROLE_KIND, name)}


def test_every_account_begins_with_its_roles_and_its_bucket(place: Place) -> None:
    assert set(place.buckets) == {ACCOUNT, DEV, "345678901234", "456789012345"}
    for account in place.buckets:
        assert len(roles_of(place.home, account)) == 9
    with place.home.store.read() as snapshot:
        role = snapshot.get(role_scope(DEV), ROLE_KIND, "auditor")
    assert role.spec["Persona"] == "auditor"


def test_a_start_changes_nothing_that_is_as_it_was_declared(place: Place) -> None:
    with place.home.store.read() as snapshot:
        before = snapshot.last_event()
    place.start()
    with place.home.store.read() as snapshot:
        assert snapshot.last_event() == before


def test_a_role_of_an_older_release_gets_its_persona(home: World) -> None:
    with home.store.write() as transaction:
        role = transaction.get(role_scope(ACCOUNT), ROLE_KIND, "modelyard-execution")
        old = {key: value for key, value in role.spec.items() if key != "Persona"}
        transaction.update(role, spec=old)
    Place(home).start()
    with home.store.read() as snapshot:
        found = snapshot.get(role_scope(ACCOUNT), ROLE_KIND, "modelyard-execution")
    assert found.spec["Persona"] == "job"


def test_a_declaration_that_changed_is_taken_over(place: Place) -> None:
    place.start(AccountSettings(name="dev", id=DEV, stage="sandbox"))
    assert place.call("DescribeAccount", Account="dev")["Stage"] == "sandbox"


@pytest.mark.parametrize(
    ("name", "id_", "said"),
    [("dev", "111111111111", "accounts.dev.id"), ("test", DEV, "the id of the account dev")],
)
def test_a_declaration_that_clashes_with_the_database_is_refused(
    place: Place, name: str, id_: str, said: str
) -> None:
    declared = {name: AccountSettings(name=name, id=id_, stage="s")}
    with pytest.raises(AccountsError, match=said) as caught:
        ensure_accounts(place.home.store, ACCOUNT, declared, place.buckets.append)
    assert "modelyard.toml" in str(caught.value)


def test_an_account_is_created_described_and_listed(place: Place) -> None:
    made = place.call("CreateAccount", Name="risk", Stage="prod")
    assert (made["Stage"], made["Declared"]) == ("prod", False)
    assert made["AssetsBucket"] == f"assets-{made['Id']}"
    assert place.buckets[-1] == made["Id"]
    assert len(roles_of(place.home, made["Id"])) == 9
    for named in ("risk", made["Id"]):
        assert place.call("DescribeAccount", Account=named)["Arn"] == made["Arn"]
    names = [account["Name"] for account in place.call("ListAccounts")["Accounts"]]
    assert names == ["dev", "orchestrator", "prod", "risk", "staging"]
    place.start()
    with place.home.store.read() as snapshot:
        assert find_account(snapshot, ACCOUNT, "risk") is not None


@pytest.mark.parametrize(
    ("members", "error", "said"),
    [
        ({"Name": "dev"}, EntityAlreadyExists, "dev"),
        ({"Name": "x", "Id": DEV}, EntityAlreadyExists, DEV),
        ({"Name": "X", "Id": "1"}, ValidationError, r"2 validation errors.*Name.*Id"),
        ({"Name": "x", "Compute": "ray"}, ValidationError, "Compute"),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    place: Place, members: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        place.call("CreateAccount", **members)


def test_an_account_that_is_not_there_is_named(place: Place) -> None:
    with pytest.raises(NoSuchEntity, match="nowhere"):
        place.call("DescribeAccount", Account="nowhere")


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        (root_of(ACCOUNT), True),
        (session_of(f"arn:aws:iam::{ACCOUNT}:role/orchestrator-administrator", "s"), True),
        (session_of(f"arn:aws:iam::{ACCOUNT}:role/data-scientist", "s"), False),
        (session_of(f"arn:aws:iam::{DEV}:role/orchestrator-administrator", "s"), False),
        (root_of(DEV), False),
        (user_of(f"arn:aws:iam::{ACCOUNT}:user/ada"), False),
    ],
)
def test_the_orchestrators_root_and_administrators_manage_accounts(
    place: Place, principal: Principal, allowed: bool
) -> None:
    make_person(place.home, ACCOUNT, "ada", "orchestrator-administrator")
    for name, members in (
        ("ListAccounts", {}),
        ("DescribeAccount", {"Account": "dev"}),
        ("CreateAccount", {"Name": "risk"}),
    ):
        if allowed:
            assert place.call(name, principal, **members)
        else:
            with pytest.raises(AccessDenied):
                place.call(name, principal, **members)
