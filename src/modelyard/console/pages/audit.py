"""The audit trail: who did what, found by what is known of it; and whether the trail is whole."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.versions import short
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.links import arn_link, copyable, url
from modelyard.console.pieces.moments import stamp
from modelyard.console.pieces.panels import empty, facts, note, panel
from modelyard.console.pieces.tables import (
    PAGE_SIZE,
    Filter,
    filters,
    listed,
    options_of,
    pager,
    table,
)
from modelyard.console.routes import page
from modelyard.console.visits import Page, Visit

_MEMBERS = {
    "action": "Action",
    "person": "Person",
    "resource": "ResourcePrefix",
    "decision": "Decision",
    "request": "RequestId",
}


def show(visit: Visit) -> Page:
    """Return the newest records that fit."""
    query, path = visit.query, url("audit")
    answer = visit.desk.call(
        "modelyard",
        "LookupAuditRecords",
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        **{member: query.get(name) for name, member in _MEMBERS.items()},
    )
    rows = listed(answer, "Records")
    return Page(
        title="Audit trail",
        intro="Every call, allowed or not, as it was written down.",
        actions=visit.desk.may("modelyard", "VerifyAuditTrail")
        and h.a(".button", href=url("audit", "verify"))["Is it whole?"],
        body=[
            filters(
                path,
                query,
                [
                    Filter(name="action", label="Action"),
                    Filter(name="person", label="Person (ARN)"),
                    Filter(name="resource", label="Resource begins with"),
                    Filter(
                        name="decision", label="Decision", options=options_of("Allowed", "Denied")
                    ),
                    Filter(name="request", label="Request id"),
                ],
            ),
            h.section(".panel.list-panel")[
                table(
                    "Records",
                    [
                        ("Action", lambda one: h.span(".mono")[one["Action"]]),
                        ("Decision", lambda one: _decision(one)),
                        ("Who", lambda one: _who(one)),
                        (
                            "On what",
                            lambda one: arn_link(one["Resource"], visit.desk.context.account),
                        ),
                        ("When", lambda one: stamp(one["Time"])),
                        ("More", lambda one: h.details[h.summary["Show"], _more(one)]),
                    ],
                    rows,
                )
                if rows
                else empty("No record fits."),
                pager(path, query, answer.get("NextToken")),
            ],
        ],
    )


def _decision(record: dict[str, Any]) -> h.Node:
    if not record["Allowed"]:
        return chip("Denied")
    outcome = record.get("Outcome", "OK")
    if outcome.lower() == "ok":
        return chip("Allowed")
    return [chip("Allowed"), h.div(".muted")[f"ended: {outcome}"]]


def _who(record: dict[str, Any]) -> h.Node:
    person = record.get("Person") or record["Principal"]
    acting = record["Principal"]
    return [
        h.span(title=person)[short(person)],
        acting != person and h.div(".muted", title=acting)[f"as {acting.split('/')[-2:][0]}"],
    ]


def _more(record: dict[str, Any]) -> h.Node:
    return facts(
        [
            ("Record", f"{record['Sequence']:,}"),
            ("Principal", copyable(record["Principal"])),
            ("From", f"{record.get('SourceAddress', '')} by {record.get('Door', '')}"),
            ("Policies", ", ".join(record.get("Policies", []))),
            ("Request id", copyable(record.get("RequestId", ""))),
            ("Calls", (record.get("Calls", 1) > 1 and f"{record['Calls']:,}") or None),
            ("Note", record.get("Note")),
        ]
    )


def verify(visit: Visit) -> Page:
    """Return whether the trail is whole, as far as one look goes."""
    found = visit.desk.call("modelyard", "VerifyAuditTrail", NextToken=visit.query.get("page"))
    damage, more = found.get("Damage"), found.get("NextToken")
    words = (
        f"Record {damage['Sequence']:,} is {damage['Fault']}: {damage['Explanation']}"
        if damage
        else f"{found.get('Records', 0):,} records were looked at; none was changed, moved or cut."
    )
    return Page(
        title="Is the audit trail whole?",
        crumbs=[("Audit trail", url("audit"))],
        body=[
            note(words, tone="bad" if damage else "good"),
            panel(
                "What was looked at",
                facts(
                    [
                        ("From", stamp(found.get("FirstTime"))),
                        ("To", stamp(found.get("LastTime"))),
                        ("Head", f"{found['Head']['Sequence']:,}" if found.get("Head") else None),
                        ("Its seal", copyable(found["Head"]["Mac"]) if found.get("Head") else None),
                    ]
                ),
                more
                and h.p[h.a(".button", href=url("audit", "verify", page=more))["Look further"]],
                h.p(".muted")[
                    "Keep the head somewhere else: modelyard audit verify then finds a trail that "
                    "was cut off behind it."
                ],
            ),
        ],
    )


ROUTES = (page("audit", show), page("audit/verify", verify))
