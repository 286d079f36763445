"""`modelyard audit`: the options; `audit` does what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

audit_app = typer.Typer(invoke_without_command=True, help="Who did what: the audit log.")


@audit_app.callback()
def audit(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="Not before: 90m, 24h, 7d, or a moment in ISO 8601.")
    ] = None,
    principal: Annotated[str | None, typer.Option(help="ARN of the caller.")] = None,
    person: Annotated[str | None, typer.Option(help="ARN of who stands behind it.")] = None,
    action: Annotated[str | None, typer.Option(help="Such as sagemaker:Create*.")] = None,
    resource: Annotated[str | None, typer.Option(help="How the resource's ARN begins.")] = None,
    request_id: Annotated[str | None, typer.Option(help="Of one call.")] = None,
    denied: Annotated[bool, typer.Option("--denied", help="Only what was refused.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Newest records.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes; Ctrl-C ends.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    home: HomeOption = None,
) -> None:
    """Show the audit log: who did what, from where, on which resource, allowed or not."""
    if context.invoked_subcommand is not None:
        return
    from modelyard.cli.audit import show
    from modelyard.cli.audit import since as moment
    from modelyard.cli.connection import connect

    wanted = {
        "StartTime": None if since is None else moment(since),
        "Principal": principal,
        "Person": person,
        "Action": action,
        "ResourcePrefix": resource,
        "RequestId": request_id,
        "Decision": "Denied" if denied else None,
    }
    request = {name: value for name, value in wanted.items() if value is not None}
    show(connect(home_of(home)), request, limit=limit, follow=follow, as_json=as_json)


@audit_app.command("verify")
def verify_audit(
    head: Annotated[
        str | None,
        typer.Option(help="<sequence>:<mac> that was kept elsewhere: the trail must hold it."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Verify that no record was changed, removed or moved; exit code 1 if one was."""
    from modelyard.cli.audit import verify
    from modelyard.cli.connection import connect

    verify(connect(home_of(home)), head)
