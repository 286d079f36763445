"""What waits is written soon, in order, and never dropped."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from modelyard.audit import writer as writing
from modelyard.store.audit_chain import Entry, Head
from modelyard.store.errors import DatabaseBusy, StorageFull
from tests.audit.world import World
from tests.gateway.live import until
from tests.store.audits import entry, verified


def test_the_thread_writes_what_is_handed_in(world: World) -> None:
    world.writer.start()
    world.writer.put(entry(1))
    until(lambda: world.trail.known.sequence == 1)
    world.writer.put(entry(2))
    until(lambda: world.trail.known.sequence == 2)
    world.writer.stop()


def test_stopping_writes_the_rest_and_the_head(world: World) -> None:
    world.writer.start()
    for number in range(1200):
        world.writer.put(entry(number))
    world.writer.stop()
    assert [r.entry.request_id for r in world.records()] == [f"r-{n}" for n in range(1200)]
    assert world.heads.read() == world.trail.known
    assert verified(world.database, world.trail.known).damage is None


class Full:
    """Stands in a trail's way, as a full disk does."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        write = world.trail.write

        def refused(entries: Sequence[Entry]) -> Head:
            if self.full:
                raise StorageFull
            return write(entries)

        monkeypatch.setattr(world.trail, "write", refused)


def test_records_wait_while_the_disk_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Full(world, monkeypatch)
    for number in range(3):
        world.writer.put(entry(number))
    assert world.records() == []
    disk.full = False
    assert [r.entry.request_id for r in world.records()] == ["r-0", "r-1", "r-2"]


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject", "sts:AssumeRole"])
def test_no_change_outside_the_database_begins_while_its_record_could_not_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    disk = Full(world, monkeypatch)
    world.writer.put(entry())
    world.writer.flush()
    with pytest.raises(StorageFull, match="nothing may change unrecorded"):
        world.writer.admit(action)
    world.writer.admit("s3:GetObject")
    world.writer.admit("sagemaker:CreateModel")  # whose own transaction decides
    disk.full = False
    world.writer.flush()
    world.writer.admit(action)


def test_when_too_many_wait_every_call_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_WAITING", 3)
    monkeypatch.setattr(writing, "PATIENCE_SECONDS", 0.0)
    disk = Full(world, monkeypatch)
    for number in range(3):
        world.writer.put(entry(number))
    with pytest.raises(DatabaseBusy, match="nothing may happen unrecorded"):
        world.writer.admit("s3:GetObject")
    disk.full = False
    world.writer.flush()
    world.writer.admit("s3:GetObject")
