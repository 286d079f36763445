"""`modelyard env`: what clients need to find the server, as shell exports."""

from __future__ import annotations

import shlex
from pathlib import Path

from modelyard.cli.errors import CommandError
from modelyard.home import Home
from modelyard.identity.credentials import read_credentials


def exports(home: Path) -> str:
    """Return the lines to evaluate in a shell.

    Raises:
        CommandError: no server runs on that home.
    """
    place = Home(home)
    server = place.read_server()
    if server is None:
        raise CommandError(f"no server runs on the home {home}: start one with 'modelyard up'")
    credentials = read_credentials(place.credentials)
    values = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": server.gateway_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_REGION": server.region,
        "MODELYARD_URL": server.url,
        "MODELYARD_TOKEN": credentials.token,
        "MODELYARD_ASSETS_BUCKET": server.assets_bucket,
    }
    # A token left from somewhere else would be sent along and refused.
    lines = ["unset AWS_SESSION_TOKEN AWS_PROFILE"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join(lines)
