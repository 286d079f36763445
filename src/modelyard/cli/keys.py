"""`modelyard keys …` calls the operations of kms."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError


def create(connection: Connection, *, alias: str | None, description: str) -> None:
    """Create a key and print its ARN.

    Raises:
        CommandError: the server refuses; if it refused the alias only, the key is there.
    """
    made = _kms(connection, "CreateKey", {"Description": description})["KeyMetadata"]
    if alias is not None:
        name = alias if alias.startswith("alias/") else f"alias/{alias}"
        try:
            _kms(connection, "CreateAlias", {"AliasName": name, "TargetKeyId": made["KeyId"]})
        except CommandError as error:
            raise CommandError(
                f"{made['Arn']} was created, but without an alias: {error}"
            ) from error
    sys.stdout.write(f"{made['Arn']}\n")


def list_keys(connection: Connection) -> None:
    """Print a line for each key of the account."""
    aliases: dict[str, list[str]] = defaultdict(list)
    for alias in _all(connection, "ListAliases", "Aliases"):
        aliases[alias.get("TargetKeyId", "")].append(alias["AliasName"])
    for key in _all(connection, "ListKeys", "Keys"):
        names = ",".join(sorted(aliases[key["KeyId"]])) or "-"
        state, description = _described(connection, key["KeyId"])
        sys.stdout.write(f"{key['KeyId']} {state:16} {names:24} {description}".rstrip() + "\n")


def rotate(connection: Connection, key: str) -> None:
    """Rotate a key, and say so."""
    _kms(connection, "RotateKeyOnDemand", {"KeyId": key})
    sys.stdout.write(f"{key} has new material; what the old encrypted can still be read\n")


def disable(connection: Connection, key: str) -> None:
    """Disable a key, and say so."""
    _kms(connection, "DisableKey", {"KeyId": key})
    sys.stdout.write(f"{key} is disabled\n")


def enable(connection: Connection, key: str) -> None:
    """Enable a key, and say so."""
    _kms(connection, "EnableKey", {"KeyId": key})
    sys.stdout.write(f"{key} is enabled\n")


def delete(connection: Connection, key: str, days: int) -> None:
    """Schedule a key's end, and say when it is."""
    answer = _kms(connection, "ScheduleKeyDeletion", {"KeyId": key, "PendingWindowInDays": days})
    moment = datetime.fromtimestamp(answer["DeletionDate"], UTC).isoformat(timespec="seconds")
    sys.stdout.write(
        f"{key} will be destroyed at {moment}, and what is under it lost. Until then it can be "
        f"saved: aws kms cancel-key-deletion --key-id {answer['KeyId']}\n"
    )


def _described(connection: Connection, key: str) -> tuple[str, str]:
    """Return a key's state and description, as far as the caller may know them."""
    try:
        found = _kms(connection, "DescribeKey", {"KeyId": key})["KeyMetadata"]
    except CommandError as error:
        if str(error).startswith("AccessDenied"):
            return "(not for you)", ""  # its own policy says so; the others are still listed
        raise
    return found["KeyState"], found["Description"]


def _all(connection: Connection, operation: str, member: str) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {}
    while True:
        page = _kms(connection, operation, request)
        yield from page[member]
        if not page.get("Truncated"):
            return
        request["Marker"] = page["NextMarker"]


def _kms(connection: Connection, operation: str, request: dict[str, Any]) -> Any:
    return connection.operation(f"TrentService.{operation}", request)
