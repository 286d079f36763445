"""A training job ends as it should, at whatever moment the server was stopped or killed."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from modelyard.compute.capacity import Ticket
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.progress import Progress
from modelyard.store.objects import Objects
from modelyard.training.artifacts import Artifacts
from tests.training.world import BUCKET, World, channel, statuses, until

#: Counts its runs where they survive, and waits for a word unless it has run before.
SCRIPT = """
echo run >> /opt/ml/checkpoints/runs
cp /opt/ml/checkpoints/runs /opt/ml/model/runs
cat /opt/ml/input/data/train/* > /opt/ml/model/data
if [ $(wc -l < /opt/ml/checkpoints/runs) -lt ${WAIT_IN_RUN:-0} ]; then echo ready; sleep 1000; fi
"""


def runs(world: World) -> int:
    return len(world.unpacked("out/job/output/model.tar.gz")["runs"].splitlines())


async def finish(world: World) -> None:
    """Start the server anew and let it go on; the job is to end well."""
    world.restart()
    await world.workflow.run(world.job().arn)
    job = world.job()
    assert job.status == "Completed", job.observed
    assert world.unpacked("out/job/output/model.tar.gz")["data"] == b"1,2\n"
    assert not world.base().parent.exists()
    assert list((world.home / "run").iterdir()) == []


class Gate:
    """Holds whoever comes through until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()
        original = getattr(owner, method)

        def gated(*arguments: Any, **others: Any) -> Any:
            self.reached.set()
            assert self._open.wait(20)
            return original(*arguments, **others)

        monkeypatch.setattr(owner, method, gated)

    def open(self) -> None:
        self._open.set()


def cancelled_once(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
    """Have the server stopped at the very moment at which `method` is called for the first time."""
    original = getattr(owner, method)

    def stopped(*arguments: Any, **others: Any) -> Any:
        monkeypatch.setattr(owner, method, original)
        raise asyncio.CancelledError

    monkeypatch.setattr(owner, method, stopped)


@pytest.fixture
def data(world: World) -> dict[str, Any]:
    world.put("train/a.csv", "1,2\n")
    return {"InputDataConfig": [channel()]}


async def test_stopped_ahead_of_everything(world: World, data: dict[str, Any]) -> None:
    running = world.start(SCRIPT, **data)
    await running.shut_down()
    await finish(world)
    assert runs(world) == 1


async def test_stopped_while_it_waits_for_room(world: World, data: dict[str, Any]) -> None:
    other = world.capacity.queue(64, 256.0, Ticket(0))
    running = world.start(SCRIPT, **data)
    await running.until_secondary("Pending")
    await running.shut_down()
    other.leave()
    await finish(world)
    assert statuses(world.job())[:3] == ["Starting", "Pending", "Restarting"]
    assert runs(world) == 1


async def test_stopped_while_it_downloads(
    world: World, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, Objects, "path_of")
    running = world.start(SCRIPT, **data)
    await running.until(gate.reached.is_set)
    running.task.cancel()
    gate.open()
    await running.shut_down()
    await finish(world)
    assert runs(world) == 1


async def test_stopped_while_it_trains(world: World, data: dict[str, Any]) -> None:
    running = world.start(SCRIPT, Environment={"WAIT_IN_RUN": "2"}, **data)
    await running.until_says("ready")
    await running.shut_down()
    assert world.job().status == "InProgress"
    assert list((world.home / "run").iterdir()) == []
    await finish(world)
    assert runs(world) == 2
    assert statuses(world.job()) == [
        *("Starting", "Downloading", "Training"),
        *("Restarting", "Downloading", "Training", "Uploading", "Completed"),
    ]


async def test_stopped_between_the_programs_end_and_the_row(
    world: World, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled_once(monkeypatch, Progress, "note")
    running = world.start(SCRIPT, **data)
    await asyncio.gather(running.task, return_exceptions=True)
    await finish(world)
    assert runs(world) == 2


@pytest.mark.parametrize("method", ["upload_output", "upload_model"])
async def test_stopped_while_it_uploads(
    world: World, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    gate = Gate(monkeypatch, Artifacts, method)
    running = world.start(SCRIPT, **data)
    await running.until(gate.reached.is_set)
    await running.shut_down()
    assert world.job().observed["outcome"]["codes"] == {"algo-1": 0}
    gate.open()
    await finish(world)
    assert runs(world) == 1


async def test_stopped_between_upload_and_final_status(
    world: World, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled_once(monkeypatch, Progress, "finish")
    running = world.start(SCRIPT, **data)
    await asyncio.gather(running.task, return_exceptions=True)
    before = world.get("out/job/output/model.tar.gz")
    await finish(world)
    assert world.get("out/job/output/model.tar.gz") == before
    assert statuses(world.job()).count("Training") == 1


async def test_stopped_between_final_status_and_clearing_up(
    world: World, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled_once(monkeypatch, JobFolder, "remove")
    running = world.start(SCRIPT, **data)
    await asyncio.gather(running.task, return_exceptions=True)
    ended = world.job()
    assert ended.status == "Completed"
    assert world.base().exists()
    await finish(world)
    assert world.job().revision == ended.revision


async def test_a_job_that_is_gone_is_let_go(world: World) -> None:
    arn = world.create("true")
    with world.store.write() as transaction:
        transaction.delete(world.job())
    await world.workflow.run(arn)


async def test_a_stop_that_came_while_the_server_was_down_keeps_what_was_written(
    world: World, data: dict[str, Any]
) -> None:
    running = world.start(SCRIPT, Environment={"WAIT_IN_RUN": "9"}, **data)
    await running.until_says("ready")
    await running.shut_down()
    world.restart()
    world.stop()
    await world.workflow.run(world.job().arn)
    job = world.job()
    assert (job.status, job.observed["secondary"]) == ("Stopped", "Stopped")
    assert runs(world) == 1


async def test_a_stop_that_came_ahead_of_the_first_run_stops_the_job(world: World) -> None:
    arn = world.create("echo x > /opt/ml/model/m")
    world.stop()
    await world.workflow.run(arn)
    assert statuses(world.job()) == ["Starting", "Stopping", "Stopped"]
    assert world.keys("out/") == []


async def test_a_stop_while_it_downloads_stops_the_job(
    world: World, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, Objects, "path_of")
    running = world.start(SCRIPT, **data)
    await running.until(gate.reached.is_set)
    world.stop()
    gate.open()
    job = await running.end()
    assert statuses(job) == ["Starting", "Downloading", "Stopping", "Stopped"]
    assert not world.base().parent.exists()


async def test_a_stop_while_it_uploads_still_uploads_and_ends_stopped(
    world: World, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, Artifacts, "upload_model")
    running = world.start(SCRIPT, **data)
    await running.until(gate.reached.is_set)
    world.stop()
    gate.open()
    job = await running.end()
    assert statuses(job)[-3:] == ["Uploading", "Stopping", "Stopped"]
    assert runs(world) == 1


async def test_a_run_that_was_presumed_dead_can_finish_nothing(
    world: World, data: dict[str, Any]
) -> None:
    first = world.start(SCRIPT, Environment={"WAIT_IN_RUN": "2"}, **data)
    await first.until_says("ready")
    world.restart()
    await world.workflow.run(world.job().arn)
    await first.task
    job = world.job()
    assert job.status == "Completed", job.observed
    assert runs(world) == 2
    assert "Failed" not in statuses(job)


SERVER = """
import asyncio, sys
from pathlib import Path
from modelyard.compute.runtimes import confinements
from modelyard.compute.sandbox import SandboxRuntime
from tests.training.world import World
home = Path(sys.argv[1])
[way] = [way for way in confinements([home]) if way.name == sys.argv[2]]
world = World(home, SandboxRuntime(way, home / "run"))
world.scripts["toy"] = sys.argv[4]
asyncio.run(world.workflow.run(sys.argv[3]))
"""


async def test_killed_while_it_trains(world: World, data: dict[str, Any]) -> None:
    arn = world.create(SCRIPT, Environment={"WAIT_IN_RUN": "2"}, **data)
    arguments = [str(world.home), world.runtime.name, arn, SCRIPT]
    root = Path(__file__).parents[2]
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, *arguments, cwd=root
    )
    await until(lambda: world.job().observed["secondary"] == "Training")
    await until(lambda: "ready" in world.log())
    server.kill()
    await server.wait()
    await finish(world)
    assert runs(world) == 2


async def test_checkpoints_are_restored_and_kept(world: World) -> None:
    world.put("ck/epoch-1", "1")
    world.put("ck/deep/state", "s")
    world.put("ck-other", "no")
    script = """
cd /opt/ml/checkpoints
find . -type f | sort | tr '\\n' ' '; cat epoch-1 deep/state; echo
echo 2 > epoch-2; echo changed > epoch-1
"""
    await world.run(script, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/ck"})
    assert "./deep/state ./epoch-1 1s" in world.log()
    assert world.keys("ck/") == ["ck/deep/state", "ck/epoch-1", "ck/epoch-2"]
    assert world.get("ck/epoch-1") == b"changed\n"


async def test_checkpoints_are_kept_while_the_job_runs(world: World) -> None:
    world.patience = {"checkpoint_seconds": 0.05}
    world.restart()
    script = "echo 1 > /opt/ml/mine/one; while [ ! -e /opt/ml/model/go ]; do sleep 0.01; done"
    where = {"S3Uri": f"s3://{BUCKET}/ck/", "LocalPath": "/opt/ml/mine"}
    running = world.start(script, CheckpointConfig=where)
    await running.until(lambda: world.keys("ck/") == ["ck/one"])
    (world.base() / "model" / "go").touch()
    assert (await running.end()).status == "Completed"


async def test_what_a_crash_left_of_checkpoints_is_newer_than_the_buckets(world: World) -> None:
    world.put("ck/state", "old")
    script = """
cat /opt/ml/checkpoints/state; echo
if grep -q old /opt/ml/checkpoints/state; then
  echo new > /opt/ml/checkpoints/state; ln -s /etc /opt/ml/checkpoints/link; echo ready; sleep 1000
fi
"""
    running = world.start(script, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/ck"})
    await running.until_says("ready")
    await running.shut_down()
    world.restart()
    await world.workflow.run(world.job().arn)
    assert world.job().status == "Completed"
    assert world.get("ck/state") == b"new\n"
    assert world.keys("ck/") == ["ck/state"]
