"""What lists promise while rows come and go, and that a store is what a dictionary would be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.errors import AlreadyExists, StaleRevision
from modelyard.store.listing import SORT_COLUMNS
from modelyard.store.resources import Resource, Store
from tests.store.contract import HOME, all_names, create, created, events, page

NAMES = st.text("aAbB-é%_", min_size=1, max_size=3)
STATUSES = st.sampled_from(["Pending", "InProgress", "Done"])
KEYS = st.sampled_from(["x", "y", "z"])


def emptied(database: Database) -> Store:
    with database.write() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(sa.delete(table))
    return Store(database)


@given(data=st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_never_repeat_or_skip_a_row_that_stayed(
    database: Database, data: st.DataObject
) -> None:
    store = emptied(database)
    first = data.draw(st.lists(NAMES, unique=True, max_size=12), label="at first")
    created(store, *first)
    order: dict[str, Any] = {
        "sort_by": data.draw(st.sampled_from(["Name", "CreationTime", "LastModifiedTime"])),
        "descending": data.draw(st.booleans()),
    }
    stayed = set(first)
    seen: list[str] = []
    token = None
    while True:
        one = page(store, token=token, limit=data.draw(st.integers(1, 4), label="limit"), **order)
        seen += [item.name for item in one.items]
        token = one.token
        if token is None:
            break
        with store.write() as transaction:
            for name in data.draw(st.lists(NAMES, unique=True, max_size=3), label="now"):
                found = transaction.find(HOME, "job", name)
                if found is None:
                    create(transaction, name)
                else:
                    transaction.delete(found)
                    stayed.discard(name)
    assert [seen.count(name) for name in sorted(stayed)] == [1] * len(stayed)


@dataclass
class Model:
    """What a dictionary keeps of one resource."""

    status: str
    spec: dict[str, Any]
    observed: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    history: list[tuple[int, str, bool]] = field(default_factory=list)


class StoreAsDictionary(RuleBasedStateMachine):
    """Whatever is done, in whatever order, the store holds what a dictionary would hold."""

    store: Store
    read = Bundle("resources as they were read")

    @initialize()
    def empty(self) -> None:
        self.store = emptied(self.store.database)
        self.model: dict[str, Model] = {}
        self.events: list[tuple[str, str]] = []

    @rule(target=read, name=NAMES, status=STATUSES, tags=st.dictionaries(KEYS, NAMES))
    def create(self, name: str, status: str, tags: dict[str, str]) -> Any:
        with self.store.write() as transaction:
            try:
                made = create(transaction, name, status=status, spec={"n": name}, tags=tags)
            except AlreadyExists:
                assert name in self.model
                return multiple()
        assert name not in self.model
        self.model[name] = Model(status, {"n": name}, tags=dict(tags), history=[(1, status, False)])
        self.events.append((name, status))
        return made

    @rule(
        target=read,
        resource=read,
        status=st.none() | STATUSES,
        observed=st.none() | st.dictionaries(KEYS, st.integers()),
    )
    def update(
        self, resource: Resource, status: str | None, observed: dict[str, int] | None
    ) -> Any:
        known = self._current(resource)
        with self.store.write() as transaction:
            try:
                changed = transaction.update(resource, status=status, observed=observed)
            except StaleRevision:
                assert known is None
                return multiple()
        assert known is not None
        if status is not None and status != known.status:
            self.events.append((resource.name, status))
        known.status = status or known.status
        known.observed |= observed or {}
        known.history.append((changed.revision, known.status, False))
        return changed

    @rule(resource=consumes(read))
    def delete(self, resource: Resource) -> None:
        known = self._current(resource)
        with self.store.write() as transaction:
            try:
                transaction.delete(resource)
            except StaleRevision:
                assert known is None
                return
        assert known is not None
        del self.model[resource.name]
        self.events.append((resource.name, "Deleted"))

    @rule(resource=read, added=st.dictionaries(KEYS, NAMES), removed=st.lists(KEYS))
    def tag(self, resource: Resource, added: dict[str, str], removed: list[str]) -> None:
        with self.store.write() as transaction:
            there = transaction.find(HOME, "job", resource.name)
            if there is None or there.id != resource.id:
                return
            transaction.tag(resource, added)
            transaction.untag(resource, removed)
        known = self.model[resource.name]
        known.tags |= added
        for key in removed:
            known.tags.pop(key, None)

    @rule(limit=st.integers(1, 5), sort_by=st.sampled_from(sorted(SORT_COLUMNS)))
    def list_all(self, limit: int, sort_by: str) -> None:
        assert sorted(all_names(self.store, limit=limit, sort_by=sort_by)) == sorted(self.model)

    @rule(part=NAMES, status=st.none() | STATUSES)
    def list_some(self, part: str, status: str | None) -> None:
        found = all_names(
            self.store, sort_by="Name", name_contains=part, status_equals=status, limit=2
        )
        assert found == sorted(
            name
            for name, known in self.model.items()
            if part in name and status in (None, known.status)
        )

    def teardown(self) -> None:
        with self.store.read() as snapshot:
            for name, known in self.model.items():
                found = snapshot.get(HOME, "job", name)
                assert (found.status, found.spec, found.observed) == (
                    known.status,
                    known.spec,
                    known.observed,
                )
                assert snapshot.tags(found) == known.tags
                history = [
                    (row.revision, row.status, row.deleted) for row in snapshot.history(found.arn)
                ]
                assert history[-len(known.history) :] == known.history
        assert events(self.store) == getattr(self, "events", [])

    def _current(self, resource: Resource) -> Model | None:
        """Return the model of a resource if it is still what it was when it was read."""
        with self.store.read() as snapshot:
            found = snapshot.find(HOME, "job", resource.name)
        return self.model[resource.name] if found == resource else None


def test_a_store_holds_what_a_dictionary_would_hold(database: Database) -> None:
    class OnThisDatabase(StoreAsDictionary):
        def __init__(self) -> None:
            super().__init__()
            self.store = Store(database)

    run_state_machine_as_test(
        OnThisDatabase, settings=settings(max_examples=15, stateful_step_count=25, deadline=None)
    )
