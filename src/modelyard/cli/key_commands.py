"""`modelyard keys …`: the options; `keys` does what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

keys_app = typer.Typer(
    no_args_is_help=True, help="Encryption keys: create, list, rotate, disable, delete."
)

_Key = Annotated[str, typer.Argument(help="The key: its id, its ARN or alias/NAME.")]


@keys_app.command()
def create(
    alias: Annotated[
        str | None, typer.Option("--alias", help="A name for it, with or without alias/.")
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    home: HomeOption = None,
) -> None:
    """Create a key, and print its ARN."""
    from modelyard.cli.connection import connect
    from modelyard.cli.keys import create as run

    run(connect(home_of(home)), alias=alias, description=description)


@keys_app.command("list")
def list_keys(home: HomeOption = None) -> None:
    """List the account's keys: id, state, aliases, description."""
    from modelyard.cli.connection import connect
    from modelyard.cli.keys import list_keys as run

    run(connect(home_of(home)))


@keys_app.command()
def rotate(key: _Key, home: HomeOption = None) -> None:
    """Give a key new material; what is encrypted already can still be read."""
    from modelyard.cli.connection import connect
    from modelyard.cli.keys import rotate as run

    run(connect(home_of(home)), key)


@keys_app.command()
def disable(key: _Key, home: HomeOption = None) -> None:
    """Disable a key: what is under it cannot be read until it is enabled."""
    from modelyard.cli.connection import connect
    from modelyard.cli.keys import disable as run

    run(connect(home_of(home)), key)


@keys_app.command()
def enable(key: _Key, home: HomeOption = None) -> None:
    """Enable a key that was disabled."""
    from modelyard.cli.connection import connect
    from modelyard.cli.keys import enable as run

    run(connect(home_of(home)), key)


@keys_app.command()
def delete(
    key: _Key,
    days: Annotated[
        int, typer.Option("--days", min=7, max=30, help="How long it can still be saved.")
    ] = 30,
    home: HomeOption = None,
) -> None:
    """Schedule a key's end: what is under it will be unreadable for ever."""
    from modelyard.cli.connection import connect
    from modelyard.cli.keys import delete as run

    run(connect(home_of(home)), key, days)
