"""`modelyard accounts`, `modelyard people` and `modelyard sessions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from modelyard.cli.acting import account_id, in_account
from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError


def add_account(connection: Connection, members: dict[str, Any]) -> None:
    """Create an account and print its id and bucket.

    Raises:
        CommandError: the server refuses.
    """
    made = connection.operation("Modelyard.CreateAccount", members)
    typer.echo(f"{made['Name']}: {made['Id']}, stage {made['Stage']}, s3://{made['AssetsBucket']}")


def list_accounts(connection: Connection) -> None:
    """Print all accounts.

    Raises:
        CommandError: the server refuses.
    """
    rows = [("account", "id", "stage", "provider")]
    for one in _every(connection, "ListAccounts", "Accounts"):
        rows.append((one["Name"], one["Id"], one["Stage"], one["Provider"]))
    _print(rows)


def add_person(
    connection: Connection, name: str, account: str | None, personas: Sequence[str]
) -> None:
    """Create a person and print its key and its token, this once.

    Raises:
        CommandError: the server refuses.
    """
    made = in_account(connection, account).operation(
        "Modelyard.CreatePerson", {"UserName": name, "Personas": list(personas)}
    )
    typer.echo(
        f"# {made['Arn']}: {', '.join(made['Personas']) or 'no persona'}\n"
        "# These are shown this once: keep them where only their owner reads.\n"
        f"export AWS_ACCESS_KEY_ID={made['AccessKeyId']}\n"
        f"export AWS_SECRET_ACCESS_KEY={made['SecretAccessKey']}\n"
        f"export MODELYARD_TOKEN={made['BearerToken']}"
    )


def list_people(connection: Connection, account: str | None) -> None:
    """Print the people of an account.

    Raises:
        CommandError: the server refuses.
    """
    rows = [("name", "personas", "arn")]
    for one in _every(in_account(connection, account), "ListPeople", "People"):
        rows.append((one["UserName"], ", ".join(one["Personas"]) or "none", one["Arn"]))
    _print(rows)


def remove_person(connection: Connection, name: str, account: str | None) -> None:
    """Delete a person with its keys; its sessions end.

    Raises:
        CommandError: the server refuses.
    """
    in_account(connection, account).operation("Modelyard.DeletePerson", {"UserName": name})
    typer.echo(f"{name} is removed, and its keys and sessions with it")


def revoke_sessions(connection: Connection, role: str, narrowed: dict[str, str]) -> None:
    """End the sessions of a role, by its ARN or as `account/role`.

    Raises:
        CommandError: the server refuses, or `role` names none.
    """
    if role.startswith("arn:"):
        account = role.split(":")[4] if role.count(":") >= 5 else ""
    else:
        named, slash, name = role.partition("/")
        if not slash or not name:
            raise CommandError(f"{role!r} names no role: write its ARN, or <account>/<role>")
        account = account_id(connection, named)
        role = f"arn:aws:iam::{account}:role/{name}"
    acting = in_account(connection, account)
    acting.operation("Modelyard.RevokeSessions", {"RoleArn": role, **narrowed})
    typer.echo(f"sessions of {role} that were issued up to now are over")


def _every(connection: Connection, name: str, member: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    request: dict[str, Any] = {}
    while True:
        answer = connection.operation(f"Modelyard.{name}", request)
        found.extend(answer[member])
        if not answer["IsTruncated"]:
            return found
        request = {"Marker": answer["Marker"]}


def _print(rows: Sequence[tuple[str, ...]]) -> None:
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [f"{text:{width}}" for text, width in zip(row, [*wide, 0], strict=True)]
        typer.echo("  ".join(cells).rstrip())
