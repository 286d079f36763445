"""Endpoints whose models a program serves: a real sandbox, a real gateway, a toy of an image."""

from __future__ import annotations

import asyncio
import io
import signal
import tarfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from modelyard.compute.images import Image
from modelyard.compute.runtime import Runtime
from modelyard.compute.runtimes import best_runtime
from modelyard.compute.serving import Patience
from modelyard.gateway.counters import Tally
from modelyard.gateway.routes import Endpoint, Programs
from modelyard.hosting.artifacts import ModelCache
from modelyard.hosting.programs import EndpointPrograms, programs_of
from modelyard.hosting.routing import Routing
from modelyard.hosting.workflow import EndpointWorkflow
from modelyard.store.logs import LogStreams
from tests.compute.serving import ARGV
from tests.gateway.live import LivePool, captured
from tests.hosting.world import ACCOUNT, REGION, World, config_request, context

KEY = f"{ACCOUNT}/{REGION}/e"
GROUP = "/aws/sagemaker/Endpoints/e"
TOY = Image(name="toy", version="1", entrypoint=ARGV, purposes=("serve",))
QUICK = Patience(
    ping_every_seconds=0.2, ping_seconds=1.0, silent_seconds=1.0, pause_seconds=0.3,
    drain_seconds=20.0,
)  # fmt: skip


