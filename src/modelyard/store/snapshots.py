"""Looking: resources as they were read, and the lookups. The contract is in `resources`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from modelyard import clock
from modelyard.store import documents, tables
from modelyard.store.errors import NotFound
from modelyard.store.listing import Listing, Page, page_of
from modelyard.store.prepared import Prepared

Json = Mapping[str, Any]

_resources, _revisions = tables.resources.c, tables.revisions.c
_BY_NAME = Prepared(
    sa.select(tables.resources).where(
        (_resources.account == sa.bindparam("account"))
        & (_resources.region == sa.bindparam("region"))
        & (_resources.kind == sa.bindparam("kind"))
        & (_resources.name == sa.bindparam("name"))
    )
)
_BY_ARN = Prepared(sa.select(tables.resources).where(_resources.arn == sa.bindparam("arn")))
_BY_ID = Prepared(sa.select(tables.resources).where(_resources.id == sa.bindparam("id")))
_TAGS = Prepared(
    sa.select(tables.tags.c.key, tables.tags.c.value)
    .where(tables.tags.c.resource_id == sa.bindparam("id"))
    .order_by(tables.tags.c.key)
)
_TAGS_OF_ALL = (
    sa.select(tables.tags)
    .where(tables.tags.c.resource_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(tables.tags.c.key)
)
_NEWEST_TWO = (
    sa.select(tables.revisions)
    .where((_revisions.arn == sa.bindparam("arn")) & (_revisions.at <= sa.bindparam("moment")))
    .order_by(_revisions.resource_id.desc(), _revisions.revision.desc())
    .limit(2)
)
_FIRST = sa.select(tables.revisions).where(
    (_revisions.resource_id == sa.bindparam("id")) & (_revisions.revision == 1)
)
_DEPTH = sa.select(tables.event_origins.c.depth).where(
    tables.event_origins.c.arn == sa.bindparam("arn")
)


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
        if not documents.storable(scope.account, scope.region, kind, name):
            return None
        return self._one(
            _BY_NAME,
            {"account": scope.account, "region": scope.region, "kind": kind, "name": name},
        )

    def get_by_arn(self, arn: str) -> Resource:
        """Return the resource of any account and region; the caller checks whose it is.

        Raises:
            NotFound: there is none of that ARN.
        """
        found = self.find_by_arn(arn)
        if found is None:
            raise NotFound(f"there is no resource {arn}")
        return found

    def find_by_arn(self, arn: str) -> Resource | None:
        """Return the resource of any account and region, or None; as `get_by_arn`."""
        return self._one(_BY_ARN, {"arn": arn}) if documents.storable(arn) else None

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
        return Page(items=[resource_of(row) for row in rows], token=token)

    def with_status(self, kind: str, *statuses: str) -> Sequence[Resource]:
        """Return all resources of a kind in one of `statuses`, in every account, oldest first."""
        table = tables.resources.c
        rows = self.connection.execute(
            sa.select(tables.resources)
            .where((table.kind == kind) & table.status.in_(statuses))
            .order_by(table.created_at, table.id)
        )
        return [resource_of(row) for row in rows]

    def last_event(self) -> int:
        """Return the number of the newest event; 0: there was none. It only ever grows."""
        newest = self.connection.scalar(
            sa.select(tables.events.c.id).order_by(tables.events.c.id.desc()).limit(1)
        )
        return newest or 0

    def tags(self, resource: Resource) -> dict[str, str]:
        """Return the tags of a resource by key, sorted."""
        rows = _TAGS.all(self.connection, {"id": resource.id})
        return {row.key: row.value for row in rows}

    def tags_of(self, resources: Sequence[Resource]) -> dict[int, dict[str, str]]:
        """Return the tags of several resources, as `tags` does, by their ids; of all in one look.

        One without tags is left out.
        """
        found: dict[int, dict[str, str]] = {}
        for row in self.connection.execute(_TAGS_OF_ALL, {"ids": [one.id for one in resources]}):
            found.setdefault(row.resource_id, {})[row.key] = row.value
        return found

    def history(self, arn: str) -> Sequence[Revision]:
        """Return what a resource, living or deleted, has been; oldest first."""
        table = tables.revisions.c
        rows = self.connection.execute(
            sa.select(tables.revisions)
            .where(table.arn == arn)
            .order_by(table.resource_id, table.revision)
        )
        return [_revision(row) for row in rows]

    def as_of(self, arn: str, moment: datetime) -> Sequence[Revision]:
        """Return the first revision of the resource that `arn` named at a moment, then the one
        before the newest, then the newest; of a resource with fewer, fewer. Empty: none was there.
        """
        until = {"arn": arn, "moment": clock.to_micros(moment)}
        newest = self.connection.execute(_NEWEST_TWO, until).all()
        if not newest:
            return []
        rows = [row for row in newest if row.resource_id == newest[0].resource_id][::-1]
        if rows[0].revision != 1:
            first = self.connection.execute(_FIRST, {"id": rows[0].resource_id}).one_or_none()
            rows = rows if first is None else [first, *rows]
        return [_revision(row) for row in rows]

    def depth_of(self, arn: str) -> int:
        """Return how many rules stand behind the newest change of a resource; see `causes`."""
        return self.connection.scalar(_DEPTH, {"arn": arn}) or 0

    def _one(self, statement: Prepared, where: Mapping[str, object]) -> Resource | None:
        row = statement.one_or_none(self.connection, where)
        return None if row is None else resource_of(row)

    def _is_there(self, resource: Resource) -> bool:
        return self._one(_BY_ID, {"id": resource.id}) is not None


def resource_of(row: sa.Row[Any]) -> Resource:
    """Return the resource that a row of `tables.resources` holds."""
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


def _revision(row: sa.Row[Any]) -> Revision:
    return Revision(
        revision=row.revision,
        status=row.status,
        spec=row.spec,
        observed=row.observed,
        at=clock.from_micros(row.at),
        deleted=row.deleted,
    )
