"""`modelyard events …` and `modelyard inbox`: the options; `event_bus` does what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli.options import HomeOption, home_of

events = typer.Typer(no_args_is_help=True, help="The event bus: follow it, and its dead letters.")

_RuleOption = Annotated[str | None, typer.Option("--rule", help="Only of this rule.")]
_TargetOption = Annotated[
    str | None, typer.Option("--target", help="Only of this target of the rule.")
]
_BusOption = Annotated[
    str | None, typer.Option("--bus", help="The rule's event bus. Default: default.")
]
_Ids = Annotated[
    list[str] | None, typer.Argument(help="Ids of dead letters. None given: all that are meant.")
]


@events.command()
def tail(
    pattern: Annotated[
        str | None, typer.Option("--pattern", "-p", help="An event pattern, as JSON.")
    ] = None,
    bus: Annotated[str, typer.Option("--bus", help="The event bus.")] = "default",
    begin: Annotated[
        bool, typer.Option("--all", help="Begin with the oldest event that is kept.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C.")
    ] = True,
    home: HomeOption = None,
) -> None:
    """Print the events of a bus as they come."""
    from modelyard.cli.connection import connect
    from modelyard.cli.event_bus import tail as run

    run(connect(home_of(home)), pattern=pattern, bus=bus, begin=begin, follow=follow)


@events.command("dead-letters")
def dead_letters(rule: _RuleOption = None, bus: _BusOption = None, home: HomeOption = None) -> None:
    """Print the events that a target never took, and why."""
    from modelyard.cli.connection import connect
    from modelyard.cli.event_bus import dead_letters as run

    run(connect(home_of(home)), rule=rule, bus=bus)


@events.command()
def replay(
    ids: _Ids = None,
    rule: _RuleOption = None,
    target: _TargetOption = None,
    bus: _BusOption = None,
    home: HomeOption = None,
) -> None:
    """Deliver dead letters again."""
    from modelyard.cli.connection import connect
    from modelyard.cli.event_bus import replay as run

    run(connect(home_of(home)), rule=rule, bus=bus, target=target, ids=tuple(ids or ()))


@events.command()
def purge(
    ids: _Ids = None,
    rule: _RuleOption = None,
    target: _TargetOption = None,
    bus: _BusOption = None,
    home: HomeOption = None,
) -> None:
    """Delete dead letters for ever."""
    from modelyard.cli.connection import connect
    from modelyard.cli.event_bus import delete as run

    run(connect(home_of(home)), rule=rule, bus=bus, target=target, ids=tuple(ids or ()))


def inbox(
    topic: Annotated[str, typer.Option("--topic", help="The topic.")] = "inbox",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    home: HomeOption = None,
) -> None:
    """Print the notifications that rules sent."""
    from modelyard.cli.connection import connect
    from modelyard.cli.event_bus import inbox as run

    run(connect(home_of(home)), topic=topic, follow=follow)
