"""`modelyard events` and `modelyard inbox`: follow the bus, its dead letters, notifications."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from modelyard.cli.connection import Connection

_POLL_SECONDS = 0.5


def tail(
    connection: Connection, *, pattern: str | None, bus: str, begin: bool, follow: bool
) -> None:
    """Print events as they come, one JSON object a line.

    Args:
        pattern: an event pattern; None: all events.
        begin: start with the oldest that is kept, not with the next.
        follow: go on until interrupted.

    Raises:
        CommandError: the pattern is wrong, or there is no such bus.
    """
    request: dict[str, Any] = {"EventBusName": bus, "FromBeginning": begin}
    if pattern is not None:
        request["EventPattern"] = pattern
    while True:
        page = connection.operation("Modelyard.ListEvents", request)
        for event in page["Events"]:
            sys.stdout.write(event + "\n")
        sys.stdout.flush()
        at_end = page["NextToken"] == request.get("NextToken")
        request["NextToken"] = page["NextToken"]
        if at_end and not follow:
            return
        if at_end:
            time.sleep(_POLL_SECONDS)


def dead_letters(connection: Connection, *, rule: str | None, bus: str | None) -> None:
    """Print the events that were given up, one JSON object a line."""
    request = _meant(rule, bus, None, ())
    while True:
        page = connection.operation("Modelyard.ListDeadLetters", request)
        for letter in page.get("DeadLetters", []):
            sys.stdout.write(json.dumps({**letter, "Event": json.loads(letter["Event"])}) + "\n")
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def replay(
    connection: Connection,
    *,
    rule: str | None,
    bus: str | None,
    target: str | None,
    ids: tuple[str, ...],
) -> None:
    """Make dead letters due again, and print how many."""
    answer = connection.operation("Modelyard.ReplayDeadLetters", _meant(rule, bus, target, ids))
    sys.stdout.write(f"{answer['Count']} will be delivered again\n")


def delete(
    connection: Connection,
    *,
    rule: str | None,
    bus: str | None,
    target: str | None,
    ids: tuple[str, ...],
) -> None:
    """Delete dead letters, and print how many."""
    answer = connection.operation("Modelyard.DeleteDeadLetters", _meant(rule, bus, target, ids))
    sys.stdout.write(f"{answer['Count']} deleted\n")


def inbox(connection: Connection, *, topic: str, follow: bool) -> None:
    """Print the notifications of a topic, oldest first; with `follow`, until interrupted."""
    request: dict[str, Any] = {"Topic": topic}
    while True:
        page = connection.operation("Modelyard.ListNotifications", request)
        for one in page.get("Notifications", []):
            sys.stdout.write(f"{one['Time']}  {one['Title']}\n  {one['Text']}\n")
        sys.stdout.flush()
        request["NextToken"] = page["NextToken"]
        if page.get("Notifications"):
            continue
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _meant(
    rule: str | None, bus: str | None, target: str | None, ids: tuple[str, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member, value in (("Rule", rule), ("EventBusName", bus), ("TargetId", target)):
        if value is not None:
            found[member] = value
    if ids:
        found["Ids"] = list(ids)
    return found
