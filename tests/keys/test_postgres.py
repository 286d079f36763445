"""The same keys in PostgreSQL, from several servers at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from modelyard import clock
from modelyard.keys.errors import KeyNotFound
from modelyard.keys.keeper import KeyKeeper
from modelyard.store.key_material import materials_of
from tests.keys.world import World
from tests.store.postgres import HOW_TO_GET_IT, Cluster, programs

pytestmark = pytest.mark.postgres


@pytest.fixture
def url() -> Iterator[str]:
    folder = programs()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    with Cluster(folder) as running:
        yield running.create_database()


def test_servers_share_keys_and_each_is_rotated_and_destroyed_once(
    url: str, tmp_path: Path
) -> None:
    one, two = World(tmp_path, url), World(tmp_path, url)
    try:
        arn = one.key()
        blob = two.call("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
        assert one.call("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"
        one.call("EnableKeyRotation", KeyId=arn)
        later = clock.now() + timedelta(days=366)
        _at_once(lambda world: KeyKeeper(world.ring, now=lambda: later).keep(), one, two)
        with one.store.read() as snapshot:
            assert [material.version for material in materials_of(snapshot, arn)] == [1, 2]
        assert two.call("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"
        one.call("ScheduleKeyDeletion", KeyId=arn, PendingWindowInDays=7)
        _at_once(lambda world: KeyKeeper(world.ring, now=lambda: later).keep(), one, two)
        with pytest.raises(KeyNotFound):
            two.call("Decrypt", CiphertextBlob=blob)
    finally:
        one.database.dispose()
        two.database.dispose()


def _at_once(work: Callable[[World], None], *worlds: World) -> None:
    failures: list[BaseException] = []

    def run(world: World) -> None:
        try:
            work(world)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(world,)) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
