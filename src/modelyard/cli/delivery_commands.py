"""`modelyard pipelines`, `approve` and so on: the options; `deliveries` does what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

_Pipeline = Annotated[
    str, typer.Argument(help="The pipeline's id, its name, or a part that no other name has.")
]
_Waiting = Annotated[
    str | None, typer.Option(help="The stage that waits, or its approval. Default: any.")
]
_Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept.")]


def pipelines(home: HomeOption = None) -> None:
    """List all pipelines, and how far each of their stages is."""
    from modelyard.cli.connection import connect
    from modelyard.cli.deliveries import list_pipelines as run

    run(connect(home_of(home)))


def approve(
    pipeline: _Pipeline,
    reason: _Reason = "",
    stage: _Waiting = None,
    home: HomeOption = None,
) -> None:
    """Approve what a pipeline waits for: it goes on to the next stage."""
    from modelyard.cli.connection import connect
    from modelyard.cli.deliveries import decide as run

    run(connect(home_of(home)), pipeline, "Approved", reason, stage)


def reject(
    pipeline: _Pipeline,
    reason: _Reason = "",
    stage: _Waiting = None,
    home: HomeOption = None,
) -> None:
    """Reject what a pipeline waits for: it ends there."""
    from modelyard.cli.connection import connect
    from modelyard.cli.deliveries import decide as run

    run(connect(home_of(home)), pipeline, "Rejected", reason, stage)


def retry(
    pipeline: _Pipeline,
    stage: Annotated[str | None, typer.Option(help="Default: the one that failed.")] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Repeat what succeeded in the stage, too.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Begin a stage once more that failed, was rejected or was stopped."""
    from modelyard.cli.connection import connect
    from modelyard.cli.deliveries import retry as run

    run(connect(home_of(home)), pipeline, stage, whole=whole)


def stop(
    pipeline: _Pipeline,
    reason: _Reason = "",
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Do not wait until its action has ended.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Stop a pipeline's run; what is deployed stays."""
    from modelyard.cli.connection import connect
    from modelyard.cli.deliveries import stop as run

    run(connect(home_of(home)), pipeline, reason, abandon=abandon)


def rollback(
    pipeline: _Pipeline,
    stage: Annotated[str, typer.Argument(help="Such as DeployProd.")],
    to: Annotated[
        str | None, typer.Option(help="The run whose deployment comes back. Default: the last.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Bring a stage back to what an earlier run deployed there."""
    from modelyard.cli.connection import connect
    from modelyard.cli.deliveries import roll_back as run

    run(connect(home_of(home)), pipeline, stage, to)


def configurations(
    configuration: Annotated[
        str | None,
        typer.Argument(help="A commit, or the beginning of one, or an id. Default: all."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Show what came in by git or by the configuration bucket, and what became of it."""
    from modelyard.cli import configurations as run
    from modelyard.cli.connection import connect

    connection = connect(home_of(home))
    if configuration is None:
        run.list_configurations(connection)
    else:
        run.show(connection, configuration)


def resources(
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", help="key=value, or key for any value; several must all be there."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Only in this account, by its name or id. Default: in all.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """List the resources that have a tag, in every account that you may look into."""
    from modelyard.cli.connection import connect, region_of
    from modelyard.cli.resources import list_resources as run

    folder = home_of(home)
    run(connect(folder), tag or [], account, region_of(folder))
