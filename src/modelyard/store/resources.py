"""Resources: everything a user can name, in one store.

The contract, which `tests/store/contract.py` runs on every database:

**Transactions.** `Store.write()` gives a `Transaction`: all of it happens, or none. There is one at
a time, so whatever it reads stays true until it ends; keep it short, and call nothing in it that
waits. `Store.read()` gives a `Snapshot` that can only look: it sees one moment of the database,
waits for no writer, and none waits for it.

**Identity.** (account, region, kind, name) names at most one resource, and so does an ARN. Of two
creates of one name exactly one succeeds; the other raises `AlreadyExists`.

**Revisions.** Each change adds one to `revision`, and leaves a row of history, also when the
resource is deleted. `update` takes the resource as its caller read it and raises `StaleRevision`
if that is no longer the newest: a worker that was presumed dead can finish nothing.

**Events.** Creating, deleting, and every change of status write one event in the same
transaction, numbered in the order of commits. An event is a hint; the table is the truth.

**Texts and documents.** Texts compare and sort by their bytes. A document comes back as it was
given, down to the order of its keys (a tuple comes back as a list). What one of the databases
could not keep, such as NaN, both refuse with `Unstorable`; nothing is found by such a name.

**Isolation.** Nothing here looks past the account and region it is given. `get_by_arn` is the
exception, and its callers compare the account.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from modelyard import clock
from modelyard.store import documents, event_rows, statements, tables
from modelyard.store.database import Database
from modelyard.store.errors import AlreadyExists, NotFound, StaleRevision
from modelyard.store.search_index import Projection, SearchIndex
from modelyard.store.snapshots import Json, Resource, Revision, Scope, Snapshot, resource_of

__all__ = ["Json", "Resource", "Revision", "Scope", "Snapshot", "Store", "Transaction"]


class Transaction(Snapshot):
    """What can be changed; see the module's contract."""

    def __init__(self, connection: sa.Connection, index: SearchIndex | None = None) -> None:
        super().__init__(connection)
        self.changed_kinds: set[str] = set()  # of the resources that were changed
        self.event_kinds: set[str] = set()  # of those, and of what else, that events tell of
        #: What is called once it has committed; each returns at once and raises nothing.
        self.committed: list[Callable[[], None]] = []
        self._index = (index or SearchIndex()).open(connection)

    def create(
        self,
        scope: Scope,
        kind: str,
        name: str,
        *,
        arn: str,
        spec: Json,
        status: str,
        observed: Json | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Resource:
        """Create a resource with its first revision, its tags and an event.

        Raises:
            AlreadyExists: one of that kind and name exists; the transaction can go on.
            Unstorable: a value cannot be kept; see `documents`.
        """
        _check(scope, kind, name, arn, status=status, spec=spec, observed=observed)
        moment = clock.to_micros(clock.now())
        row = statements.CREATE.one_or_none(
            self.connection,
            {
                "account": scope.account,
                "region": scope.region,
                "kind": kind,
                "name": name,
                "arn": arn,
                "spec": dict(spec),
                "status": status,
                "observed": dict(observed or {}),
                "revision": 1,
                "created_at": moment,
                "modified_at": moment,
            },
        )
        if row is None:
            raise AlreadyExists(f"a {kind} named {name!r} exists already")
        resource = resource_of(row)
        self._index.add(resource)
        if tags:
            self.tag(resource, tags)
        self._record(resource, moment)
        event_rows.forget_origin(self.connection, arn)
        self._emit(resource, moment)
        return resource

    def update(
        self,
        resource: Resource,
        *,
        status: str | None = None,
        spec: Json | None = None,
        observed: Json | None = None,
    ) -> Resource:
        """Change a resource as it was read; what is None stays. `observed` is merged into the old.

        Raises:
            StaleRevision: it was changed, or deleted, since it was read.
            Unstorable: a value cannot be kept; see `documents`.
        """
        _check(
            resource.scope,
            resource.kind,
            resource.name,
            resource.arn,
            status=resource.status if status is None else status,
            spec=spec,
            observed=observed,
        )
        moment = clock.to_micros(clock.now())
        row = statements.UPDATE.one_or_none(
            self.connection,
            {
                **_as_read(resource),
                "new_status": resource.status if status is None else status,
                "new_spec": dict(resource.spec if spec is None else spec),
                "new_observed": {**resource.observed, **(observed or {})},
                "new_revision": resource.revision + 1,
                "new_modified_at": moment,
            },
        )
        if row is None:
            raise StaleRevision(
                f"{resource.arn} is no longer at revision {resource.revision}: read it again"
            )
        changed = resource_of(row)
        self._index.change(resource, changed)
        self._record(changed, moment)
        if changed.status != resource.status:
            self._emit(changed, moment)
        return changed

    def delete(self, resource: Resource) -> None:
        """Delete a resource and its tags; its history stays.

        Raises:
            StaleRevision: it was changed, or deleted, since it was read.
        """
        moment = clock.to_micros(clock.now())
        if statements.DELETE.run(self.connection, _as_read(resource)) != 1:
            raise StaleRevision(
                f"{resource.arn} is no longer at revision {resource.revision}: read it again"
            )
        self._record(resource, moment, deleted=True)
        self._emit(resource, moment, status="Deleted")

    def announce(self, resource: Resource, *, status: str | None = None) -> None:
        """Write an event that no change of status implies, such as a version's approval.

        Args:
            status: what the event calls the resource's status; its own where None.
        """
        self._emit(resource, clock.to_micros(clock.now()), status=status)

    def put_event(self, scope: Scope, kind: str, *, arn: str, status: str, detail: Json) -> None:
        """Write an event that is no resource's, such as one that a user made up.

        Args:
            arn: events of one ARN stay in their order.

        Raises:
            Unstorable: a value cannot be kept; see `documents`.
        """
        _check(scope, kind, "", arn, status=status, spec=None, observed=detail)
        self.event_kinds.add(kind)
        moment = clock.to_micros(clock.now())
        event_rows.write_event(
            self.connection, scope, kind, arn, status=status, detail=detail, moment=moment
        )

    def tag(self, resource: Resource, added: Mapping[str, str]) -> None:
        """Add tags, or replace the values of those that are there.

        Raises:
            NotFound: the resource was deleted.
            Unstorable: a key or a value cannot be kept.
        """
        documents.check(
            {f"tag key {key!r}": (key, tables.TAG_KEY_BYTES) for key in added}
            | {
                f"value of tag {key!r}": (value, tables.TAG_VALUE_BYTES)
                for key, value in added.items()
            },
            {},
        )
        if not self._is_there(resource):
            raise NotFound(f"{resource.arn} was deleted")
        if not added:
            return
        statements.TAG.run_for_each(
            self.connection,
            [
                {"resource_id": resource.id, "key": key, "value": value}
                for key, value in added.items()
            ],
        )
        self._index.tag(resource, added)

    def untag(self, resource: Resource, keys: Sequence[str]) -> None:
        """Remove tags; keys that are not there are passed over."""
        there = [key for key in keys if documents.storable(key)]
        self.connection.execute(
            sa.delete(tables.tags).where(
                (tables.tags.c.resource_id == resource.id) & tables.tags.c.key.in_(there)
            )
        )
        self._index.untag(resource, there)

    def next_number(self, scope: Scope, sequence: str) -> int:
        """Return the next number of a sequence, from 1 on: without gaps, and never one twice.

        A transaction that is rolled back gives its number back.

        Raises:
            Unstorable: the sequence's name cannot be kept.
        """
        documents.check({"sequence": (sequence, tables.SEQUENCE_BYTES)}, {})
        first = {"account": scope.account, "region": scope.region, "name": sequence, "last": 1}
        number: int = statements.NUMBER.all(self.connection, first)[0].last
        return number

    def unindexed(self) -> int:
        """Index some of the searchable resources that are not indexed; return how many."""
        found = self._index.missing()
        for resource in found:
            self._index.add(resource)
            tags = self.tags(resource)
            if tags:
                self._index.tag(resource, tags)
        return len(found)

    def keep_paths(self) -> None:
        """Let the next transactions know the fields that this one, now committed, made."""
        self._index.keep()

    def _record(self, resource: Resource, moment: int, *, deleted: bool = False) -> None:
        self.changed_kinds.add(resource.kind)
        statements.RECORD.run(
            self.connection,
            {
                "resource_id": resource.id,
                "revision": resource.revision + int(deleted),
                "arn": resource.arn,
                "status": resource.status,
                "spec": resource.spec,
                "observed": resource.observed,
                "at": moment,
                "deleted": deleted,
            },
        )

    def _emit(self, resource: Resource, moment: int, *, status: str | None = None) -> None:
        self.event_kinds.add(resource.kind)
        event_rows.mark_origin(self.connection, resource.arn, moment)
        event_rows.write_event(
            self.connection,
            resource.scope,
            resource.kind,
            resource.arn,
            status=status or resource.status,
            detail=resource.observed,
            moment=moment,
        )


class Store:
    """The way to the resources of one database. Safe to use from any thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._listeners: list[tuple[Callable[[], None], Collection[str] | None]] = []
        self._watchers: list[tuple[Callable[[], None], Collection[str]]] = []
        self._index = SearchIndex()

    def make_searchable(self, kind: str, project: Projection) -> None:
        """Let resources of `kind` be found by what `project` makes of them; see `search_index`.

        Call it ahead of the first change of one; `index_missing` then finds the older ones.
        """
        self._index.projections[kind] = project

    def index_missing(self) -> int:
        """Index the searchable resources that are not yet, and return how many there were.

        Raises:
            StoreError: the database cannot be written now.
        """
        count = 0
        while True:
            with self.write() as transaction:
                found = transaction.unindexed()
            if not found:
                return count
            count += found

    def on_event(
        self, listener: Callable[[], None], *, kinds: Collection[str] | None = None
    ) -> None:
        """Call `listener` after each commit that wrote events, in the thread that wrote them.

        It must return at once and raise nothing.

        Args:
            kinds: of the resources whose events count; None: all.
        """
        self._listeners.append((listener, kinds))

    def on_change(self, listener: Callable[[], None], *, kinds: Collection[str]) -> None:
        """Call `listener` after each commit that changed a resource of `kinds`, also by no event.

        It is called in the thread that wrote; it must return at once and raise nothing.
        """
        self._watchers.append((listener, kinds))

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """Look, in one consistent snapshot.

        Raises:
            StoreError: the database cannot be read now.
        """
        with self.database.read() as connection:
            yield Snapshot(connection)

    @contextmanager
    def write(self, *, lazily: bool = False) -> Iterator[Transaction]:
        """Change, all or nothing: an exception rolls everything back.

        Args:
            lazily: a power cut may undo it; see `database`.

        Raises:
            StorageFull: the database's disk is full or read-only.
            StoreError: the database cannot be written now.
        """
        with self.database.write(lazily=lazily) as connection:
            transaction = Transaction(connection, self._index)
            yield transaction
        transaction.keep_paths()
        self._tell(transaction)

    def _tell(self, transaction: Transaction) -> None:
        """Call whoever waits for what a transaction, now committed, has done."""
        for listener, watched in self._watchers:
            if not transaction.changed_kinds.isdisjoint(watched):
                listener()
        for listener in transaction.committed:
            listener()
        happened = transaction.event_kinds
        for listener, kinds in self._listeners:
            if happened and (kinds is None or not happened.isdisjoint(kinds)):
                listener()


def _as_read(resource: Resource) -> dict[str, int]:
    return {"read_id": resource.id, "read_revision": resource.revision}


def _check(
    scope: Scope,
    kind: str,
    name: str,
    arn: str,
    *,
    status: str,
    spec: Json | None,
    observed: Json | None,
) -> None:
    documents.check(
        {
            "account": (scope.account, tables.ACCOUNT_BYTES),
            "region": (scope.region, tables.REGION_BYTES),
            "kind": (kind, tables.KIND_BYTES),
            "name": (name, tables.NAME_BYTES),
            "ARN": (arn, tables.ARN_BYTES),
            "status": (status, tables.STATUS_BYTES),
        },
        {
            "spec": None if spec is None else dict(spec),
            "observed": None if observed is None else dict(observed),
        },
    )
