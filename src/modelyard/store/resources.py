"""Resources: everything a user can name, in one store.

The contract, which `tests/store/contract.py` runs on every database:

**Transactions.** `Store.write()` gives a `Transaction`: all of it happens, or none. Writers are
serialised (SQLite takes its write lock at the beginning; PostgreSQL locks the rows that it
changes), so a transaction that reads a resource with `get` and updates it loses no other writer's
change. `Store.read()` gives a `Snapshot` that can only look.

**Identity.** (account, region, kind, name) names at most one resource, and so does an ARN. Of two
creates of one name exactly one succeeds; the other raises `AlreadyExists`.

**Revisions.** Each change adds one to `revision`, and leaves a row of history, also when the
resource is deleted. `update` takes the resource as its caller read it and raises `StaleRevision`
if that is no longer the newest: a worker that was presumed dead can finish nothing.

**Events.** Creating, deleting, and every change of status write one event in the same
transaction. An event is a hint; the table is the truth.

**Isolation.** Nothing here looks past the account and region it is given. `get_by_arn` is the
exception, and its callers compare the account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from modelyard import clock
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.errors import AlreadyExists, NotFound, StaleRevision
from modelyard.store.listing import Listing, Page, page_of

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where a resource lives: nothing is visible across accounts or regions."""

    account: str  # 12 digits
    region: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as it was read; changing it means `Transaction.update`."""

    id: int
    scope: Scope
    kind: str  # "training-job", "endpoint": the ARN's word for it
    name: str
    arn: str
    spec: Json  # as the caller gave it
    status: str
    observed: Json  # what Modelyard found out or did
    revision: int
    created_at: datetime
    modified_at: datetime


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One row of a resource's history."""

    revision: int
    status: str
    spec: Json
    observed: Json
    at: datetime
    deleted: bool


