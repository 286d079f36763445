"""A Ray cluster of two nodes on this machine, as two `ray start` make it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.live import clean_environment

_START_SECONDS = 300
_MARK = "MODELYARD_TEST_CLUSTER"
_GIB = 2**30

#: Ray takes 127.0.0.1 for "this machine's address", and these for what they say.
HEAD, WORKER = "127.0.0.2", "127.0.0.3"


class RayCluster:
    """Two nodes, each with the same resources.

    Args:
        folder: of the token and of what the nodes work with; Ray's sockets need a short path, and
            lie elsewhere.
        token: whether it asks for one.
    """

    def __init__(
        self, folder: Path, *, cpus: int = 4, memory_gib: int = 16, token: bool = True
    ) -> None:
        self.token_file = folder / "token"
        self.token_file.write_text(secrets.token_hex(32))
        self.token_file.chmod(0o600)
        self._temporary = Path("/tmp", f"mr-{uuid.uuid4().hex[:8]}")
        self._mark = uuid.uuid4().hex
        self._cpus, self._memory = cpus, memory_gib * _GIB
        self.node_folder = folder / "node"
        self.address = ""
        self._environment = {
            **clean_environment(),
            _MARK: self._mark,
            "MODELYARD_NODE_FOLDER": str(self.node_folder),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_prestart_worker_first_driver": "0",
            "RAY_enable_worker_prestart": "0",
        }
        if token:
            self._environment |= {
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN_PATH": str(self.token_file),
            }

    def start(self, *, nodes: int = 2) -> None:
        """Start the head, and with two nodes the worker."""
        port = _free_port()
        self.address = f"{HEAD}:{port}"
        self._ray_start(
            *("--head", f"--node-ip-address={HEAD}", f"--port={port}"),
            *("--include-dashboard=false", f"--temp-dir={self._temporary}"),
        )
        if nodes > 1:
            self.start_worker()

    def start_worker(self) -> None:
        """Start the second node, at the beginning or again."""
        self._ray_start(f"--address={self.address}", f"--node-ip-address={WORKER}")

    def kill_worker(self) -> None:
        """End the second node as a power cut would, with all that runs on it."""
        [raylet] = [
            process
            for process in self.processes()
            if process.name() == "raylet" and f"--node_ip_address={WORKER}" in process.cmdline()
        ]
        for process in [raylet, *raylet.children(recursive=True)]:
            _kill(process)

    def processes(self) -> list[psutil.Process]:
        """Return all living processes of the cluster."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(_MARK) == self._mark:
                    found.append(process)
            except psutil.Error:
                continue
        return [process for process in found if process.pid != os.getpid()]

    def stop(self) -> None:
        """End all of it."""
        while processes := self.processes():
            for process in processes:
                _kill(process)
            psutil.wait_procs(processes, timeout=10)
        subprocess.run(["/bin/rm", "-rf", str(self._temporary)], check=True)

    def _ray_start(self, *options: str) -> None:
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("ray")), "start", *options),
                *(f"--num-cpus={self._cpus}", f"--memory={self._memory}"),
                *("--object-store-memory=80000000", "--disable-usage-stats"),
                *("--min-worker-port=0", "--max-worker-port=0"),
            ],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@contextmanager
def ray_cluster(folder: Path) -> Iterator[RayCluster]:
    """Return a running cluster of two nodes, which ends with the block."""
    cluster = RayCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _kill(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


def _free_port() -> int:
    with socket.create_server((HEAD, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
