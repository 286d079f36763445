"""`modelyard env`: what clients need to find the server, as shell exports."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard.cli.errors import CommandError
from modelyard.home import Home, HomeError, ServerInfo, write_whole
from modelyard.identity.credentials import Credentials, CredentialsError, read_credentials
from modelyard.identity.session_bearer import session_bearer
from modelyard.tls import endpoints, trust

#: What no other server's clients are to be left with.
_ELSEWHERE = (
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
)
_OWN_HOURS = 12  # a notebook's day


@dataclass(frozen=True, kw_only=True)
class Acting:
    """As whom a shell is to act; without a role, as the root."""

    account: str | None = None  # its name or id; None: the server's own
    role: str | None = None  # its name or its ARN
    session: str = "cli"
    hours: int | None = None


def exports(
    home: Path,
    *,
    tls: bool = False,
    acting: Acting | None = None,
    write_aws_models: bool = False,
) -> str:
    """Return the lines to evaluate in a shell.

    Args:
        tls: insist on a server that speaks TLS; what its clients need is exported either way.
        acting: as whom; None acts as root.
        write_aws_models: point the sagemaker SDKs' STS at the server, in the user's `~/.aws`.

    Raises:
        CommandError: no server runs on that home, or not one that can give what is asked for.
    """
    place = Home(home)
    server = place.read_server()
    if server is None:
        raise CommandError(f"no server runs on the home {home}: start one with 'modelyard up'")
    if server.ca_file is None and (tls or write_aws_models):
        raise CommandError(
            f"the server at {server.url} speaks plain HTTP: start it with 'modelyard up --tls'"
        )
    try:
        credentials = read_credentials(place.credentials)
    except CredentialsError as error:
        raise CommandError(str(error)) from error
    trusted = _trust(place, server)
    values = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": server.gateway_url,
        "MODELYARD_ASSETS_BUCKET": server.assets_bucket,
        **_caller(server, credentials, acting or Acting()),
        "AWS_DEFAULT_REGION": server.region,
        "AWS_REGION": server.region,
        "MODELYARD_URL": server.url,
        "MLFLOW_TRACKING_URI": f"{server.url}/mlflow",
        **trusted,
    }
    if write_aws_models:
        _write_models(server)
    # A token left from somewhere else would be sent along and refused.
    left = [name for name in (*_ELSEWHERE, "MODELYARD_TOKEN") if name not in values]
    lines = [f"unset {' '.join(left)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join(lines)


def undo() -> str:
    """Return the lines that undo `exports` in a shell; what was written in `~/.aws` is removed.

    Raises:
        CommandError: it cannot be removed.
    """
    path = endpoints.models_file(Path.home())
    try:
        removed = endpoints.remove_endpoints(path)
    except (endpoints.ForeignEndpoints, OSError) as error:
        raise CommandError(str(error)) from error
    if removed:
        sys.stderr.write(f"removed {path}\n")
    names = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "MODELYARD_URL",
        "MODELYARD_TOKEN",
        "MODELYARD_ASSETS_BUCKET",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_TOKEN",
        *trust.VARIABLES,
    ]
    return f"unset {' '.join(names)}"


def _caller(server: ServerInfo, credentials: Credentials, acting: Acting) -> Mapping[str, str]:
    if acting.account is not None and acting.role is None:
        raise CommandError("--account needs --as: name the role to act as, such as data-scientist")
    if acting.role is None:
        return {
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "MODELYARD_TOKEN": credentials.token,
            "MLFLOW_TRACKING_TOKEN": credentials.token,
        }
    # With a session there is no bearer token: its shell's commands are no more than it.
    from modelyard.cli.acting import account_id, assume
    from modelyard.cli.connection import Connection

    connection = Connection(server.url, credentials.token, server.ca_file)
    if acting.account is None:
        account = str(connection.operation("Modelyard.WhoAmI", {})["Account"])
    else:
        account = account_id(connection, acting.account)
    hours = acting.hours or (_OWN_HOURS if acting.account is None else 1)
    keys = assume(connection, account, acting.role, acting.session, seconds=hours * 3600)
    described = connection.operation("Modelyard.DescribeAccount", {"Account": account})
    return {
        "MODELYARD_ASSETS_BUCKET": described["AssetsBucket"],
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_SESSION_TOKEN": keys.token,
        "MLFLOW_TRACKING_TOKEN": session_bearer(keys.secret, keys.token),
    }


def _trust(home: Home, server: ServerInfo) -> Mapping[str, str]:
    """Write what the clients of a TLS server trust, and return the variables that name it."""
    if server.ca_file is None:
        return {}
    path = home.tls / "bundle.pem"
    already = trust.trusted_already(os.environ, path)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, trust.bundle(Path(server.ca_file), already), mode=0o644)
    except (OSError, HomeError) as error:
        raise CommandError(f"the certificates to trust cannot be written: {error}") from error
    return dict.fromkeys(trust.VARIABLES, str(path))


def _write_models(server: ServerInfo) -> None:
    path = endpoints.models_file(Path.home())
    address = server.url.partition("://")[2]
    try:
        endpoints.write_endpoints(path, address)
    except (endpoints.ForeignEndpoints, HomeError, OSError) as error:
        raise CommandError(str(error)) from error
    sys.stderr.write(
        f"wrote {path}: in every shell of this user, boto3, the AWS CLI and the sagemaker SDK now "
        f"take {address} for the STS of AWS, until 'modelyard env --undo'\n"
    )
