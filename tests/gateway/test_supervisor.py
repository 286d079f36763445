"""The pool as the control plane uses it, and what it does when things go wrong."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.config
import psutil
import pytest
import urllib3
import uvloop

from modelyard.gateway import supervisor, worker_process
from modelyard.gateway.routes import Endpoint, Routes, encode_keys, encode_routes
from modelyard.gateway.supervisor import GatewayPool, GatewayUnavailable
from tests.gateway.conftest import Trained
from tests.gateway.live import KEYS, TOKEN, LivePool, capture, captured, key, until, variant
from tests.gateway.models import as_csv, expected, rows

ROW = as_csv(rows(1, seed=5))
REPLACED_SECONDS = 10  # two are promised; the machine that runs the tests is busy


@contextmanager
def started(**options: Any) -> Iterator[LivePool]:
    live = LivePool(**options)
    try:
        yield live.start()
    finally:
        live.close()


def serving(model: Trained, **more: Any) -> Endpoint:
    return Endpoint(variants=[variant(model.folder)], **more)


def answer_of(model: Trained) -> str:
    """Return how `model` answers `ROW`, rounded."""
    return f"{float(expected(model.booster, rows(1, seed=5))[0]):.4f}"


def invoke(client: Any, name: str = "e") -> str:
    answer = client.invoke_endpoint(EndpointName=name, Body=ROW, ContentType="text/csv")
    return f"{float(answer['Body'].read()):.4f}"


@contextmanager
def load(clients: list[Any]) -> Iterator[Counter[str]]:
    """Invoke from a thread per client all the while; count answers, and failures by their text."""
    found: Counter[str] = Counter()
    done = threading.Event()

    def work(client: Any) -> None:
        while not done.is_set():
            try:
                found[invoke(client)] += 1
            except Exception as error:
                found[repr(error)] += 1

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        done.set()
        for thread in threads:
            thread.join()


def await_more(found: Counter[str]) -> None:
    """Return when a good number of further requests have been answered."""
    seen = found.total()
    until(lambda: found.total() > seen + 20)


def await_end(pool: LivePool, worker: psutil.Process) -> None:
    """Return when the pool knows that a worker is gone."""
    until(lambda: worker not in pool.workers())


def test_an_endpoint_is_updated_under_load_without_one_failed_request(
    blue: Trained, green: Trained
) -> None:
    with started(workers=2) as pool:
        assert pool.apply({"e": serving(blue)}) == {}
        with load([pool.client() for _ in range(4)]) as found:
            for model in [green, blue] * 2:
                assert pool.apply({"e": serving(model)}) == {}
                await_more(found)
                assert {invoke(pool.client()) for _ in range(3)} == {answer_of(model)}
        assert set(found) == {answer_of(blue), answer_of(green)}


def test_a_worker_killed_under_load_is_replaced_and_clients_that_retry_see_nothing(
    blue: Trained,
) -> None:
    with started(workers=2) as pool:
        pool.apply({"e": serving(blue)})
        patient = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 5})
        with load([pool.client(config=patient) for _ in range(4)]) as found:
            for _ in range(2):
                until(lambda: len(pool.workers()) == 2)
                victim, survivor = pool.workers()
                victim.kill()
                await_end(pool, victim)
                until(lambda: len(pool.workers()) == 2, REPLACED_SECONDS)
                assert survivor in pool.workers()
                await_more(found)
        assert set(found) == {answer_of(blue)}


def test_connections_that_wait_for_a_worker_that_hangs_are_taken_by_its_sibling(
    blue: Trained,
) -> None:
    with started(workers=2) as pool:
        pool.apply({"e": serving(blue)})
        hanging = pool.workers()[0]
        hanging.suspend()
        try:
            bearer = {"Authorization": f"Bearer {TOKEN}", "Connection": "close"}
            with urllib3.PoolManager(retries=False, timeout=30) as http:
                for _ in range(20):
                    url = f"{pool.url}/endpoints/e/invocations"
                    assert http.request("POST", url, body=ROW, headers=bearer).status == 200
        finally:
            hanging.resume()


def test_a_worker_that_is_silent_for_long_is_replaced(
    blue: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "SILENCE_SECONDS", 1.5)
    with started(workers=1) as pool:
        pool.apply({"e": serving(blue)})
        (hanging,) = pool.workers()
        hanging.suspend()
        until(lambda: [one for one in pool.workers() if one != hanging])
        assert invoke(pool.client()) == answer_of(blue)


def test_a_worker_that_does_not_load_in_time_fails_only_what_is_new(
    blue: Trained, green: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(workers=2) as pool:
        assert pool.apply({"old": serving(blue), "e": serving(blue)}) == {}
        hanging = pool.workers()[0]
        hanging.suspend()
        monkeypatch.setattr(supervisor, "APPLY_SECONDS", 0.2)
        failed = pool.apply({"old": serving(blue), "e": serving(green), "new": serving(blue)})
        hanging.resume()
        assert set(failed) == {key("e"), key("new")}
        assert "did not load it within" in failed[key("e")]
        monkeypatch.undo()
        assert pool.apply({"e": serving(blue)}) == {}
        assert invoke(pool.client()) == answer_of(blue)


def test_a_replaced_worker_fails_what_fails_and_serves_the_rest(
    blue: Trained, tmp_path: Path
) -> None:
    with started(workers=1) as pool:
        broken = Endpoint(variants=[variant(tmp_path)])
        assert set(pool.apply({"e": serving(blue), "broken": broken})) == {key("broken")}
        pool.workers()[0].kill()
        until(lambda: not pool.workers())
        assert set(pool.apply({"e": serving(blue), "broken": broken})) == {key("broken")}
        assert invoke(pool.client()) == answer_of(blue)


def test_an_endpoint_that_is_removed_is_not_found(blue: Trained) -> None:
    with started(workers=2) as pool:
        pool.apply({"e": serving(blue)})
        assert invoke(pool.client()) == answer_of(blue)
        assert pool.apply({}) == {}
        for _ in range(4):
            with pytest.raises(Exception, match="not found"):
                invoke(pool.client())
        assert pool.pool.metrics() == {}


def test_what_a_killed_worker_had_counted_is_still_told(blue: Trained) -> None:
    def invocations(pool: LivePool) -> int:
        tallies = pool.pool.metrics().get(key("e"), {})
        return tallies["AllTraffic"].invocations if tallies else 0

    with started(workers=1) as pool:
        pool.apply({"e": serving(blue)})
        for _ in range(3):
            invoke(pool.client())
        until(lambda: invocations(pool) == 3)
        pool.workers()[0].kill()
        until(lambda: not pool.workers())
        until(lambda: len(pool.workers()) == 1)
        invoke(pool.client())
        until(lambda: invocations(pool) == 4)


def test_stopping_loses_nothing_that_was_captured(blue: Trained, tmp_path: Path) -> None:
    with started(workers=2, capture_flush_seconds=3600) as pool:
        pool.apply({"e": serving(blue, capture=capture(tmp_path, "e"))})
        client = pool.client()
        for _ in range(25):
            invoke(client)
        assert captured(tmp_path) == []
        pool.stop()
        assert len(captured(tmp_path)) == 25
        events = {record["eventMetadata"]["eventId"] for record in captured(tmp_path)}
        assert len(events) == 25


def test_a_request_that_is_under_way_when_the_pool_stops_is_answered(blue: Trained) -> None:
    with (
        started(workers=1) as pool,
        socket.create_connection(("127.0.0.1", pool.pool.port), timeout=30) as connection,
    ):
        pool.apply({"e": serving(blue)})
        head = f"POST /endpoints/e/invocations HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        head += f"Content-Length: {len(ROW)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        stopping = threading.Thread(target=pool.stop)
        stopping.start()
        until(pool.pool._slots[0]._stopping.is_set)
        connection.sendall(ROW)
        with connection.makefile("rb") as file:
            answer = file.read()
        stopping.join()
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_a_worker_that_is_asked_to_end_loses_nothing_and_is_replaced(
    blue: Trained, tmp_path: Path
) -> None:
    with started(workers=1, capture_flush_seconds=3600) as pool:
        pool.apply({"e": serving(blue, capture=capture(tmp_path, "e"))})
        for _ in range(5):
            invoke(pool.client())
        (asked,) = pool.workers()
        asked.terminate()
        until(lambda: [one for one in pool.workers() if one != asked])
        assert len(captured(tmp_path)) == 5
        assert invoke(pool.client()) == answer_of(blue)


SERVER = """
import sys, threading
from pathlib import Path
from modelyard.gateway.routes import Endpoint, Routes, encode_keys, encode_routes
from tests.gateway.live import LivePool, capture, variant
pool = LivePool(workers=2, capture_flush_seconds=3600).start()
endpoint = Endpoint(
    variants=[variant(Path(sys.argv[1]))], capture=capture(Path(sys.argv[2]), "e")
)
assert pool.apply({"e": endpoint}) == {}
print(pool.pool.port, *(worker.pid for worker in pool.workers()), flush=True)
threading.Event().wait()
"""


def test_when_the_server_is_killed_its_workers_end_and_lose_nothing(
    blue: Trained, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(blue.folder), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        text=True,
    ) as server:
        assert server.stdout is not None
        lines: Callable[[], str] = server.stdout.readline
        port, *pids = map(int, until(lambda: _numbers(lines())).split())
        client = LivePool.client(_At(port))  # type: ignore[arg-type]  # its URL is all it takes
        for _ in range(10):
            invoke(client)
        workers = [psutil.Process(pid) for pid in pids]
        server.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(workers, 30)
        assert alive == []
    assert len(captured(tmp_path)) == 10


class _At:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"


def _numbers(line: str) -> str:
    """Return the line if it is the one with the numbers; the others are the log."""
    return line if line.replace(" ", "").strip().isdigit() else ""


def test_the_pool_works_in_uvloop(blue: Trained) -> None:
    with started(new_loop=uvloop.new_event_loop, workers=1) as pool:
        assert pool.apply({"e": serving(blue)}) == {}
        (victim,) = pool.workers()
        victim.kill()
        until(lambda: [one for one in pool.workers() if one != victim])
        assert invoke(pool.client()) == answer_of(blue)


async def test_a_port_that_is_taken_is_refused_with_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "BIND_SECONDS", 0.1)
    taken = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    with pytest.raises(GatewayUnavailable, match=rf"127.0.0.1:{port}: Address already in use"):
        await GatewayPool(port=port, workers=1).start()
    taken.close()
    await taken.wait_closed()


def test_a_second_pool_does_not_share_the_firsts_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BIND_SECONDS", 0.1)
    with started(workers=2) as first:
        second = LivePool(port=first.pool.port, workers=1)
        with pytest.raises(GatewayUnavailable, match="Address already in use"):
            second.start()
        second.close()


async def test_workers_that_do_not_come_up_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "START_SECONDS", 0.5)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    pool = GatewayPool(workers=1)
    with pytest.raises(GatewayUnavailable, match=r"did not start within .* see the log"):
        await pool.start()
    with pytest.raises(GatewayUnavailable, match="has not been started"):
        _ = pool.port


async def test_a_request_to_a_pool_that_is_only_launched_waits_until_it_is_started() -> None:
    pool = GatewayPool(workers=1)
    await pool.launch()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", pool.port)
        writer.write(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = asyncio.create_task(reader.read())
        await pool.start()
        assert (await answer).startswith(b"HTTP/1.1 ")
        writer.close()
    finally:
        await pool.stop()


async def test_a_pool_that_was_only_launched_can_be_stopped() -> None:
    pool = GatewayPool(workers=1)
    await pool.launch()
    await pool.stop()
    with pytest.raises(GatewayUnavailable, match="has not been started"):
        _ = pool.port


async def test_a_pool_that_was_not_started_can_be_stopped() -> None:
    pool = GatewayPool(workers=1)
    assert await pool.apply({}) == {}
    await pool.stop()
    assert pool.metrics() == {}


def test_a_worker_alone_listens_where_it_is_told_and_ends_with_its_input() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "modelyard.gateway.worker", f"--port={port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(encode_keys(KEYS) + encode_routes(Routes(generation=7, endpoints={})))
        worker.stdin.flush()
        told = [json.loads(worker.stdout.readline()) for _ in range(2)]
        assert told == [
            {"type": "applied", "generation": 7, "failed": {}},
            {"type": "ready", "port": port},
        ]
        with urllib3.PoolManager(retries=False) as http:
            assert http.request("GET", f"http://127.0.0.1:{port}/healthz").status == 200
        worker.stdin.close()
        assert worker.wait(30) == 0
