from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.errors import BadPageToken
from modelyard.store.listing import SORT_COLUMNS, Listing, page_of
from modelyard.store.resources import Store
from tests.store.contract import HOME, created, page


def token_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


MARK = Listing().fingerprint()
NAMED = Listing(sort_by="Name").fingerprint()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not base64 !",
        "é",
        "\ud800",
        token_of(5),
        token_of([]),
        token_of({}),
        token_of([MARK, 1]),
        token_of([MARK, 1, 2, 3]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(BadPageToken, match="not one that this server gave"):
        Listing(token=token).check_token()


@pytest.mark.parametrize(
    "listing",
    [
        Listing(token=token_of(["0" * 16, 1, 1])),
        Listing(token=token_of([MARK, "1", 1])),
        Listing(token=token_of([MARK, 1.0, 1])),
        Listing(token=token_of([MARK, True, 1])),
        Listing(token=token_of([MARK, 1, None])),
        Listing(token=token_of([MARK, 2**63, 1])),
        Listing(token=token_of([MARK, 1, -1])),
        Listing(token=token_of([NAMED, 1, 1]), sort_by="Name"),
        Listing(token=token_of([NAMED, "nul\0", 1]), sort_by="Name"),
    ],
)
def test_a_token_that_was_tampered_with_is_refused(listing: Listing) -> None:
    with pytest.raises(BadPageToken, match="other filters or another order"):
        listing.check_token()


@given(st.text())
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(BadPageToken):
        Listing(token=text).check_token()


def test_a_listing_without_a_token_needs_none() -> None:
    Listing().check_token()


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": -1},
        {"sort_by": "Colour"},
        {"created_before": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is tested
    ],
)
def test_a_listing_that_means_nothing_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"limit is at least 1|is not one of|is naive"):
        Listing(**asked)


def test_a_token_tells_nothing_of_another_account(database: Database) -> None:
    """A token is a place in an order; whose rows are shown is decided anew on each page."""
    store = Store(database)
    created(store, "a", "b")
    token = page(store, limit=1).token
    assert page(store, kind="other", token=token).items == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort_by", [name for name in SORT_COLUMNS if name != "Status"])
def test_a_page_is_found_by_an_index_and_not_by_sorting(
    sqlite: Database, sort_by: str, descending: bool
) -> None:
    created(Store(sqlite), "a", "b", "c")
    listing = Listing(sort_by=sort_by, descending=descending, limit=1)
    table = tables.resources.c
    own = (table.account == HOME.account) & (table.region == HOME.region) & (table.kind == "job")
    plans: list[str] = []

    def explain(
        connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, *_rest: Any
    ) -> None:
        if statement.startswith("SELECT"):
            rows = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(row[3] for row in rows))

    sa.event.listen(sqlite.engine, "before_cursor_execute", explain)
    with sqlite.read() as connection:
        _, token = page_of(connection, own, listing)
        second = Listing(sort_by=sort_by, descending=descending, limit=1, token=token)
        page_of(connection, own, second)
    assert len(plans) == 2
    for plan in plans:
        assert "USING INDEX" in plan
        assert "TEMP B-TREE" not in plan
    assert plans[1].count(">") + plans[1].count("<") >= 1  # it starts behind the last row
