"""The index that searches use: every field of every searchable resource, in the same transaction.

A kind becomes searchable by a projection: a function from the resource to the document that a
search result shows. The document's scalars are kept one row each under their path
(`InferenceSpecification.Containers.Image`), with the place in the lists that were passed on the
way. Tags are kept as `Tags.<key>`. What reads as a number is kept as one too, and a time as seconds
since the epoch, so that both compare as what they are.

Caps: a text is kept up to 2,000 bytes, and of a resource at most 2,000 fields; both far above what
a registered model has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from modelyard.store import tables
from modelyard.store.dialects import insert_into
from modelyard.store.prepared import Prepared
from modelyard.store.snapshots import Resource, Scope, resource_of

Projection = Callable[[Resource], Mapping[str, Any]]

#: (path, item) -> (text, number)
Fields = dict[tuple[str, str], tuple[str, float | None]]

MAX_FIELDS = 2000
_SHORT = tables.SEARCH_PATH_BYTES // 4
TAGS = "Tags"
_MAX_PATHS_KEPT = 50_000
_MISSING_AT_ONCE = 500
#: What reads as a number and would be written as one: no leading zeros, as identifiers have them.
_NUMBER = re.compile(
    r"[+-]?((0|[1-9]\d{0,14})(\.\d{1,17})?|\.\d{1,17})([eE][+-]?\d{1,3})?", re.ASCII
)
#: The path under which every searchable resource is.
ALL = ""

_paths, _values = tables.search_paths.c, tables.search_values.c
_NAMED = (
    (_paths.account == sa.bindparam("account"))
    & (_paths.region == sa.bindparam("region"))
    & (_paths.kind == sa.bindparam("kind"))
    & (_paths.path == sa.bindparam("path"))
)
_ID = sa.select(_paths.id).where(_NAMED)
_PATH = Prepared(_ID)
_WITH_TEXT = Prepared(
    sa.select(tables.resources)
    .join(tables.search_values, _values.resource_id == tables.resources.c.id)
    .where((_values.path_id == _ID.scalar_subquery()) & (_values.text == sa.bindparam("text")))
)
_INSERT = Prepared(sa.insert(tables.search_values))
_DELETE = Prepared(
    sa.delete(tables.search_values).where(
        (_values.resource_id == sa.bindparam("gone_of"))
        & (_values.path_id == sa.bindparam("gone_path"))
        & (_values.item == sa.bindparam("gone_item"))
    )
)


@dataclass(kw_only=True)
class SearchIndex:
    """What is searchable, and the ids of the paths that are known to be committed."""

    projections: dict[str, Projection] = field(default_factory=dict)
    paths: dict[tuple[str, str, str, str], int] = field(default_factory=dict)

    def open(self, connection: sa.Connection) -> IndexWriter:
        """Return what keeps the index within one transaction."""
        return IndexWriter(self, connection)


class IndexWriter:
    """Keeps the index in step with the resources, over one transaction's connection."""

    def __init__(self, index: SearchIndex, connection: sa.Connection) -> None:
        self._index = index
        self._connection = connection
        self._new: dict[tuple[str, str, str, str], int] = {}

    def add(self, resource: Resource) -> None:
        """Index a resource that is new."""
        self._insert(resource, self._fields(resource))

    def change(self, before: Resource, after: Resource) -> None:
        """Index what is different in a resource."""
        old, new = self._fields(before), self._fields(after)
        if old == new:
            return
        gone = [key for key, value in old.items() if new.get(key) != value]
        self._delete(after, gone)
        self._insert(after, {key: value for key, value in new.items() if old.get(key) != value})

    def tag(self, resource: Resource, added: Mapping[str, str]) -> None:
        """Index tags that were added, or have got other values."""
        if resource.kind in self._index.projections:
            self._delete(resource, [(f"{TAGS}.{key}", "") for key in added])
            fields = {(f"{TAGS}.{key}", ""): indexed(value) for key, value in added.items()}
            self._insert(resource, fields)

    def untag(self, resource: Resource, keys: Sequence[str]) -> None:
        """Forget tags."""
        if resource.kind in self._index.projections:
            self._delete(resource, [(f"{TAGS}.{key}", "") for key in keys])

    def missing(self) -> list[Resource]:
        """Return some of the searchable resources of which nothing is indexed."""
        if not self._index.projections:
            return []
        values = tables.search_values.c
        rows = self._connection.execute(
            sa.select(tables.resources)
            .where(
                tables.resources.c.kind.in_(self._index.projections)
                & ~sa.exists().where(values.resource_id == tables.resources.c.id)
            )
            .limit(_MISSING_AT_ONCE)
        )
        return [resource_of(row) for row in rows]

    def keep(self) -> None:
        """Let other transactions use the path ids that this one, now committed, has made."""
        if len(self._index.paths) > _MAX_PATHS_KEPT:
            self._index.paths.clear()
        self._index.paths.update(self._new)

    def _fields(self, resource: Resource) -> Fields:
        project = self._index.projections.get(resource.kind)
        return {} if project is None else {(ALL, ""): ("", None), **fields_of(project(resource))}

    def _insert(self, resource: Resource, fields: Fields) -> None:
        if not fields:
            return
        _INSERT.run_for_each(
            self._connection,
            [
                {
                    "resource_id": resource.id,
                    "path_id": self._path_id(resource, path),
                    "item": item,
                    "text": text,
                    "number": number,
                }
                for (path, item), (text, number) in fields.items()
            ],
        )

    def _delete(self, resource: Resource, keys: Sequence[tuple[str, str]]) -> None:
        if not keys:
            return
        _DELETE.run_for_each(
            self._connection,
            [
                {
                    "gone_of": resource.id,
                    "gone_path": self._path_id(resource, path),
                    "gone_item": item,
                }
                for path, item in keys
            ],
        )

    def _path_id(self, resource: Resource, path: str) -> int:
        key = (resource.scope.account, resource.scope.region, resource.kind, path)
        known = self._index.paths.get(key) or self._new.get(key)
        if known is None:
            known = self._new[key] = self._make_path(key)
        return known

    def _make_path(self, key: tuple[str, str, str, str]) -> int:
        found = find_path(self._connection, *key)
        if found is not None:
            return found
        table = tables.search_paths
        account, region, kind, path = key
        made: int = self._connection.execute(
            insert_into(self._connection, table)
            .values(account=account, region=region, kind=kind, path=path)
            .returning(table.c.id)
        ).scalar_one()
        return made


