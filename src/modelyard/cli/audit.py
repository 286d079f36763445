"""`modelyard audit` and `modelyard audit verify`: what was done, and whether that is all of it."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from modelyard import clock
from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError

_LOOKUP = "Modelyard.LookupAuditRecords"
_VERIFY = "Modelyard.VerifyAuditTrail"
_POLL_SECONDS = 1.0
_PAGE = 1000
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def show(
    connection: Connection, request: dict[str, Any], *, limit: int, follow: bool, as_json: bool
) -> None:
    """Print records, oldest of the page first; with `follow`, go on with what comes.

    Args:
        request: the members of LookupAuditRecords that filter.
        limit: how many of the newest to print.

    Raises:
        CommandError: the server refuses.
    """
    records = _newest(connection, request, limit)
    _print(records, as_json=as_json)
    last = max((record["Sequence"] for record in records), default=None)
    if last is None and follow:
        newest = connection.operation(_LOOKUP, {"MaxResults": 1})["Records"]
        last = newest[0]["Sequence"] if newest else 0
    while follow:
        time.sleep(_POLL_SECONDS)
        page = connection.operation(
            _LOOKUP, {**request, "AfterSequence": last, "MaxResults": _PAGE}
        )["Records"]
        _print(page, as_json=as_json)
        last = page[-1]["Sequence"] if page else last


def verify(connection: Connection, known_head: str | None) -> None:
    """Verify the whole trail, and print what was found.

    Args:
        known_head: `<sequence>:<mac>`, as the server's log said it.

    Raises:
        CommandError: the trail is damaged, or the server refuses.
    """
    request: dict[str, Any] = {} if known_head is None else {"KnownHead": _head(known_head)}
    while True:
        answer = connection.operation(_VERIFY, request)
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    head = answer["Head"]
    span = (
        f", from {_told(answer['FirstTime'])} to {_told(answer['LastTime'])}"
        if "FirstTime" in answer
        else ""
    )
    damage = answer.get("Damage")
    if damage is not None:
        raise CommandError(
            f"the audit trail is damaged at record {damage['Sequence']}: {damage['Fault']}: "
            f"{damage['Explanation']} ({answer['Records']} records ahead of it are intact{span})"
        )
    sys.stdout.write(
        f"the audit trail is intact: {answer['Records']} records{span}\n"
        f"head {head['Sequence']}:{head['Mac']}\n"
    )


def since(text: str) -> float:
    """Return epoch seconds of `90m`, `24h`, `7d` ago, or of an ISO 8601 moment.

    Raises:
        CommandError: it is neither.
    """
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is not None:
        return (clock.now() - timedelta(**{_UNITS[match[2]]: int(match[1])})).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"--since {text!r} is no time: write 90m, 24h or 7d for so long ago, or a moment such "
            "as 2026-11-21T08:00:00Z"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _newest(connection: Connection, request: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page_request = {**request, "MaxResults": min(limit, _PAGE)}
    while True:
        answer = connection.operation(_LOOKUP, page_request)
        found += answer["Records"]
        if len(found) >= limit or "NextToken" not in answer:
            return found[:limit][::-1]
        page_request["NextToken"] = answer["NextToken"]


def _print(records: list[dict[str, Any]], *, as_json: bool) -> None:
    for record in records:
        sys.stdout.write((json.dumps(record) if as_json else _line(record)) + "\n")
    sys.stdout.flush()


def _line(record: dict[str, Any]) -> str:
    allowed = "allowed" if record["Allowed"] else "DENIED"
    times = f" ({record['Calls']} calls)" if record["Calls"] > 1 else ""
    who = record["Principal"]
    if record["Person"] not in ("", who):
        who = f"{who} ({record['Person']})"
    note = f" - {record['Note']}" if record["Note"] else ""
    # What callers name may hold anything: nothing of it may steer a terminal.
    return _printable(
        f"{record['Sequence']} {_told(record['Time'])} {record['SourceAddress']} {who} "
        f"{record['Action']} {record['Resource']} {allowed} {record['Outcome']}{times} "
        f"{record['RequestId']}{note}"
    )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _told(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _head(text: str) -> dict[str, Any]:
    match = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if match is None:
        raise CommandError(
            f"--head {text!r} is none: write <sequence>:<mac>, as a former 'modelyard audit "
            "verify' or the server's log said them"
        )
    return {"Sequence": int(match[1]), "Mac": match[2]}
