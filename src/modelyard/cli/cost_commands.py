"""`modelyard costs`: the options; `costs` does what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of


def costs(
    by: Annotated[
        str, typer.Option(help="account, user, tag or job; with tag, --tag names its key.")
    ] = "account",
    tag: Annotated[str | None, typer.Option(help="The key of the tag; means --by tag.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Of jobs made after: 24h, 30d, or a moment in ISO 8601.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """Show what jobs have cost: seconds, and US dollars by their instance types' prices."""
    from modelyard.cli.audit import since as moment
    from modelyard.cli.connection import connect
    from modelyard.cli.costs import show

    wanted = {
        "By": "tag" if tag else by,
        "TagKey": tag,
        "CreationTimeAfter": None if since is None else moment(since),
        "MaxResults": limit,
    }
    request = {name: value for name, value in wanted.items() if value is not None}
    show(connect(home_of(home)), request, as_json=as_json)


def job_run(
    job: Annotated[str, typer.Argument(help="The ARN of a training, processing, transform job.")],
    home: HomeOption = None,
) -> None:
    """Show where a job ran, in which image, and what it has cost."""
    from modelyard.cli.connection import connect
    from modelyard.cli.costs import show_run

    show_run(connect(home_of(home)), job)
