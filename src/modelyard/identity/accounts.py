"""Accounts: who is kept apart from whom. Each is a resource of the orchestrator's account.

An account's ARN holds its id and its name is the resource's, so the database itself sees to it
that no two accounts have one id or one name.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelyard.account_settings import AccountSettings
from modelyard.arns import Arn
from modelyard.identity.roles import create_missing, default_roles, role_scope
from modelyard.store.errors import NotFound, StoreError
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot, Store, Transaction

ACCOUNT_KIND = "account"


class AccountsError(StoreError):
    """The declared accounts contradict those that the database has."""


def account_arn(orchestrator: str, account: str) -> str:
    """Return `arn:aws:modelyard::<orchestrator>:account/<id>`."""
    return str(
        Arn(service="modelyard", region="", account=orchestrator, resource=f"account/{account}")
    )


def ensure_accounts(
    store: Store,
    orchestrator: str,
    declared: Mapping[str, AccountSettings],
    make_bucket: Callable[[str], None],
) -> None:
    """Make what is not there of the declared accounts, and of everything that each begins with.

    Accounts that were made by `CreateAccount` get what they lack too, as after an upgrade.

    Args:
        make_bucket: makes the assets bucket of an account, if it is not there.

    Raises:
        AccountsError: the database has an account of that id or name already, with another name
            or id; all such at once.
    """
    with store.write() as transaction:
        _compare(transaction, orchestrator, declared)
        for account in declared.values():
            _declare(transaction, orchestrator, account)
        every = list_accounts(transaction, orchestrator)
        for resource in every:
            make_roles(transaction, resource.spec["Id"], orchestrator)
    for resource in every:
        make_bucket(resource.spec["Id"])


def list_accounts(snapshot: Snapshot, orchestrator: str) -> Sequence[Resource]:
    """Return all accounts, by name."""
    found: list[Resource] = []
    token: str | None = None
    while True:
        listing = Listing(limit=500, token=token, sort_by="Name")
        page = snapshot.list(role_scope(orchestrator), ACCOUNT_KIND, listing)
        found.extend(page.items)
        token = page.token
        if token is None:
            return found


def find_account(snapshot: Snapshot, orchestrator: str, named: str) -> Resource | None:
    """Return the account of an id or a name, or None."""
    if named.isdigit():
        try:
            return snapshot.get_by_arn(account_arn(orchestrator, named))
        except NotFound:
            return None
    return snapshot.find(role_scope(orchestrator), ACCOUNT_KIND, named)


def create_account(
    transaction: Transaction, orchestrator: str, account: AccountSettings, *, declared: bool
) -> Resource:
    """Create an account with its roles; its bucket is for the caller to make.

    Raises:
        AlreadyExists: there is one of that name or id.
    """
    resource = transaction.create(
        role_scope(orchestrator),
        ACCOUNT_KIND,
        account.name,
        arn=account_arn(orchestrator, account.id),
        spec={**_spec(account), "Declared": declared},
        status="Active",
    )
    make_roles(transaction, account.id, orchestrator)
    return resource


def make_roles(transaction: Transaction, account: str, orchestrator: str) -> None:
    """Make what is not there of the roles that an account begins with."""
    for name, spec in default_roles(account, orchestrator).items():
        create_missing(transaction, account, name, spec)


def new_account_id(snapshot: Snapshot, orchestrator: str) -> str:
    """Return an id that no account has."""
    while True:
        found = "".join(secrets.choice("0123456789") for _ in range(12))
        if find_account(snapshot, orchestrator, found) is None:
            return found


def _spec(account: AccountSettings) -> dict[str, Any]:
    return {
        "Name": account.name,
        "Id": account.id,
        "Stage": account.stage,
        "Provider": account.provider,
        "Profile": account.profile,
        "Region": account.region,
        "RoleArn": account.role_arn,
        "Compute": account.compute_default,
    }


def _compare(
    snapshot: Snapshot, orchestrator: str, declared: Mapping[str, AccountSettings]
) -> None:
    problems = []
    for name, account in declared.items():
        same_name = find_account(snapshot, orchestrator, name)
        if same_name is not None and same_name.spec["Id"] != account.id:
            problems.append(
                f"accounts.{name}.id: {account.id}, but this database has the account {name} as "
                f"{same_name.spec['Id']}: give it that id in modelyard.toml, or another name"
            )
        same_id = find_account(snapshot, orchestrator, account.id)
        if same_id is not None and same_id.name != name:
            problems.append(
                f"accounts.{name}.id: {account.id} is the id of the account {same_id.name} in this "
                f"database: give {name} another id in modelyard.toml"
            )
    if problems:
        raise AccountsError("; ".join(problems))


def _declare(transaction: Transaction, orchestrator: str, account: AccountSettings) -> None:
    found = find_account(transaction, orchestrator, account.name)
    spec = {**_spec(account), "Declared": True}
    if found is None:
        create_account(transaction, orchestrator, account, declared=True)
    elif found.spec != spec:
        transaction.announce(transaction.update(found, spec=spec))