def archive(text: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        info = tarfile.TarInfo("text")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()


class Gateway:
    """A real gateway, whose loop is another one."""

    def __init__(self, pool: LivePool) -> None:
        self.pool = pool
        self.serving: Mapping[str, Endpoint] = {}

    async def apply(self, endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
        self.serving = endpoints
        # Made in the thread, or one that is never run would be left with a coroutine.
        return await asyncio.to_thread(lambda: self.pool.run(self.pool.pool.apply(endpoints)))


class Hosting(World):
    """Hosting as a server has it, but for its doors."""

    def __init__(self, folder: Path, runtime: Runtime, pool: LivePool) -> None:
        super().__init__(folder)
        self.folder = folder
        self.runtime = runtime
        self.gateway = Gateway(pool)
        self.logs = LogStreams(folder / "logs")
        self.start()

    def start(self, patience: Patience = QUICK) -> None:
        """Begin, or begin anew on the same store and disk."""
        cache = ModelCache(self.folder / "models", self.objects, self.runtime)
        routing = Routing(self.store, self.gateway, self.objects, cache.path)
        self.programs = EndpointPrograms(
            self.runtime,
            self.folder / "serving",
            cache.path,
            self.logs,
            image_of=lambda _uri: TOY,
            patience=patience,
        )
        self.workflow = EndpointWorkflow(
            self.store, cache, routing, self.programs, self.logs, image_of=lambda _uri: TOY
        )

    async def stop(self) -> None:
        await self.gateway.apply({})
        await self.workflow.close()

    def routed(self) -> int:
        """Return how many programs the endpoint is routed to."""
        [variant] = self.gateway.serving[KEY].variants
        assert isinstance(variant.model, Programs)
        return len(variant.model.programs)

    async def deployed(self, name: str = "e") -> dict[str, Any]:
        await self.workflow.run(self.endpoint(name))
        return self.described(name)

    async def updated(self, config: str, name: str = "e") -> dict[str, Any]:
        request = {"EndpointName": name, "EndpointConfigName": config}
        self.endpoints.update_endpoint(context(), request)
        await self.workflow.run(self.described(name)["EndpointArn"])
        return self.described(name)

    def described(self, name: str = "e") -> dict[str, Any]:
        return self.endpoints.describe_endpoint(context(), {"EndpointName": name})

    async def ask(self, body: str, **members: Any) -> dict[str, Any]:
        def invoke() -> dict[str, Any]:
            client = self.gateway.pool.client()
            answer = client.invoke_endpoint(
                **{"EndpointName": "e", "Body": body.encode(), "ContentType": "text/x", **members}
            )
            return {**answer, "Body": answer["Body"].read().decode()}

        return await asyncio.to_thread(invoke)

    async def refused(self, body: str, **members: Any) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            await self.ask(body, **members)
        return dict(caught.value.response)

    def said(self, prefix: str) -> str:
        streams = [stream.name for stream in self.logs.streams(ACCOUNT, REGION, GROUP, prefix)]
        events = self.logs.filter(ACCOUNT, REGION, GROUP, streams)
        return "\n".join(event.message for event in events)


@pytest.fixture(scope="module")
def pool() -> Iterator[LivePool]:
    made = LivePool(workers=1, capture_flush_seconds=0.1).start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return asyncio.run(best_runtime(tmp_path_factory.mktemp("run"), hidden=[]))


@pytest.fixture
async def world(tmp_path: Path, runtime: Runtime, pool: LivePool) -> AsyncIterator[Hosting]:
    made = Hosting(tmp_path, runtime, pool)
    made.model(data=archive("hello"))
    made.config()
    yield made
    await made.stop()
    assert serving() == []


def serving() -> list[psutil.Process]:
    """Return the serving programs that run, without what confines them."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:2] == ARGV[:2] and not process.children():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.05)


async def test_a_program_answers_with_all_that_the_api_has(world: Hosting) -> None:
    described = await world.deployed()
    assert described["EndpointStatus"] == "InService", described
    answer = await world.ask("1,2", Accept="application/x", CustomAttributes="trace=7")
    assert answer["Body"] == "hello:1,2:text/x:application/x"
    assert answer["ContentType"] == "application/x"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "trace=7"
    assert "loaded hello" in world.said("AllTraffic/")
    counted = world.gateway.pool.pool.metrics
    await until(lambda: counted().get(KEY, {}).get("AllTraffic", Tally()).invocations == 1)


async def test_what_the_program_refuses_is_a_model_error(world: Hosting) -> None:
    await world.deployed()
    error = await world.refused("refuse")
    assert error["Error"]["Code"] == "ModelError"
    assert error["OriginalStatusCode"] == 415
    assert error["OriginalMessage"] == "not this"
    assert error["LogStreamArn"].startswith(
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}:log-stream:AllTraffic/"
    )
    error = await world.refused("fail")
    assert error["OriginalStatusCode"] == 500
    assert "no such column" in error["OriginalMessage"]
    await until(lambda: "Traceback" in world.said("AllTraffic/"))


async def test_a_large_request_reaches_the_program_whole(world: Hosting) -> None:
    await world.deployed()
    body = "x" * 3_000_000
    assert (await world.ask(body))["Body"] == f"hello:{body}:text/x:"


async def test_requests_at_the_same_time_are_shared_out(world: Hosting) -> None:
    await world.deployed()
    answers = await asyncio.gather(*(world.ask("sleep 0.5") for _ in range(6)))
    assert len(answers) == 6
    pids = await asyncio.gather(*(world.ask("pid") for _ in range(12)))
    assert len({answer["Body"] for answer in pids}) == programs_of_config()


def programs_of_config() -> int:
    [variant] = config_request()["ProductionVariants"]
    return programs_of(
        {
            "instance_count": variant["InitialInstanceCount"],
            "instance_type": variant["InstanceType"],
            "container": {},
        }
    )


async def test_a_program_that_dies_fails_its_request_alone(world: Hosting) -> None:
    await world.deployed()
    error = await world.refused("die")
    assert error["Error"]["Code"] == "ModelError"
    assert "closed the connection" in error["OriginalMessage"]
    for _ in range(20):
        assert (await world.ask("on"))["Body"].startswith("hello:on")
    await until(lambda: len(serving()) == programs_of_config())
    await until(lambda: "it is started anew" in world.said("AllTraffic/"))


async def test_with_all_programs_gone_it_is_unavailable_for_a_while(world: Hosting) -> None:
    await world.stop()
    world.start(replace(QUICK, pause_seconds=2.0))
    await world.deployed()
    for process in serving():
        process.send_signal(signal.SIGKILL)
    await until(lambda: world.routed() == 0)
    error = await world.refused("on")
    assert error["Error"]["Code"] == "ServiceUnavailable"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 503
    await until(lambda: world.routed() == programs_of_config())
    assert (await world.ask("on"))["Body"].startswith("hello")


async def test_a_program_that_hangs_is_started_anew(world: Hosting) -> None:
    await world.deployed()
    error = await world.refused("hang")
    assert error["Error"]["Code"] == "ModelError"
    assert (await world.ask("on"))["Body"].startswith("hello:on")
    await until(lambda: "answered no /ping" in world.said("AllTraffic/"))


async def test_a_model_that_does_not_load_fails_its_endpoint_with_its_words(
    world: Hosting,
) -> None:
    world.put("m.tar.gz", archive("broken"))
    described = await world.deployed()
    assert described["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in described["FailureReason"]
    assert "this model is broken" in described["FailureReason"]
    assert len(described["FailureReason"]) <= 1024
    assert serving() == []


async def test_an_update_loses_no_request_and_stops_the_old_programs(world: Hosting) -> None:
    await world.deployed()
    world.put("m.tar.gz", archive("bonjour"))
    world.config("c2")
    slow = asyncio.create_task(world.ask("sleep 3"))
    answers: list[str] = []

    async def keep_asking() -> None:
        while True:
            answers.append((await world.ask("on"))["Body"])

    asking = asyncio.create_task(keep_asking())
    await until(lambda: answers)
    assert (await world.updated("c2"))["EndpointStatus"] == "InService"
    count = len(answers)
    await until(lambda: len(answers) > count + 3 or asking.done())
    asking.cancel()
    assert not [task for task in (asking,) if task.done() and not task.cancelled()]
    assert answers[0].startswith("hello")
    assert answers[-1].startswith("bonjour")
    assert (await slow)["Body"].startswith("hello:sleep")
    await until(lambda: len(serving()) == programs_of_config())


async def test_a_failed_update_leaves_the_programs_that_served(world: Hosting) -> None:
    await world.deployed()
    world.put("m.tar.gz", archive("broken"))
    world.config("c2")
    described = await world.updated("c2")
    assert described["EndpointStatus"] == "InService"
    assert "this model is broken" in described["FailureReason"]
    assert (await world.ask("on"))["Body"].startswith("hello")
    assert len(serving()) == programs_of_config()


async def test_deleting_the_endpoint_stops_its_programs(world: Hosting) -> None:
    described = await world.deployed()
    world.endpoints.delete_endpoint(context(), {"EndpointName": "e"})
    await world.workflow.run(described["EndpointArn"])
    await until(lambda: serving() == [])
    await until(lambda: list((world.folder / "serving").iterdir()) == [])


async def test_a_restart_brings_the_programs_back(world: Hosting) -> None:
    await world.deployed()
    await world.stop()
    world.start()
    await world.workflow.restore()
    # Whoever asks at once waits until the model is loaded.
    assert (await world.ask("on"))["Body"].startswith("hello")
    assert world.described()["EndpointStatus"] == "InService"


async def test_programs_that_do_not_come_back_fail_their_endpoint(world: Hosting) -> None:
    await world.deployed()
    await world.stop()
    [model] = (world.folder / "models").iterdir()
    (model / "text").write_text("broken")
    world.start()
    await world.workflow.restore()
    await until(lambda: world.described()["EndpointStatus"] == "Failed")
    assert "this model is broken" in world.described()["FailureReason"]
    assert (await world.refused("on"))["Error"]["Code"] == "ValidationError"


async def test_what_is_asked_and_answered_is_captured(world: Hosting) -> None:
    world.configs.create_endpoint_config(
        context(),
        {
            **config_request("c2"),
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": "s3://assets/captured",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
            },
        },
    )
    await world.workflow.run(world.endpoint("e", "c2"))
    await world.ask("1,2", ContentType="text/csv", InferenceId="i-1")
    root = world.objects.of(ACCOUNT).root
    await until(lambda: list(root.rglob("*.jsonl")))
    [record] = captured_below(root)
    assert record["captureData"]["endpointInput"]["data"] == "1,2"
    assert record["captureData"]["endpointInput"]["encoding"] == "CSV"
    assert record["captureData"]["endpointOutput"]["encoding"] == "BASE64"
    assert record["eventMetadata"]["inferenceId"] == "i-1"


def captured_below(root: Path) -> list[dict[str, Any]]:
    (root / "bucket").symlink_to(root / "assets")
    try:
        return captured(root)
    finally:
        (root / "bucket").unlink()


@pytest.mark.parametrize(
    ("count", "workers", "expected"),
    [(1, "1", 1), (3, "2", 6), (1000, "2", 64), (1, "no number", 2), (1, "0", 2)],
)
def test_how_many_programs_serve_a_variant(count: int, workers: str, expected: int) -> None:
    environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": workers}
    variant = {
        "instance_count": count,
        "instance_type": "ml.m5.large",
        "container": {"Environment": environment},
    }
    assert programs_of(variant) == expected
