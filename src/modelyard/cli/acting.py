"""Commands that act in another account, or as somebody: sessions, and signed requests."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import botocore.loaders
import botocore.parsers
import botocore.serialize
from botocore.model import ServiceModel

from modelyard.arns import role_arn
from modelyard.cli.connection import FORM, Connection, SessionKeys, SignedConnection
from modelyard.cli.errors import CommandError

_ADMINISTRATOR = "orchestrator-administrator"


def query(connection: Connection, service: str, name: str, **members: Any) -> dict[str, Any]:
    """Call an operation of a service with the query protocol, such as sts or iam.

    Raises:
        CommandError: with the error's code and message, if it is an error.
    """
    description = botocore.loaders.Loader().load_service_model(service, "service-2")
    operation = ServiceModel(description, service).operation_model(name)
    serializer = botocore.serialize.create_serializer("query")
    form = serializer.serialize_to_request(members, operation)["body"]
    answer = connection.post("/", urlencode(form).encode(), {"Content-Type": FORM})
    shape = operation.output_shape
    if shape is None:
        raise CommandError(f"{service}:{name} answers nothing that could be read")
    found = botocore.parsers.create_parser("query").parse(
        {"status_code": answer.status, "headers": {}, "body": answer.body}, shape
    )
    if answer.status >= 300:
        error = found.get("Error", {})
        raise CommandError(f"{error.get('Code')}: {error.get('Message')}")
    return dict(found)


def account_id(connection: Connection, named: str) -> str:
    """Return the id of an account that a name or an id names.

    Raises:
        CommandError: there is none, or the caller may not look.
    """
    if len(named) == 12 and named.isdigit():
        return named
    answer = connection.operation("Modelyard.DescribeAccount", {"Account": named})
    return str(answer["Id"])


def assume(
    connection: Connection, account: str, role: str, session: str, *, seconds: int = 3600
) -> SessionKeys:
    """Return a session of a role of an account, by the account's id.

    Raises:
        CommandError: the caller may not assume it.
    """
    arn = role if role.startswith("arn:") else role_arn(account=account, name=role)
    members = {"RoleArn": arn, "RoleSessionName": session, "DurationSeconds": seconds}
    try:
        answer = query(connection, "sts", "AssumeRole", **members)
    except CommandError as error:
        raise CommandError(f"the role {role} cannot be assumed: {error}") from error
    keys = answer["Credentials"]
    return SessionKeys(
        access_key_id=keys["AccessKeyId"],
        secret=keys["SecretAccessKey"],
        token=keys["SessionToken"],
        expiration=keys["Expiration"].isoformat(),
        arn=answer["AssumedRoleUser"]["Arn"],
    )


def in_account(connection: Connection, named: str | None) -> Connection:
    """Return the way to act in an account, as its administrator; None: as who calls, where it is.

    Raises:
        CommandError: there is no such account, or the caller may not administer it.
    """
    if named is None:
        return connection
    me = connection.operation("Modelyard.WhoAmI", {})
    wanted = account_id(connection, named)
    if me["Account"] == wanted:
        return connection
    keys = assume(connection, wanted, _ADMINISTRATOR, "modelyard-cli")
    return SignedConnection(connection.url, keys, "us-east-1", connection.ca_file)
