"""`modelyard whoami`, `can` and `policies …`: the options; `permissions` does what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

policies = typer.Typer(no_args_is_help=True, help="Permissions in Cedar: check them, list them.")


def whoami(home: HomeOption = None) -> None:
    """Print who the caller is, and who stands behind."""
    from modelyard.cli.connection import connect
    from modelyard.cli.permissions import whoami as run

    run(connect(home_of(home)))


def can(
    principal: Annotated[str, typer.Argument(help="An ARN, role/NAME, user/NAME or persona:NAME.")],
    action: Annotated[str, typer.Argument(help="Such as sagemaker:CreateModel.")],
    resource: Annotated[
        str, typer.Argument(help="An ARN, s3://BUCKET/KEY or KIND/NAME; * means any.")
    ] = "*",
    request: Annotated[
        str | None, typer.Option("--request", help="The request's members, as JSON.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Say whether a principal may do something, and which policies decide."""
    from modelyard.cli.connection import connect
    from modelyard.cli.permissions import can as run

    run(connect(home_of(home)), principal, action, resource, request)


@policies.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Default: policies/*.cedar of the home.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Check policy files: nothing comes into force."""
    from modelyard.cli.connection import connect
    from modelyard.cli.permissions import check as run

    folder = home_of(home) / "policies"
    run(connect(home_of(home)), files or sorted(folder.glob("*.cedar")))


@policies.command("list")
def list_policies(home: HomeOption = None) -> None:
    """List the policies in force, and what is wrong with files that are not."""
    from modelyard.cli.connection import connect
    from modelyard.cli.permissions import list_policies as run

    run(connect(home_of(home)))
