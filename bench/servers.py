"""The servers that are measured, each a context that ends what it started."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.report import BenchUnavailable
from modelyard.gateway.routes import Endpoint, Keys, Model, Variant, Verdict
from modelyard.gateway.supervisor import GatewayPool

ACCOUNT, REGION = "123456789012", "us-east-1"
ACCESS_KEY, SECRET_KEY, TOKEN = "AKIABENCH", "bench-secret-key", "bench-token"
MLSERVER = ".venv-mlserver/bin/mlserver"
WORKERS = os.cpu_count() or 1
START_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that runs."""

    url: str
    processes: Callable[[], list[psutil.Process]]

    def memory_mib(self) -> float:
        """Return the memory of all its processes; what they share is counted once (PSS)."""
        return sum(process.memory_full_info().pss for process in self.processes()) / 2**20


@asynccontextmanager
async def gateway(model: Path) -> AsyncIterator[Running]:
    """Yield an inference gateway that serves the prepared model as `bench`."""

    async def allow(question: Mapping[str, Any]) -> Verdict:
        return Verdict(number=question["number"], allowed=True)

    pool = GatewayPool(port=0, workers=WORKERS, judge=allow)
    await pool.set_keys(
        Keys(
            secrets={ACCESS_KEY: (SECRET_KEY, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)},
            tokens={TOKEN: (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)},
            sealing_key="",
            default_region=REGION,
        )
    )
    await pool.start()
    try:
        served = Model(folder=str(model), image="xgboost")
        variant = Variant(name="AllTraffic", weight=1.0, model=served)
        failed = await pool.apply({f"{ACCOUNT}/{REGION}/bench": Endpoint(variants=[variant])})
        if failed:
            raise RuntimeError(f"the gateway did not load the model: {failed}")
        url = f"http://127.0.0.1:{pool.port}/endpoints/bench/invocations"
        yield Running(url=url, processes=_workers)
    finally:
        await pool.stop()


@asynccontextmanager
async def mlserver(folder: Path, model: Path) -> AsyncIterator[Running]:
    """Yield an MLServer that serves the XGBoost file `model` as `bench`.

    As it is fastest here: in one process (its worker processes, of the version that is locked, do
    not start with the uvloop that is locked; with an older one they were a third slower), and one
    thread (with two, single rows take it 15 times as long).

    Raises:
        BenchUnavailable: it is not installed.
    """
    if shutil.which(MLSERVER) is None:
        raise BenchUnavailable("MLServer is missing: get it with 'make .venv-mlserver/.ready'")
    port, *others = free_ports(3)
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": others[0], "debug": False}
    settings |= {"metrics_port": others[1], "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps(settings))
    described = {
        "name": "bench",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": str(model)},
    }
    (folder / "model-settings.json").write_text(json.dumps(described))
    command = [MLSERVER, "start", str(folder)]
    async with _process(command, folder / "mlserver.log") as processes:
        await _ready(f"http://127.0.0.1:{port}/v2/models/bench/ready", folder / "mlserver.log")
        url = f"http://127.0.0.1:{port}/v2/models/bench/infer"
        yield Running(url=url, processes=processes)


@asynccontextmanager
async def noop(folder: Path) -> AsyncIterator[Running]:
    """Yield uvicorn, with as many workers as the gateway has, and an empty app."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "uvicorn", "bench.noop:app", f"--port={port}"]
    command += [f"--workers={WORKERS}", "--loop=uvloop", "--http=httptools", "--lifespan=off"]
    command += ["--no-access-log", "--log-level=warning"]
    async with _process(command, folder / "noop.log") as processes:
        await _ready(f"http://127.0.0.1:{port}/", folder / "noop.log")
        yield Running(url=f"http://127.0.0.1:{port}/", processes=processes)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@asynccontextmanager
async def _process(
    command: Sequence[str], log: Path
) -> AsyncIterator[Callable[[], list[psutil.Process]]]:
    process = await asyncio.to_thread(_spawn, command, log)
    try:
        yield lambda: _family(process.pid)
    finally:
        await asyncio.to_thread(_end, process)


def _spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as sink:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=sink, stderr=sink, env=environment)


def _end(process: subprocess.Popen[bytes]) -> None:
    family = _family(process.pid)
    process.terminate()
    _, alive = psutil.wait_procs(family, 10)
    for member in alive:
        member.kill()
    process.wait()


async def _ready(url: str, log: Path) -> None:
    for _ in range(START_SECONDS * 10):
        try:
            await asyncio.to_thread(urllib.request.urlopen, url)
        except (urllib.error.URLError, ConnectionError):
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} is not there after {START_SECONDS} s: see {log}")


def _family(pid: int) -> list[psutil.Process]:
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def _workers() -> list[psutil.Process]:
    """Return the gateway's workers, which are children of this process."""
    children = psutil.Process().children()
    return [child for child in children if "modelyard.gateway.worker" in child.cmdline()]
