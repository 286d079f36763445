"""The commands around accounts: `modelyard accounts …`, `people …`, `sessions …`."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

accounts = typer.Typer(no_args_is_help=True, help="The accounts of this installation.")
people = typer.Typer(no_args_is_help=True, help="People with keys of their own.")
sessions = typer.Typer(no_args_is_help=True, help="Sessions of roles.")

AccountOption = Annotated[
    str | None, typer.Option("--account", help="Its name or id. Default: your own.")
]


@accounts.command("add")
def add_account(
    name: Annotated[str, typer.Argument(help="Such as test.")],
    account: Annotated[
        str | None, typer.Option("--id", help="12 digits. Default: a random one.")
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Default: its name.")] = None,
    provider: Annotated[str | None, typer.Option(help="local or aws.")] = None,
    profile: Annotated[str | None, typer.Option(help="Of ~/.aws/config, with aws.")] = None,
    region: Annotated[str | None, typer.Option(help="With aws.")] = None,
    role_arn: Annotated[str | None, typer.Option(help="To assume there, with aws.")] = None,
    home: HomeOption = None,
) -> None:
    """Add an account, with the roles and the bucket that each begins with."""
    from modelyard.cli.connection import connect
    from modelyard.cli.people import add_account as run

    given = {
        "Name": name,
        "Id": account,
        "Stage": stage,
        "Provider": provider,
        "Profile": profile,
        "Region": region,
        "RoleArn": role_arn,
    }
    members = {member: value for member, value in given.items() if value is not None}
    run(connect(home_of(home)), members)


@accounts.command("list")
def list_accounts(home: HomeOption = None) -> None:
    """List the accounts with their ids and stages."""
    from modelyard.cli.connection import connect
    from modelyard.cli.people import list_accounts as run

    run(connect(home_of(home)))


@people.command("add")
def add_person(
    name: Annotated[str, typer.Argument(help="The user's name.")],
    account: AccountOption = None,
    persona: Annotated[
        list[str] | None, typer.Option("--persona", help="Such as data-scientist; repeatable.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Add a person, and print its access key and bearer token once."""
    from modelyard.cli.connection import connect
    from modelyard.cli.people import add_person as run

    run(connect(home_of(home)), name, account, persona or [])


@people.command("list")
def list_people(account: AccountOption = None, home: HomeOption = None) -> None:
    """List an account's people and their personas."""
    from modelyard.cli.connection import connect
    from modelyard.cli.people import list_people as run

    run(connect(home_of(home)), account)


@people.command("remove")
def remove_person(
    name: Annotated[str, typer.Argument(help="The user's name.")],
    account: AccountOption = None,
    home: HomeOption = None,
) -> None:
    """Remove a person with its keys; its sessions end at once."""
    from modelyard.cli.connection import connect
    from modelyard.cli.people import remove_person as run

    run(connect(home_of(home)), name, account)


@sessions.command("revoke")
def revoke_sessions(
    role: Annotated[str, typer.Argument(help="The role's ARN, or <account>/<role>.")],
    session: Annotated[str | None, typer.Option(help="Only sessions of this name.")] = None,
    access_key: Annotated[str | None, typer.Option(help="Only the session of this key.")] = None,
    person: Annotated[str | None, typer.Option(help="Only this person's, by its ARN.")] = None,
    home: HomeOption = None,
) -> None:
    """End the sessions of a role that were issued up to now."""
    from modelyard.cli.connection import connect
    from modelyard.cli.people import revoke_sessions as run

    given = {"SessionName": session, "AccessKeyId": access_key, "Person": person}
    narrowed = {member: value for member, value in given.items() if value is not None}
    run(connect(home_of(home)), role, narrowed)
