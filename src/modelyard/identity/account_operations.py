"""Accounts, looked at and added while the server runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelyard.account_settings import AccountSettings, accounts
from modelyard.arns import Arn
from modelyard.identity.accounts import (
    account_arn,
    create_account,
    find_account,
    list_accounts,
    new_account_id,
)
from modelyard.identity.requests import page_of
from modelyard.operations.context import Context
from modelyard.operations.errors import (
    AccessDenied,
    EntityAlreadyExists,
    NoSuchEntity,
    ValidationError,
)
from modelyard.operations.table import Request, Response, operation
from modelyard.setting_rules import SeveralProblems
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Resource, Store

ADMINISTRATOR = "orchestrator-administrator"


class AccountOperations:
    """The accounts of this installation: the orchestrator's root and administrators manage them.

    Args:
        orchestrator: the orchestrator's account.
        make_bucket: makes the assets bucket of an account.
        bucket_of: its name.
    """

    def __init__(
        self,
        store: Store,
        orchestrator: str,
        *,
        make_bucket: Callable[[str], None],
        bucket_of: Callable[[str], str],
    ) -> None:
        self._store = store
        self._orchestrator = orchestrator
        self._make_bucket = make_bucket
        self._bucket_of = bucket_of

    @operation(
        "modelyard", "CreateAccount", on=lambda context, request: _arn(context, request, "Id")
    )
    def create_account(self, context: Context, request: Request) -> Response:
        """Create an account with the roles and the bucket that each begins with."""
        self._require_orchestrator(context)
        name = request["Name"]
        try:
            with self._store.write() as transaction:
                account = _checked(
                    {
                        **request,
                        "Id": request.get("Id") or new_account_id(transaction, self._orchestrator),
                    }
                )
                made = create_account(transaction, self._orchestrator, account, declared=False)
        except AlreadyExists as error:
            named = f"the name {name}" + (f" or the id {request['Id']}" if "Id" in request else "")
            raise EntityAlreadyExists(
                f"There is an account with {named} already: ListAccounts shows which"
            ) from error
        self._make_bucket(account.id)
        return self._described(made)

    @operation("modelyard", "DescribeAccount", on=lambda context, request: _arn(context, request))
    def describe_account(self, context: Context, request: Request) -> Response:
        """Answer an account, by its name or id."""
        self._require_orchestrator(context)
        with self._store.read() as snapshot:
            found = find_account(snapshot, self._orchestrator, request["Account"])
        if found is None:
            raise NoSuchEntity(f"There is no account {request['Account']}: ListAccounts shows all")
        return self._described(found)

    @operation("modelyard", "ListAccounts", on=lambda context, _: account_arn(context.account, "*"))
    def list_accounts(self, context: Context, request: Request) -> Response:
        """Answer all accounts, by name."""
        self._require_orchestrator(context)
        with self._store.read() as snapshot:
            every = list_accounts(snapshot, self._orchestrator)
        page, rest = page_of(every, [account.name for account in every], request)
        return {"Accounts": [self._described(account) for account in page], **rest}

    def _require_orchestrator(self, context: Context) -> None:
        """Refuse other accounts' callers, and all but root and administrators of this one."""
        principal = context.principal
        role = Arn.parse(principal.role).name if principal.role else ""
        if principal.account == self._orchestrator and (principal.is_root or role == ADMINISTRATOR):
            return
        raise AccessDenied(
            f"User: {principal.arn} may not manage accounts: only the root of account "
            f"{self._orchestrator} and sessions of its role {ADMINISTRATOR} may"
        )

    def _described(self, account: Resource) -> dict[str, Any]:
        spec = account.spec
        names = ("Name", "Id", "Stage", "Provider", "Profile", "Region", "RoleArn", "Compute")
        return {
            **{name: spec[name] for name in names if spec[name]},
            "Declared": spec["Declared"],
            "AssetsBucket": self._bucket_of(spec["Id"]),
            "Arn": account.arn,
            "CreationTime": account.created_at,
        }


def _arn(context: Context, request: Mapping[str, Any], member: str = "Account") -> str:
    named = request.get(member)
    is_id = isinstance(named, str) and named.isdigit()
    return account_arn(context.account, str(named) if is_id else "*")


def _checked(request: Mapping[str, Any]) -> AccountSettings:
    """Return the account that a request describes, held to the rules of the settings file.

    Raises:
        ValidationError: with everything that is wrong with it.
    """
    keys = {
        "Id": "id",
        "Stage": "stage",
        "Provider": "provider",
        "Profile": "profile",
        "Region": "region",
        "RoleArn": "role_arn",
        "Compute": "compute",
    }
    name = request["Name"]
    table = {key: request[member] for member, key in keys.items() if member in request}
    try:
        return accounts({name: table})[0]
    except SeveralProblems as error:
        members = {key: member for member, key in keys.items()}
        raise ValidationError.of(
            [
                f"{members.get(key.partition('.')[2], 'Name')}: {why}"
                for key, why in error.problems.items()
            ]
        ) from error
