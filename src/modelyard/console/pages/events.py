"""Events as they happened, and the notifications that came of them."""

from __future__ import annotations

import json
from typing import Any

import htpy as h

from modelyard.console.pieces.links import arn_link, url
from modelyard.console.pieces.moments import ago
from modelyard.console.pieces.panels import chosen_tab, empty, json_block, tabs
from modelyard.console.pieces.tables import Filter, filters, listed, table
from modelyard.console.routes import page
from modelyard.console.visits import Page, Visit

_TABS = (("events", "Events"), ("inbox", "Notifications"))
_NEWEST = 100


def show(visit: Visit) -> Page:
    """Return the newest events, or the notifications."""
    parts = {"events": _events, "inbox": _inbox}
    return Page(
        title="Events",
        intro=f"The newest {_NEWEST}; rules and targets are made with the EventBridge API.",
        body=[
            tabs(url("events"), visit.query, _TABS),
            parts[chosen_tab(visit.query, _TABS)](visit),
        ],
    )


def _events(visit: Visit) -> h.Node:
    kind, source = visit.query.get("type", ""), visit.query.get("source", "")
    pattern: dict[str, Any] = {}
    if kind:
        pattern["detail-type"] = [{"wildcard": f"*{_plain(kind)}*"}]
    if source:
        pattern["source"] = [{"wildcard": f"*{_plain(source)}*"}]
    answer = visit.desk.call(
        "modelyard",
        "ListEvents",
        EventPattern=json.dumps(pattern) if pattern else None,
        Newest=True,
        MaxResults=_NEWEST,
    )
    events = [json.loads(text) for text in listed(answer, "Events")][::-1]
    account = visit.desk.context.account
    return [
        filters(
            url("events"),
            visit.query,
            [
                Filter(name="type", label="What happened contains"),
                Filter(name="source", label="Source contains"),
            ],
        ),
        h.section(".panel.list-panel", id="list", data_live=True)[
            table(
                "Events",
                [
                    ("What", lambda one: one["detail-type"]),
                    (
                        "Of what",
                        lambda one: [
                            h.div[arn_link(arn, account)] for arn in one.get("resources", [])
                        ],
                    ),
                    ("Source", lambda one: one["source"]),
                    ("When", lambda one: ago(one["time"], visit.now)),
                    (
                        "Detail",
                        lambda one: h.details[
                            h.summary["Show"], json_block(one, label="The event as JSON")
                        ],
                    ),
                ],
                events,
            )
            if events
            else empty("No event fits.")
        ],
    ]


def _plain(text: str) -> str:
    """Return a text that stands for itself in a wildcard pattern."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def _inbox(visit: Visit) -> h.Node:
    answer = visit.desk.ask("modelyard", "ListNotifications", MaxResults=_NEWEST)
    rows = listed(answer, "Notifications")[::-1]
    return h.section(".panel.list-panel", id="inbox", data_live=True)[
        table(
            "Notifications",
            [
                ("Title", lambda one: one.get("Title", "")),
                ("Text", lambda one: one.get("Text", "")),
                ("By the rule", lambda one: one.get("Rule", "")),
                ("When", lambda one: ago(one.get("Time"), visit.now)),
            ],
            rows,
        )
        if rows
        else empty("You may not read the inbox." if answer is None else "The inbox is empty.")
    ]


ROUTES = (page("events", show),)
