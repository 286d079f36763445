"""What is measured over time, on both databases."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from modelyard import clock
from modelyard.store import measures, tables
from modelyard.store.database import Database
from modelyard.store.measures import KEPT, Measured
from modelyard.store.resources import Scope, Store

SCOPE = Scope(account="123456789012", region="us-east-1")
OTHER = Scope(account="210987654321", region="us-east-1")
AT = clock.now().replace(microsecond=0)
MINUTE = timedelta(minutes=1)


def measured(value: float, name: str = "drift", minutes: int = 0, **dimensions: str) -> Measured:
    return Measured(
        namespace="aws/sagemaker/Endpoints/data-metrics",
        name=name,
        dimensions=dimensions,
        at=AT + minutes * MINUTE,
        sum=value,
        minimum=value,
        maximum=value,
    )


def test_a_source_counts_once_however_often_it_is_told(database: Database) -> None:
    store = Store(database)
    for source, value in (("job", 1.0), ("job", 1.0), ("other", 3.0)):
        with store.write() as transaction:
            measures.record(transaction.connection, SCOPE, source, [measured(value)])
    with store.read() as snapshot:
        [measure] = measures.find(snapshot.connection, SCOPE)
        found = measures.between(snapshot.connection, measure, AT, AT + MINUTE)
        assert measures.between(snapshot.connection, measure, AT + MINUTE, AT + 2 * MINUTE) == []
    assert sorted(one.sum for one in found) == [1.0, 3.0]


def test_measures_are_told_apart_by_account_name_and_dimensions(database: Database) -> None:
    store = Store(database)
    with store.write() as transaction:
        connection = transaction.connection
        some = [measured(1, Endpoint="a"), measured(2, Endpoint="b"), measured(3, "mean")]
        measures.record(connection, SCOPE, "job", some)
        measures.record(connection, OTHER, "job", [measured(4, Endpoint="a")])
    with store.read() as snapshot:
        connection = snapshot.connection
        assert len(measures.find(connection, SCOPE)) == 3
        assert len(measures.find(connection, SCOPE, name="drift")) == 2
        assert measures.find(connection, SCOPE, namespace="other") == []
        [theirs] = measures.find(connection, OTHER)
        assert (theirs.dimensions, theirs.scope) == ({"Endpoint": "a"}, OTHER)


def test_the_newest_is_the_latest_whatever_came_last(database: Database) -> None:
    store = Store(database)
    for minutes, value in ((0, 1.0), (2, 2.0), (1, 3.0)):
        with store.write() as transaction:
            some = [measured(value, minutes=minutes)]
            measures.record(transaction.connection, SCOPE, f"job {minutes}", some)
    with store.read() as snapshot:
        [(measure, newest)] = measures.newest(snapshot.connection, "aws/sagemaker/")
        assert measures.newest(snapshot.connection, "mine/") == []
    assert measure.newest_at == AT + 2 * MINUTE
    assert newest.sum == 2.0


def test_what_is_too_old_is_dropped_when_something_new_comes(database: Database) -> None:
    store = Store(database)
    minutes = -int(KEPT / MINUTE) - 1
    for offset in (minutes, 0):
        with store.write() as transaction:
            some = [measured(1, minutes=offset)]
            measures.record(transaction.connection, SCOPE, f"job {offset}", some)
    with store.read() as snapshot:
        count = snapshot.connection.scalar(sa.select(sa.func.count()).select_from(tables.measured))
    assert count == 1
