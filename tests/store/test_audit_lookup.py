"""Looking up: every filter against a plain list, page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modelyard.store.audit import AuditTrail
from modelyard.store.audit_chain import Entry, Record
from modelyard.store.audit_lookup import Lookup, look_up
from modelyard.store.database import Database
from modelyard.store.errors import BadPageToken
from tests.store.audits import ENTRY, SEALS, entry

MODEL = "arn:aws:sagemaker:us-east-1:123456789012:model/"
ENTRIES = [
    entry(
        number // 2,  # two at a time at each moment
        request_id=f"r-{number}",
        account=("123456789012", "234567890123")[number % 2],
        principal=f"p-{number % 3}",
        person=f"h-{number % 5}",
        action=("sagemaker:CreateModel", "sagemaker:CreateEndpoint", "s3:PutObject")[number % 3],
        resource=f"{MODEL}{'ab'[number % 2]}-{number}",
        allowed=number % 4 != 0,
    )
    for number in range(60)
]


@pytest.fixture
def trail(database: Database) -> AuditTrail:
    made = AuditTrail(database, SEALS)
    made.write(ENTRIES)
    return made


def found(trail: AuditTrail, **asked: Any) -> list[Record]:
    """Return all that is found, from pages of seven."""
    records: list[Record] = []
    lookup = Lookup(limit=7, **asked)
    while True:
        with trail.database.read() as connection:
            page = look_up(connection, lookup)
        assert len(page.items) <= 7
        records += page.items
        if page.token is None:
            return records
        lookup = replace(lookup, token=page.token)


MOMENT = ENTRY.at + 10 * 1_000_000
FILTERS: dict[str, tuple[dict[str, Any], Callable[[Entry], bool]]] = {
    "nothing": ({}, lambda _: True),
    "account": ({"account": "234567890123"}, lambda e: e.account == "234567890123"),
    "principal": ({"principal": "p-1"}, lambda e: e.principal == "p-1"),
    "person": ({"person": "h-2"}, lambda e: e.person == "h-2"),
    "action": ({"action": "s3:PutObject"}, lambda e: e.action == "s3:PutObject"),
    "actions": ({"action": "sagemaker:Create*"}, lambda e: e.action.startswith("sagemaker:C")),
    "middle": ({"action": "*:*Model"}, lambda e: e.action.endswith("Model")),
    "no-action": ({"action": "sagemaker:?reate*"}, lambda _: False),
    "prefix": ({"resource_prefix": f"{MODEL}a"}, lambda e: e.resource.startswith(f"{MODEL}a")),
    "letters": ({"resource_prefix": f"{MODEL}_"}, lambda _: False),
    "denied": ({"allowed": False}, lambda e: not e.allowed),
    "allowed": ({"allowed": True}, lambda e: e.allowed),
    "request": ({"request_id": "r-3"}, lambda e: e.request_id == "r-3"),
    "from": ({"from_at": MOMENT}, lambda e: e.at >= MOMENT),
    "to": ({"to_at": MOMENT}, lambda e: e.at < MOMENT),
    "several": (
        {"principal": "p-0", "allowed": False, "resource_prefix": MODEL, "action": "sage*"},
        lambda e: e.principal == "p-0" and not e.allowed,
    ),
    "unstorable": ({"principal": "a\0b"}, lambda _: False),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_finds_what_it_says_newest_first(trail: AuditTrail, name: str) -> None:
    asked, fits = FILTERS[name]
    expected = [e for e in reversed(ENTRIES) if fits(e)]
    assert [record.entry for record in found(trail, **asked)] == expected


def test_what_came_after_a_record_is_found_oldest_first(trail: AuditTrail) -> None:
    numbers = [record.sequence for record in found(trail, after=40, principal="p-1")]
    assert numbers == [n for n in range(41, 61) if (n - 1) % 3 == 1]


def test_records_that_come_while_paging_move_nothing(trail: AuditTrail) -> None:
    with trail.database.read() as connection:
        first = look_up(connection, Lookup(limit=10))
    trail.write([entry(100)])
    with trail.database.read() as connection:
        second = look_up(connection, Lookup(limit=10, token=first.token))
    assert [record.sequence for record in second.items] == list(range(50, 40, -1))


@pytest.mark.parametrize("token", ["", "x", "W10=", "WzEsMiwzXQ=="])
def test_a_token_that_was_not_given_is_refused(trail: AuditTrail, token: str) -> None:
    with trail.database.read() as connection, pytest.raises(BadPageToken):
        look_up(connection, Lookup(token=token))


def test_a_token_of_another_lookup_is_refused(trail: AuditTrail) -> None:
    with trail.database.read() as connection:
        token = look_up(connection, Lookup(limit=5, allowed=True)).token
        with pytest.raises(BadPageToken, match="other filters"):
            look_up(connection, Lookup(limit=5, allowed=False, token=token))


def test_every_filter_alone_walks_an_index(sqlite: Database) -> None:
    AuditTrail(sqlite, SEALS).write(ENTRIES)
    for column in ("account", "principal", "person", "action", "allowed"):
        query = f"SELECT * FROM audit_records WHERE {column} = ? ORDER BY at DESC, sequence DESC"
        with sqlite.read() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("x",)).all()
        told = " ".join(str(row) for row in plan)
        assert "USING INDEX audit_records_by_" in told
        assert "TEMP B-TREE" not in told
