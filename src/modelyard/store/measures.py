"""What is measured over time: numbers by namespace, name and dimensions, as CloudWatch has them.

The contract: a source that is recorded again (a job's run is repeated after a crash) adds nothing;
what is older than `KEPT` may be gone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from modelyard import clock
from modelyard.store import tables
from modelyard.store.snapshots import Scope

#: As long as CloudWatch keeps them: fifteen months.
KEPT = timedelta(days=455)

_measures, _measured = tables.measures.c, tables.measured.c


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Some samples of a measure, taken at one moment."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    at: datetime
    count: float = 1.0
    sum: float
    minimum: float
    maximum: float
    unit: str = "None"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What can be asked for over time."""

    id: int
    scope: Scope
    namespace: str
    name: str
    dimensions: Mapping[str, str]
    newest_at: datetime


def record(
    connection: sa.Connection, scope: Scope, source: str, measured: Iterable[Measured]
) -> None:
    """Write down what a source measured, once, however often it is told.

    Args:
        source: what tells it from others: a job's ARN, or something random.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()
    oldest = clock.to_micros(clock.now() - KEPT)
    seen = set()
    for one in measured:
        measure = _id_of(connection, scope, one)
        if measure not in seen:
            seen.add(measure)
            old = (_measured.measure_id == measure) & (_measured.at < oldest)
            connection.execute(sa.delete(tables.measured).where(old))
        connection.execute(
            _insert(connection, tables.measured)
            .values(
                measure_id=measure,
                at=clock.to_micros(one.at),
                source=digest,
                sample_count=one.count,
                sum=one.sum,
                minimum=one.minimum,
                maximum=one.maximum,
                unit=one.unit,
            )
            .on_conflict_do_nothing()
        )


def find(
    connection: sa.Connection,
    scope: Scope | None,
    *,
    namespace: str | None = None,
    name: str | None = None,
) -> Sequence[Measure]:
    """Return measures in the order in which they were first recorded.

    Args:
        scope: None: of all accounts and regions.
    """
    query = sa.select(tables.measures).order_by(_measures.id)
    if scope is not None:
        query = query.where(
            (_measures.account == scope.account) & (_measures.region == scope.region)
        )
    if namespace is not None:
        query = query.where(_measures.namespace == namespace)
    if name is not None:
        query = query.where(_measures.name == name)
    return [_measure(row) for row in connection.execute(query)]


def newest(connection: sa.Connection, namespaces: str) -> Sequence[tuple[Measure, Measured]]:
    """Return what was measured last, of every account and region.

    Args:
        namespaces: how their names begin.
    """
    rows = connection.execute(
        sa.select(tables.measures, *(column for column in tables.measured.c if column.name != "at"))
        .join(
            tables.measured,
            (_measured.measure_id == _measures.id) & (_measured.at == _measures.newest_at),
        )
        .where(
            (_measures.namespace >= namespaces) & (_measures.namespace < f"{namespaces}\U0010ffff")
        )
        .order_by(_measures.id, _measured.source)
    )
    found = {}
    for row in rows:
        measure = _measure(row)
        found[measure.id] = (measure, _samples(measure, row, measure.newest_at))
    return list(found.values())


def between(
    connection: sa.Connection, measure: Measure, start: datetime, end: datetime
) -> Sequence[Measured]:
    """Return what was measured from `start` on until ahead of `end`, oldest first."""
    rows = connection.execute(
        sa.select(tables.measured)
        .where(
            (_measured.measure_id == measure.id)
            & (_measured.at >= clock.to_micros(start))
            & (_measured.at < clock.to_micros(end))
        )
        .order_by(_measured.at, _measured.source)
    )
    return [_samples(measure, row, clock.from_micros(row.at)) for row in rows]


def _measure(row: sa.Row[Any]) -> Measure:
    return Measure(
        id=row.id,
        scope=Scope(account=row.account, region=row.region),
        namespace=row.namespace,
        name=row.name,
        dimensions=row.dimensions,
        newest_at=clock.from_micros(row.newest_at),
    )


def _samples(measure: Measure, row: sa.Row[Any], at: datetime) -> Measured:
    return Measured(
        namespace=measure.namespace,
        name=measure.name,
        dimensions=measure.dimensions,
        at=at,
        count=row.sample_count,
        sum=row.sum,
        minimum=row.minimum,
        maximum=row.maximum,
        unit=row.unit,
    )


def _id_of(connection: sa.Connection, scope: Scope, one: Measured) -> int:
    digest = hashlib.sha256(json.dumps(sorted(one.dimensions.items())).encode()).hexdigest()
    own = {
        "account": scope.account,
        "region": scope.region,
        "namespace": one.namespace,
        "name": one.name,
        "digest": digest,
    }
    moment = clock.to_micros(one.at)
    insert = _insert(connection, tables.measures).values(
        **own, dimensions=dict(one.dimensions), newest_at=moment
    )
    newest = sa.case((_measures.newest_at > moment, _measures.newest_at), else_=moment)
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(own), set_={"newest_at": newest})
    )
    where = sa.and_(*(getattr(_measures, name) == value for name, value in own.items()))
    found: int = connection.scalars(sa.select(_measures.id).where(where)).one()
    return found


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
