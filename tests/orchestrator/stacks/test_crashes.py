"""A crash, or a failure, at every single call that a stack makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from modelyard.store.resources import Store
from tests.orchestrator.stacks.templates import job, serving
from tests.orchestrator.toys import Faults
from tests.orchestrator.world import World, new_store

CREATIONS = 3  # mutating calls that creating `serving()` takes
CHANGES = 5  # and that bringing it to another archive takes
DELETIONS = 3


@pytest.fixture
def store() -> Iterator[Store]:
    with new_store() as store:
        yield store


def summary(world: World) -> dict[str, Any]:
    """What the world looks like, whatever the names."""
    things = sorted(world.toys.things.values(), key=lambda thing: (thing.kind, thing.name))
    return {
        "kinds": [thing.kind for thing in things],
        "archives": [
            thing.members["PrimaryContainer"]["ModelDataUrl"]
            for thing in things
            if thing.kind == "model"
        ],
        "serving": [
            (thing.status, thing.members["EndpointConfigName"])
            for thing in things
            if thing.kind == "endpoint"
        ],
    }


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(CREATIONS))
async def test_a_creation_survives_a_crash_at_any_call(store: Store, when: str, call: int) -> None:
    world = World(store)
    world.toys.faults.crash_at(when, call)
    arn = world.create(serving())
    await world.run()
    assert world.status(arn) == "CREATE_COMPLETE"
    assert len(world.toys.faults.calls) == CREATIONS + (when == "before")
    assert len(world.toys.created) == CREATIONS
    assert summary(world)["kinds"] == ["endpoint", "endpoint-config", "model"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(CHANGES))
async def test_an_update_survives_a_crash_at_any_call(store: Store, when: str, call: int) -> None:
    world = World(store)
    arn = world.create(serving("one"))
    await world.run()
    world.toys.faults.crash_at(when, CREATIONS + call)
    world.update(arn, serving("two"))
    await world.run()
    assert world.status(arn) == "UPDATE_COMPLETE"
    assert len(world.toys.created) == CREATIONS + 2
    assert summary(world)["archives"] == ["s3://assets/two.tar.gz"]
    assert summary(world)["kinds"] == ["endpoint", "endpoint-config", "model"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(DELETIONS))
async def test_a_deletion_survives_a_crash_at_any_call(store: Store, when: str, call: int) -> None:
    world = World(store)
    arn = world.create(serving())
    await world.run()
    world.toys.faults.crash_at(when, CREATIONS + call)
    world.delete(arn)
    await world.run()
    assert not world.exists(arn)
    assert world.toys.things == {}


@pytest.mark.parametrize("call", range(CREATIONS))
async def test_a_creation_that_fails_at_any_call_leaves_nothing(store: Store, call: int) -> None:
    world = World(store, Faults(fail_at=frozenset({call})))
    arn = world.create(serving())
    await world.run()
    assert world.status(arn) == "ROLLBACK_COMPLETE"
    assert world.toys.things == {}


@pytest.mark.parametrize("call", range(CHANGES))
async def test_an_update_that_fails_at_any_call_leaves_the_old_or_the_new_whole(
    store: Store, call: int
) -> None:
    world = World(store)
    arn = world.create(serving("one"))
    await world.run()
    before = summary(world)
    world.toys.faults.fail_at = frozenset({CREATIONS + call})
    world.update(arn, serving("two"))
    await world.run()
    if call < 3:
        assert world.status(arn) == "UPDATE_ROLLBACK_COMPLETE"
        assert summary(world) == before
    else:  # deleting what was replaced is tried again
        assert world.status(arn) == "UPDATE_COMPLETE"
        assert summary(world)["archives"] == ["s3://assets/two.tar.gz"]
        assert len(world.toys.names("model")) == 1


@pytest.mark.parametrize("crash", range(CREATIONS, CREATIONS + 8))
async def test_a_rollback_survives_a_crash_at_any_call(store: Store, crash: int) -> None:
    world = World(store)
    arn = world.create(serving("one"))
    await world.run()
    before = summary(world)
    world.toys.faults.fail_operations = frozenset({"UpdateEndpoint"})
    world.toys.faults.crash_after = crash
    world.update(arn, serving("two"))
    await world.run()
    assert world.status(arn) == "UPDATE_ROLLBACK_COMPLETE"
    assert summary(world) == before


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_named_job_is_created_once_whatever_happens(store: Store, when: str) -> None:
    world = World(store)
    world.toys.faults.crash_at(when, 0)
    arn = world.create({"Resources": {"Job": job("named")}})
    await world.run()
    assert world.status(arn) == "CREATE_COMPLETE"
    assert world.toys.created == ["named"]
