"""The engine runs what was written down, whatever happens to the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.resources import Store
from modelyard.workflows.engine import Engine

#: A server that records each beginning and each end of its workflow in files of its folder.
SERVER = """
import asyncio, os, sys
from pathlib import Path
from modelyard.store.database import Database
from modelyard.store.resources import Store
from modelyard.workflows.engine import Engine

folder, linger = Path(sys.argv[1]), sys.argv[2] == "linger"

async def work(arn):
    with (folder / "begun").open("a") as file:
        file.write(arn + "\\n")
    if linger:
        print("begun", flush=True)
        await asyncio.sleep(600)
    (folder / "done").write_text(arn)

async def main():
    database = Database(f"sqlite:///{folder}/m.db")
    engine = Engine(database)
    engine.register("work", work)
    await engine.launch()
    if linger:
        with Store(database).write() as transaction:
            engine.start(transaction, "work", "arn:x")
        await asyncio.sleep(600)
    while not (folder / "done").exists():
        await asyncio.sleep(0.05)
    await engine.shutdown()

asyncio.run(main())
"""


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path}/m.db")
    tables.metadata.create_all(made.engine)
    return made


async def test_a_workflow_runs_after_its_transaction_and_not_without_it(
    database: Database,
) -> None:
    ran: list[str] = []
    done = asyncio.Event()

    async def work(arn: str) -> None:
        ran.append(arn)
        if arn == "arn:kept":
            done.set()

    engine = Engine(database)
    engine.register("work", work)
    await engine.launch()
    store = Store(database)
    with pytest.raises(RuntimeError, match="no"), store.write() as transaction:
        engine.start(transaction, "work", "arn:rolled-back")
        raise RuntimeError("no")
    with store.write() as transaction:
        engine.start(transaction, "work", "arn:kept")
    await asyncio.wait_for(done.wait(), 20)
    await engine.shutdown()
    assert ran == ["arn:kept"]


async def test_a_workflow_begins_without_waiting_for_the_next_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.workflows.engine.POLL_SECONDS", 600.0)
    begun = asyncio.Event()

    async def work(_arn: str) -> None:
        begun.set()

    engine = Engine(database)
    engine.register("work", work)
    await engine.launch()
    for _ in range(2):
        begun.clear()
        with Store(database).write() as transaction:
            engine.start(transaction, "work", "arn:soon")
        await asyncio.wait_for(begun.wait(), 60)
    await engine.shutdown()


async def test_two_workflows_of_one_resource_never_overlap(database: Database) -> None:
    busy = 0
    most = 0
    ended = asyncio.Semaphore(0)

    async def work(_arn: str) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.05)
        busy -= 1
        ended.release()

    engine = Engine(database)
    engine.register("work", work)
    await engine.launch()
    for _ in range(3):
        with Store(database).write() as transaction:
            engine.start(transaction, "work", "arn:one")
    for _ in range(3):
        await asyncio.wait_for(ended.acquire(), 20)
    await engine.shutdown()
    assert most == 1


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_what_a_dead_server_left_goes_on_at_the_next_start(
    tmp_path: Path, database: Database, end: signal.Signals
) -> None:
    database.dispose()
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    first = subprocess.Popen(
        [*command, "linger"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"begun\n"
    os.kill(first.pid, end)
    first.wait()
    first.stdout.close()
    subprocess.run([*command, "finish"], check=True, timeout=60)
    assert (tmp_path / "done").read_text() == "arn:x"
    assert (tmp_path / "begun").read_text() == "arn:x\narn:x\n"


def test_an_unknown_workflow_cannot_be_started(database: Database) -> None:
    engine = Engine(database)
    with (
        pytest.raises(ValueError, match="no workflow 'other'"),
        Store(database).write() as transaction,
    ):
        engine.start(transaction, "other", "arn:x")