class Snapshot:
    """What can be looked up, over one database connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def get(self, scope: Scope, kind: str, name: str) -> Resource:
        """Return the resource.

        Raises:
            NotFound: there is none of that name.
        """
        found = self.find(scope, kind, name)
        if found is None:
            raise NotFound(f"there is no {kind} named {name!r}")
        return found

    def find(self, scope: Scope, kind: str, name: str) -> Resource | None:
        """Return the resource, or None."""
        table = tables.resources.c
        return self._one(
            (table.account == scope.account)
            & (table.region == scope.region)
            & (table.kind == kind)
            & (table.name == name)
        )

    def get_by_arn(self, arn: str) -> Resource:
        """Return the resource of any account and region; the caller checks whose it is.

        Raises:
            NotFound: there is none of that ARN.
        """
        found = self._one(tables.resources.c.arn == arn)
        if found is None:
            raise NotFound(f"there is no resource {arn}")
        return found

    def list(self, scope: Scope, kind: str, listing: Listing) -> Page[Resource]:
        """Return one page of the resources of a kind, filtered and sorted.

        Raises:
            BadPageToken: `listing.token` is not one that this listing gave.
        """
        table = tables.resources.c
        own = (
            (table.account == scope.account) & (table.region == scope.region) & (table.kind == kind)
        )
        rows, token = page_of(self.connection, own, listing)
        return Page(items=[_resource(row) for row in rows], token=token)

    def with_status(self, kind: str, *statuses: str) -> list[Resource]:
        """Return all resources of a kind in one of `statuses`, in every account, oldest first."""
        table = tables.resources.c
        rows = self.connection.execute(
            sa.select(tables.resources)
            .where((table.kind == kind) & table.status.in_(statuses))
            .order_by(table.created_at, table.id)
        )
        return [_resource(row) for row in rows]

    def tags(self, resource: Resource) -> dict[str, str]:
        """Return the tags of a resource by key, sorted."""
        rows = self.connection.execute(
            sa.select(tables.tags.c.key, tables.tags.c.value)
            .where(tables.tags.c.resource_id == resource.id)
            .order_by(tables.tags.c.key)
        )
        return {key: value for key, value in rows}

    def history(self, arn: str) -> list[Revision]:
        """Return what a resource, living or deleted, has been; oldest first."""
        table = tables.revisions.c
        rows = self.connection.execute(
            sa.select(tables.revisions)
            .where(table.arn == arn)
            .order_by(table.resource_id, table.revision)
        )
        return [
            Revision(
                revision=row.revision,
                status=row.status,
                spec=row.spec,
                observed=row.observed,
                at=clock.from_micros(row.at),
                deleted=row.deleted,
            )
            for row in rows
        ]

    def _one(self, condition: sa.ColumnElement[bool]) -> Resource | None:
        row = self.connection.execute(sa.select(tables.resources).where(condition)).one_or_none()
        return None if row is None else _resource(row)


class Transaction(Snapshot):
    """What can be changed; see the module's contract."""

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
            AlreadyExists: one of that kind and name exists.
        """
        moment = clock.to_micros(clock.now())
        try:
            with self.connection.begin_nested():
                row = self.connection.execute(
                    sa.insert(tables.resources)
                    .values(
                        account=scope.account,
                        region=scope.region,
                        kind=kind,
                        name=name,
                        arn=arn,
                        spec=dict(spec),
                        status=status,
                        observed=dict(observed or {}),
                        revision=1,
                        created_at=moment,
                        modified_at=moment,
                    )
                    .returning(tables.resources)
                ).one()
        except IntegrityError as error:
            raise AlreadyExists(f"a {kind} named {name!r} exists already") from error
        resource = _resource(row)
        if tags:
            self.tag(resource, tags)
        self._record(resource, moment)
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
        """
        moment = clock.to_micros(clock.now())
        row = self.connection.execute(
            sa.update(tables.resources)
            .where(
                (tables.resources.c.id == resource.id)
                & (tables.resources.c.revision == resource.revision)
            )
            .values(
                status=resource.status if status is None else status,
                spec=dict(resource.spec if spec is None else spec),
                observed={**resource.observed, **(observed or {})},
                revision=resource.revision + 1,
                modified_at=moment,
            )
            .returning(tables.resources)
        ).one_or_none()
        if row is None:
            raise StaleRevision(
                f"{resource.arn} is no longer at revision {resource.revision}: read it again"
            )
        changed = _resource(row)
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
        gone = self.connection.execute(
            sa.delete(tables.resources).where(
                (tables.resources.c.id == resource.id)
                & (tables.resources.c.revision == resource.revision)
            )
        )
        if gone.rowcount != 1:
            raise StaleRevision(
                f"{resource.arn} is no longer at revision {resource.revision}: read it again"
            )
        self._record(resource, moment, deleted=True)
        self._emit(resource, moment, status="Deleted")

    def tag(self, resource: Resource, added: Mapping[str, str]) -> None:
        """Add tags, or replace the values of those that are there."""
        self.untag(resource, list(added))
        self.connection.execute(
            sa.insert(tables.tags),
            [
                {"resource_id": resource.id, "key": key, "value": value}
                for key, value in added.items()
            ],
        )

    def untag(self, resource: Resource, keys: list[str]) -> None:
        """Remove tags; keys that are not there are passed over."""
        self.connection.execute(
            sa.delete(tables.tags).where(
                (tables.tags.c.resource_id == resource.id) & tables.tags.c.key.in_(keys)
            )
        )

    def _record(self, resource: Resource, moment: int, *, deleted: bool = False) -> None:
        self.connection.execute(
            sa.insert(tables.revisions).values(
                resource_id=resource.id,
                revision=resource.revision + int(deleted),
                arn=resource.arn,
                status=resource.status,
                spec=dict(resource.spec),
                observed=dict(resource.observed),
                at=moment,
                deleted=deleted,
            )
        )

    def _emit(self, resource: Resource, moment: int, *, status: str | None = None) -> None:
        self.connection.execute(
            sa.insert(tables.events).values(
                account=resource.scope.account,
                region=resource.scope.region,
                kind=resource.kind,
                arn=resource.arn,
                status=status or resource.status,
                detail=dict(resource.observed),
                at=moment,
            )
        )


class Store:
    """The way to the resources of one database. Safe to use from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """Look, in one consistent snapshot."""
        with self._database.read() as connection:
            yield Snapshot(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Change, all or nothing: an exception rolls everything back.

        Raises:
            StorageFull: the database's disk is full or read-only.
        """
        with self._database.write() as connection:
            yield Transaction(connection)


def _resource(row: sa.Row[Any]) -> Resource:
    return Resource(
        id=row.id,
        scope=Scope(account=row.account, region=row.region),
        kind=row.kind,
        name=row.name,
        arn=row.arn,
        spec=row.spec,
        status=row.status,
        observed=row.observed,
        revision=row.revision,
        created_at=clock.from_micros(row.created_at),
        modified_at=clock.from_micros(row.modified_at),
    )
