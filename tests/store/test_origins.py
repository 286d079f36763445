"""What set a change off: marked where it was written, kept for what a workflow writes later."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from modelyard import clock
from modelyard.store import causes, deliveries
from modelyard.store.database import Database
from modelyard.store.origins import following
from modelyard.store.resources import Store
from tests.store.contract import arn, create


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


def depth(store: Store, name: str) -> int:
    with store.read() as snapshot:
        return snapshot.depth_of(arn(name))


def test_what_is_written_within_a_depth_is_marked_with_it(store: Store) -> None:
    with store.write() as transaction:
        create(transaction, "own")
    with causes.within(3), store.write() as transaction:
        made = create(transaction, "caused")
    assert (depth(store, "own"), depth(store, "caused")) == (0, 3)
    # What happens to it later still follows from the same rules.
    with store.write() as transaction:
        transaction.update(made, status="Done")
    assert depth(store, "caused") == 3


def test_a_new_resource_of_an_old_name_begins_without_a_past(store: Store) -> None:
    with causes.within(3), store.write() as transaction:
        transaction.delete(create(transaction, "a"))
    assert depth(store, "a") == 3
    with store.write() as transaction:
        create(transaction, "a")
    assert depth(store, "a") == 0


async def test_a_workflow_writes_within_the_depth_of_its_resource(store: Store) -> None:
    with causes.within(2), store.write() as transaction:
        create(transaction, "pipeline")

    async def run(_arn: str) -> None:
        def write() -> None:
            with store.write() as transaction:
                create(transaction, "made")

        await asyncio.to_thread(write)

    await following(store, run)(arn("pipeline"))
    assert depth(store, "made") == 2
    assert causes.depth() == 0


def test_old_origins_are_removed_with_old_events(store: Store) -> None:
    with causes.within(1), store.write() as transaction:
        create(transaction, "a")
    with store.database.write() as connection:
        deliveries.prune(connection, before=clock.now() + timedelta(days=1), limit=10)
    assert depth(store, "a") == 0
