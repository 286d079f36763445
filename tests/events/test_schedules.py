"""Rules by the clock: when they are due, and that each time is queued once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from modelyard import clock
from modelyard.events.scheduler import Scheduler
from modelyard.operations.errors import ValidationError
from modelyard.store import tables
from modelyard.store.database import Database
from tests.events.world import World, pipeline_target, until


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


def put(world: World, expression: str, **others: Any) -> None:
    world.call("PutRule", Name="clock", ScheduleExpression=expression, **others)
    target = pipeline_target(InputPath="$", RetryPolicy={"MaximumRetryAttempts": 0})
    assert world.call("PutTargets", Rule="clock", Targets=[target])["FailedEntryCount"] == 0


def queued(world: World) -> int:
    table = tables.target_deliveries
    with world.store.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def test_each_time_is_delivered_once_also_by_a_server_that_was_started_again(
    world: World,
) -> None:
    put(world, "rate(1 minute)")
    now = clock.now()
    assert Scheduler(world.store, lambda: None, now=lambda: now).tick() == 0
    later = now + timedelta(minutes=1)
    assert Scheduler(world.store, lambda: None, now=lambda: later).tick() == 1
    assert Scheduler(world.store, lambda: None, now=lambda: later).tick() == 0
    # Of the ten that were missed, the newest is made up for.
    much_later = now + timedelta(minutes=11)
    assert Scheduler(world.store, lambda: None, now=lambda: much_later).tick() == 1
    async with world.running():
        await until(lambda: queued(world) == 0)
    first, second = world.provisioned.bodies
    assert (first["source"], first["detail-type"]) == ("aws.events", "Scheduled Event")
    assert first["resources"][0].endswith(":rule/clock")
    apart = datetime.fromisoformat(second["time"]) - datetime.fromisoformat(first["time"])
    assert apart == timedelta(minutes=10)


def test_a_rule_that_is_disabled_or_gone_is_never_due(world: World) -> None:
    put(world, "rate(1 minute)", State="DISABLED")
    tomorrow = clock.now() + timedelta(days=1)
    assert Scheduler(world.store, lambda: None, now=lambda: tomorrow).tick() == 0


def test_a_rule_has_a_pattern_or_a_schedule_and_a_schedule_only_on_the_default_bus(
    world: World,
) -> None:
    with pytest.raises(ValidationError, match="in a rule each"):
        put(world, "rate(1 minute)", EventPattern='{"source": ["shop"]}')
    world.call("CreateEventBus", Name="own")
    with pytest.raises(ValidationError, match="bus default only"):
        put(world, "rate(1 minute)", EventBusName="own")
