"""Commands that act in another account, or as somebody: sessions, and signed requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import botocore.loaders
import botocore.parsers
import botocore.serialize
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import ServiceModel

from modelyard.arns import role_arn
from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError

_SCOPES = {"SageMaker": "sagemaker", "Logs_20140328": "logs", "Modelyard": "modelyard"}
_FORM_SCOPES = {"2011-06-15": "sts", "2010-05-08": "iam", "2010-05-15": "cloudformation"}
_FORM = "application/x-www-form-urlencoded"
_ADMINISTRATOR = "orchestrator-administrator"


@dataclass(frozen=True, kw_only=True)
class SessionKeys:
    """Temporary credentials."""

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expiration: str = ""  # ISO 8601, UTC
    arn: str = ""  # of the session


class SignedConnection(Connection):
    """The server's HTTP door, with a session's credentials."""

    def __init__(
        self, url: str, keys: SessionKeys, region: str, ca_file: str | None = None
    ) -> None:
        super().__init__(url, token="", ca_file=ca_file)
        self._keys = keys
        self._region = region

    def _proved(self, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        url = path if path.startswith("http") else self.url + path
        request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
        keys = Credentials(self._keys.access_key_id, self._keys.secret, self._keys.token)
        SigV4Auth(keys, _scope(headers, body), self._region).add_auth(request)
        return {name: str(value) for name, value in request.headers.items()}


def connection_of_environment(url: str, environment: Mapping[str, str]) -> Connection:
    """Return the way to a server as the session that the environment's AWS variables hold."""
    keys = SessionKeys(
        access_key_id=environment.get("AWS_ACCESS_KEY_ID", ""),
        secret=environment.get("AWS_SECRET_ACCESS_KEY", ""),
        token=environment["AWS_SESSION_TOKEN"],
    )
    return SignedConnection(url, keys, environment.get("AWS_REGION", "us-east-1"))


def query(connection: Connection, service: str, name: str, **members: Any) -> dict[str, Any]:
    """Call an operation of a service with the query protocol, such as sts or iam.

    Raises:
        CommandError: with the error's code and message, if it is an error.
    """
    description = botocore.loaders.Loader().load_service_model(service, "service-2")
    operation = ServiceModel(description, service).operation_model(name)
    serializer = botocore.serialize.create_serializer("query")
    form = serializer.serialize_to_request(members, operation)["body"]
    answer = connection.post("/", urlencode(form).encode(), {"Content-Type": _FORM})
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
    answer = query(
        connection,
        "sts",
        "AssumeRole",
        RoleArn=arn,
        RoleSessionName=session,
        DurationSeconds=seconds,
    )
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


def _scope(headers: Mapping[str, str], body: bytes) -> str:
    """Return the service that a request is signed for; a form says it by its version."""
    if headers.get("Content-Type") == _FORM:
        version = parse_qs(body.decode()).get("Version", [""])[0]
        return _FORM_SCOPES.get(version, "sts")
    return _SCOPES.get(headers.get("X-Amz-Target", "").partition(".")[0], "sagemaker")
