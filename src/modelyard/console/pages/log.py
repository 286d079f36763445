"""A whole log, however long: some hundred lines at a time, forwards and backwards."""

from __future__ import annotations

import htpy as h

from modelyard.console.pieces.links import url
from modelyard.console.pieces.logs import LINES, line
from modelyard.console.pieces.panels import empty, panel
from modelyard.console.pieces.tables import Filter, filters, listed
from modelyard.console.routes import page
from modelyard.console.visits import Page, Visit


def show(visit: Visit) -> Page:
    """Return some lines of one stream; with a filter, those of them that fit."""
    group, stream = visit.name("group"), visit.name("stream")
    path, wanted = url("logs", group, stream), visit.query.get("contains", "")
    if wanted:
        answer = visit.desk.call(
            "logs",
            "FilterLogEvents",
            logGroupName=group,
            logStreamNames=[stream],
            filterPattern='"' + wanted.replace("\\", "\\\\").replace('"', '\\"') + '"',
            nextToken=visit.query.get("page"),
            limit=LINES,
        )
        links = [("Further on", answer.get("nextToken"))]
    else:
        answer = visit.desk.call(
            "logs",
            "GetLogEvents",
            logGroupName=group,
            logStreamName=stream,
            nextToken=visit.query.get("page"),
            startFromHead=True,
            limit=LINES,
        )
        links = [
            ("Earlier", answer.get("nextBackwardToken") if "page" in visit.query else None),
            ("Later", answer.get("nextForwardToken")),
        ]
    events = listed(answer, "events")
    return Page(
        title=stream,
        intro=group,
        body=[
            filters(path, visit.query, [Filter(name="contains", label="Lines that contain")]),
            panel(
                "Lines",
                h.pre(".log", tabindex="0", role="region", aria_label="Lines of the log")[
                    [line(event) for event in events]
                ]
                if events
                else empty("There are no lines here."),
                h.nav(".pager", aria_label="Parts of the log")[
                    [
                        h.a(
                            ".button.plain",
                            href=url("logs", group, stream, contains=wanted, page=token),
                        )[words]
                        for words, token in links
                        if token
                    ]
                ],
            ),
        ],
    )


ROUTES = (page("logs/{group}/{stream}", show),)
