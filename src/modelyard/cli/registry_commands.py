"""`modelyard register` and `modelyard models …`: the options; `registry` does what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

models = typer.Typer(no_args_is_help=True, help="Registered models: list, show, approve, reject.")

_Version = Annotated[str, typer.Argument(help="The version: GROUP/NUMBER, or its ARN.")]
_Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept.")]
_Stage = Annotated[
    str | None, typer.Option("--stage", help="The stage that is meant, not the version itself.")
]


def register(
    group: Annotated[str, typer.Argument(help="The group's name; it is made if it is not there.")],
    source: Annotated[
        str,
        typer.Argument(help="s3://… of a model.tar.gz, a model file, or an MLflow model's folder."),
    ],
    metrics: Annotated[
        list[Path] | None,
        typer.Option("--metrics", help="JSON file of metrics by their names. May be repeated."),
    ] = None,
    image: Annotated[str | None, typer.Option(help="Serves it. Default: XGBoost's.")] = None,
    description: Annotated[str | None, typer.Option(help="Of the version.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Of the run that made the model.")] = None,
    home: HomeOption = None,
) -> None:
    """Register a model from an archive, a file or an MLflow run."""
    from modelyard.cli.connection import connect
    from modelyard.cli.registry import register as run

    given = {"Image": image, "Description": description, "RunId": run_id}
    run(connect(home_of(home)), group, source, metrics or [], given)


@models.command("list")
def list_models(
    group: Annotated[str | None, typer.Argument(help="Its versions. Default: all groups.")] = None,
    home: HomeOption = None,
) -> None:
    """List groups, or the versions of one."""
    from modelyard.cli.connection import connect
    from modelyard.cli.registry import list_models as run

    run(connect(home_of(home)), group)


@models.command()
def show(version: _Version, home: HomeOption = None) -> None:
    """Print a version, its approvals, and what approval still needs."""
    from modelyard.cli.connection import connect
    from modelyard.cli.registry import show as run

    run(connect(home_of(home)), version)


@models.command()
def approve(
    version: _Version, reason: _Reason = "", stage: _Stage = None, home: HomeOption = None
) -> None:
    """Approve a version, or a stage of its life cycle."""
    from modelyard.cli.connection import connect
    from modelyard.cli.registry import decide as run

    run(connect(home_of(home)), version, "Approved", reason, stage)


@models.command()
def reject(
    version: _Version, reason: _Reason = "", stage: _Stage = None, home: HomeOption = None
) -> None:
    """Reject a version, or a stage of its life cycle."""
    from modelyard.cli.connection import connect
    from modelyard.cli.registry import decide as run

    run(connect(home_of(home)), version, "Rejected", reason, stage)
