"""A log's last lines; however long it is, the page holds this many and no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import htpy as h

from modelyard.console.desk import Desk
from modelyard.console.pieces.links import url
from modelyard.console.pieces.panels import empty
from modelyard.console.pieces.tables import listed
from modelyard.operations.errors import OperationError

LINES = 400
_LONGEST = 2000  # characters of a line


def log_view(desk: Desk, group: str, prefix: str, *, id: str) -> h.Node:
    """Return the newest lines of the streams whose names begin with `prefix`."""
    try:
        streams = desk.ask(
            "logs", "DescribeLogStreams", logGroupName=group, logStreamNamePrefix=prefix, limit=5
        )
    except OperationError:
        streams = {}
    if streams is None:
        return empty("You may not read this log.")
    names = [stream["logStreamName"] for stream in listed(streams, "logStreams")]
    if not names:
        return empty("Nothing has been logged yet.")
    return [_stream(desk, group, name, f"{id}-{index}") for index, name in enumerate(names)]


def _stream(desk: Desk, group: str, name: str, id: str) -> h.Node:
    answer = desk.find("logs", "GetLogEvents", logGroupName=group, logStreamName=name, limit=LINES)
    events: Sequence[dict[str, Any]] = listed(answer, "events")
    more = len(events) == LINES
    return h.div(".log-frame")[
        h.div(".log-head")[
            h.span(".mono")[name],
            h.a(href=url("logs", group, name))["Whole log"],
        ],
        more and h.p(".muted")[f"The newest {LINES} lines."],
        h.pre(".log", id=id, data_log=True, tabindex="0", role="log", aria_label=f"Log {name}")[
            [line(event) for event in events]
        ],
    ]


def line(event: dict[str, Any]) -> h.Node:
    """Return one line of a log."""
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    text = str(event["message"])
    return h.span(".line")[
        h.span(".at")[at.strftime("%H:%M:%S ")], text[:_LONGEST], len(text) > _LONGEST and "…", "\n"
    ]