def find_path(
    connection: sa.Connection, account: str, region: str, kind: str, path: str
) -> int | None:
    """Return the id of a path, None where no resource ever had the field."""
    where = {"account": account, "region": region, "kind": kind, "path": path}
    row = _PATH.one_or_none(connection, where)
    return None if row is None else row.id


def with_text(
    connection: sa.Connection, scope: Scope, kind: str, path: str, text: str
) -> Sequence[Resource]:
    """Return the searchable resources that have a text in a field; what is longer than is kept is
    compared as far as it is."""
    where = {
        "account": scope.account,
        "region": scope.region,
        "kind": kind,
        "path": path,
        "text": cut(text),
    }
    return [resource_of(row) for row in _WITH_TEXT.all(connection, where)]


def fields_of(document: Mapping[str, Any]) -> Fields:
    """Return a document's scalars by (path, place in its lists); nulls are left out."""
    fields: Fields = {}
    for path, item, value in _scalars(document, "", ""):
        fits = len(path) <= _SHORT or len(path.encode()) <= tables.SEARCH_PATH_BYTES
        if fits and len(item) <= tables.SEARCH_ITEM_BYTES:
            fields[path, item] = indexed(value)
        if len(fields) == MAX_FIELDS:
            break
    return fields


def indexed(value: str | float | datetime) -> tuple[str, float | None]:
    """Return how a scalar is kept: as a text, and as a number if it is, or reads as, one."""
    if isinstance(value, str):
        return cut(value), number_of(value)
    if isinstance(value, bool):
        return str(value).lower(), None
    if isinstance(value, datetime):
        return value.isoformat(), value.timestamp()
    if isinstance(value, int | float):
        return _shown(value), _finite(float(value))
    raise TypeError(f"{type(value).__name__} is no scalar of a document")


def number_of(text: str) -> float | None:
    """Return the number that a text reads as, None if it is none."""
    if _NUMBER.fullmatch(text) is None:
        return None
    return _finite(float(text))


def cut(text: str) -> str:
    """Return what is kept of a text: its first 2,000 bytes, in whole characters."""
    if len(text) * 4 <= tables.SEARCH_TEXT_BYTES:
        return text
    return text.encode()[: tables.SEARCH_TEXT_BYTES].decode(errors="ignore")


def _shown(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _scalars(value: Any, path: str, item: str) -> Iterator[tuple[str, str, Any]]:
    # Whether something is a Mapping takes a while to tell; a dict is told at once, as is a text.
    if isinstance(value, dict | Mapping):
        for key, member in value.items():
            below = f"{path}.{key}" if path else str(key)
            if type(member) is str and below:
                yield below, item, member
            else:
                yield from _scalars(member, below, item)
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield from _scalars(member, path, f"{item}/{index}" if item else str(index))
    elif value is not None and path:
        yield path, item, value
