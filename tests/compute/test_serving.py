"""Serving programs in each way to confine them: started, asked, killed, started anew, stopped."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import psutil
import pytest

from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.compute.runtimes import confinements, probe
from modelyard.compute.sandbox import SandboxRuntime
from modelyard.compute.serving import Patience, Service, Serving, ServingError
from tests.compute.serving import ARGV

QUICK = Patience(
    ping_every_seconds=0.1,
    ping_seconds=1.0,
    silent_seconds=0.5,
    pause_seconds=0.05,
    drain_seconds=10.0,
)


class Toys:
    """Makes servings of the toy, and looks at them."""

    def __init__(self, folder: Path, runtime: SandboxRuntime) -> None:
        self.folder = folder
        self.runtime = runtime
        self.lines: list[tuple[int, str]] = []
        self.changes = 0
        self.made: list[Serving] = []

    def serving(self, text: str = "hello", **changes: object) -> Serving:
        model = self.folder / "models" / text
        model.mkdir(parents=True, exist_ok=True)
        (model / "text").write_text(text)
        service = Service(
            identity="endpoint/e/AllTraffic/1",
            argv=ARGV,
            environment={"GREETING": "hi"},
            inputs={"model": model},
            folder=self.folder / "serving",
        )
        service = replace(service, **changes)  # type: ignore[arg-type]  # a test names what it changes
        made = Serving(self.runtime, service, self._line, self._changed, patience=QUICK)
        self.made.append(made)
        return made

    def _line(self, number: int, line: str) -> None:
        self.lines.append((number, line))

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture(params=["bubblewrap", "unshare", "unshare as root", "moved base"])
async def toys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Toys]:
    hidden = tmp_path / "home"
    hidden.mkdir()
    (hidden / "secret").touch()
    [confinement] = [way for way in confinements([hidden]) if way.name == request.param]
    runtime = SandboxRuntime(confinement, hidden / "run")
    try:
        await probe(runtime, [hidden])
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))
    made = Toys(tmp_path, runtime)
    yield made
    for serving in made.made:
        await serving.kill()


async def ask(path: Path, body: str, **headers: str) -> tuple[int, str]:
    connector = aiohttp.UnixConnector(path=str(path))
    async with aiohttp.ClientSession(connector=connector) as session:
        url = "http://localhost/invocations"
        async with session.post(url, data=body.encode(), headers=headers) as answer:
            return answer.status, await answer.text()


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


async def test_programs_serve_a_model_until_they_are_stopped(toys: Toys) -> None:
    others = set(psutil.Process().children(recursive=True))  # those of session-wide fixtures
    serving = toys.serving(programs=2)
    await serving.start()
    first, second = serving.sockets().values()
    headers = {"Content-Type": "text/csv", "Accept": "text/x"}
    assert await ask(first, "1,2", **headers) == (200, "hello:1,2:text/csv:text/x")
    assert (await ask(second, "x"))[0] == 200
    assert toys.lines == [(0, "loaded hello"), (1, "loaded hello")] or toys.lines == [
        (1, "loaded hello"),
        (0, "loaded hello"),
    ]
    await serving.stop()
    assert not first.exists()
    assert set(psutil.Process().children(recursive=True)) <= others


async def test_a_model_that_cannot_be_loaded_says_why(toys: Toys) -> None:
    serving = toys.serving("broken")
    with pytest.raises(ServingError, match=r"(?s)exit code 1 .*this model is broken"):
        await serving.start()


async def test_a_program_that_never_answers_is_given_up(toys: Toys) -> None:
    argv = ["sleep", "60"]
    with pytest.raises(ServingError, match="did not answer GET /ping with 200 within 1 s"):
        await toys.serving(argv=argv, start_seconds=1.0).start()


async def test_a_program_that_dies_is_started_anew_on_the_same_socket(toys: Toys) -> None:
    serving = toys.serving(programs=2)
    await serving.start()
    path = serving.sockets()[0]
    with pytest.raises(aiohttp.ClientError):
        await ask(path, "die")
    # Who connects meanwhile waits in the socket.
    assert await ask(path, "again", **{"Content-Type": "text/x"}) == (200, "hello:again:text/x:*/*")
    await until(lambda: len(serving.sockets()) == 2)
    assert toys.changes == 4  # two up, one down, one up
    await until(lambda: any("code 3; it is started anew" in line for _, line in toys.lines))


async def test_a_program_that_hangs_is_started_anew(toys: Toys) -> None:
    serving = toys.serving()
    await serving.start()
    [path] = serving.sockets().values()
    with pytest.raises(aiohttp.ClientError):
        await ask(path, "hang")
    assert (await ask(path, "again"))[0] == 200
    await until(lambda: any("answered no /ping" in line for _, line in toys.lines))


async def test_what_is_under_way_is_finished_before_the_end(toys: Toys) -> None:
    serving = toys.serving()
    await serving.start()
    asking = asyncio.create_task(ask(serving.sockets()[0], "sleep 1"))
    await asyncio.sleep(0.3)
    await serving.stop()
    assert (await asking)[0] == 200


async def test_a_program_finds_the_contract_and_nothing_else(toys: Toys) -> None:
    serving = toys.serving()
    await serving.start()
    _, said = await ask(serving.sockets()[0], "environment")
    assert "'GREETING': 'hi'" in said
    assert "AWS" not in said


#: A stranger's program: it knows the public contract alone, and one request at a time.
STRANGER = """
import http.server, os, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if body == b"slow":
            time.sleep(1)
        self.answer(b"got " + body)

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

time.sleep(0.5)
address = ("0.0.0.0", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


async def test_programs_that_listen_at_a_port_have_one_each(toys: Toys) -> None:
    if toys.runtime.name == "moved base":
        pytest.skip("without a network namespace there is no port of one's own")
    argv = [sys.executable, "-c", STRANGER]
    serving = toys.serving(argv=argv, port=8080, programs=2)
    await serving.start()
    for path in serving.sockets().values():
        assert await ask(path, "x") == (200, "got x")
    slow = asyncio.create_task(ask(serving.sockets()[0], "slow"))
    await asyncio.sleep(0.3)
    await serving.stop()
    assert await slow == (200, "got slow")
