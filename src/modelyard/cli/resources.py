"""`modelyard resources`: what has a tag, in every account that the caller may look into."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelyard.cli.acting import account_id, assume
from modelyard.cli.connection import Connection, SignedConnection
from modelyard.cli.errors import CommandError

_OPERATION = "ResourceGroupsTaggingAPI_20170126.GetResources"
_ADMINISTRATOR = "orchestrator-administrator"


def list_resources(
    connection: Connection, tags: Sequence[str], account: str | None, region: str
) -> None:
    """Print the account, the ARN and the tags of each resource.

    Args:
        tags: `key=value`, or `key` for any value; a resource has all of them.
        account: the only one to look into; None: all.

    Raises:
        CommandError: a tag is none, or the caller may look into no account.
    """
    filters = _filters(tags)
    wanted = None if account is None else account_id(connection, account)
    looked = 0
    for one in _accounts(connection):
        if wanted not in (None, one["Id"]) or one["Provider"] != "local":
            continue
        try:
            way = _way_into(connection, one["Id"], region)
            for found in _resources(way, filters):
                shown = " ".join(f"{tag['Key']}={tag['Value']}" for tag in found["Tags"])
                sys.stdout.write(f"{one['Name']:12}  {found['ResourceARN']}  {shown}\n")
            looked += 1
        except CommandError as error:
            sys.stderr.write(f"{one['Name']}: not looked into: {error}\n")
    if not looked:
        raise CommandError("no account could be looked into")


def _accounts(connection: Connection) -> Iterator[Mapping[str, Any]]:
    token: str | None = None
    while True:
        request = {} if token is None else {"NextToken": token}
        page = connection.operation("Modelyard.ListAccounts", request)
        yield from page["Accounts"]
        token = page.get("NextToken")
        if not token:
            return


def _way_into(connection: Connection, account: str, region: str) -> Connection:
    """Return the way to look into an account: as who calls, or as a role that lets them in.

    Raises:
        CommandError: none does.
    """
    me = connection.operation("Modelyard.WhoAmI", {})
    if me["Account"] == account:
        return connection
    problem = CommandError(f"you have no role in the account {account}")
    for role in (*me.get("Personas", []), _ADMINISTRATOR):
        try:
            keys = assume(connection, account, role, "modelyard-cli")
        except CommandError as error:
            problem = error
            continue
        return SignedConnection(connection.url, keys, region, connection.ca_file)
    raise problem


def _resources(
    connection: Connection, filters: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    token = ""
    while True:
        request = {"TagFilters": filters, **({"PaginationToken": token} if token else {})}
        page = connection.operation(_OPERATION, request)
        yield from page["ResourceTagMappingList"]
        token = page.get("PaginationToken") or ""
        if not token:
            return


def _filters(tags: Sequence[str]) -> list[dict[str, Any]]:
    found: dict[str, list[str]] = {}
    for tag in tags:
        key, equals, value = tag.partition("=")
        if not key:
            raise CommandError(f"--tag {tag!r} is none: write key=value, or key for any value")
        values = found.setdefault(key, [])
        if equals:
            values.append(value)
    return [{"Key": key, "Values": values} for key, values in found.items()]
