"""`modelyard up`: the server, in the foreground."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from modelyard import __version__
from modelyard.cli.errors import CommandError

if TYPE_CHECKING:
    from modelyard.home import ServerInfo


def run(
    *,
    home: Path | None,
    host: str | None,
    port: int | None,
    gateway_port: int | None,
    tls: bool | None,
    config: Path | None,
    launch: Mapping[str, object],
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        launch: the launch options, by name; None is not given.

    Raises:
        CommandError: the settings, the home, the port or the certificate cannot be used.
    """
    from modelyard import settings
    from modelyard.home import HomeError
    from modelyard.settings import SettingsError

    try:
        found = settings.load(
            {
                "home": home,
                "host": host,
                "port": port,
                "gateway_port": gateway_port,
                "tls": tls,
                **launch,
            },
            config=config,
        )
    except SettingsError as error:
        raise CommandError("the settings cannot be used:\n  " + "\n  ".join(error.problems)) from (
            error
        )
    from modelyard.compute.ray.cluster import OpenCluster
    from modelyard.identity.credentials import CredentialsError
    from modelyard.identity.policies.texts import PolicyErrors
    from modelyard.log import configure
    from modelyard.server import PortInUse, serve
    from modelyard.store.errors import StoreError
    from modelyard.tls.errors import TlsError

    configure(found.log_level, found.log_format)
    for warning in found.warnings():
        typer.secho(f"warning: {warning}", err=True, fg="yellow", bold=True)
    try:
        serve(found, _welcome(found.home))
    except (
        HomeError,
        PortInUse,
        CredentialsError,
        PolicyErrors,
        StoreError,
        OpenCluster,
    ) as error:
        raise CommandError(str(error)) from error
    except TlsError as error:
        raise CommandError("TLS cannot be served:\n  " + "\n  ".join(error.problems)) from error


def _welcome(home: Path) -> Callable[[ServerInfo], None]:
    def say(info: ServerInfo) -> None:
        typer.echo(
            f"Modelyard {__version__} is ready at {info.url}\n"
            f"  inference gateway  {info.gateway_url}\n"
            f"  home               {home}\n"
            f'  in another shell   eval "$(modelyard env --home {shlex.quote(str(home))})"\n'
            "Ctrl-C stops it."
        )

    return say
