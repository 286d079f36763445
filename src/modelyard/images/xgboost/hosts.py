"""Training on several hosts: how they meet, and what they tell each other.

XGBoost's hosts find each other through a tracker, which runs on the first host (by name). It can be
given a fixed port, but it then refuses to start for a minute after an earlier job on the same
address (its socket lacks SO_REUSEADDR). So the hosts meet at a fixed port of the first host, which
tells them the tracker's.

They exchange numbers only: XGBoost's `broadcast` of Python objects would unpickle what arrives.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from modelyard.images.training import log
from modelyard.images.training.errors import AlgorithmError, ClientError
from modelyard.images.xgboost import library

#: Where hosts meet; by default the tracker's port in the container of AWS.
MEETING_PORT = int(os.environ.get("MODELYARD_MEETING_PORT", "9099"))
PATIENCE_SECONDS = 900.0  # a host may start this much later than another one
_POLL_SECONDS = 0.05
_GOODBYE_SECONDS = 60
_MESSAGE_BYTES = 1024
_SILENCE_SECONDS = 24 * 3600  # a slow host is no dead one; a dead one's connection breaks at once

_T = TypeVar("_T")


class Cluster(Protocol):
    """The hosts that train together. Each call is a call of all of them, in the same order."""

    @property
    def rank(self) -> int:
        """This host's number; host 0 writes what there is to write."""

    @property
    def hosts(self) -> Sequence[str]:
        """All hosts, by rank."""

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the sum over all hosts, elementwise."""

    def maximum(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the maximum over all hosts, elementwise."""


class Alone:
    """The cluster of one host."""

    rank = 0

    def __init__(self, host: str = "algo-1") -> None:
        self.hosts: tuple[str, ...] = (host,)

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values."""
        return values

    def maximum(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values."""
        return values


class Ring:
    """Several hosts, connected by XGBoost's collective."""

    def __init__(self, hosts: Sequence[str], rank: int) -> None:
        self.hosts = tuple(hosts)
        self.rank = rank
        self._collective = library.load().collective

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the sum over all hosts, elementwise."""
        return self._reduce(values, self._collective.Op.SUM)

    def maximum(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the maximum over all hosts, elementwise."""
        return self._reduce(values, self._collective.Op.MAX)

    def _reduce(self, values: NDArray[Any], op: object) -> NDArray[Any]:
        reduced: NDArray[Any] = self._collective.allreduce(values, op)
        return reduced.reshape(values.shape)


def texts(cluster: Cluster, text: str) -> list[str]:
    """Return every host's text, by rank."""
    encoded = text.encode()[:_MESSAGE_BYTES]
    board = np.zeros((len(cluster.hosts), _MESSAGE_BYTES), np.uint8)
    board[cluster.rank, : len(encoded)] = np.frombuffer(encoded, np.uint8)
    rows = cluster.maximum(board)
    return [bytes(row).rstrip(b"\0").decode(errors="ignore") for row in rows]


def together(cluster: Cluster, work: Callable[[], _T]) -> _T:
    """Do what each host must succeed in, and return this host's result.

    Raises:
        ClientError: it failed on one host or more; all of them raise the same error.
    """
    result: list[_T] = []
    mine = ""
    try:
        result.append(work())
    except ClientError as error:
        mine = str(error)
    told = texts(cluster, mine)
    failed = [f"{host}: {text}" for host, text in zip(cluster.hosts, told, strict=True) if text]
    if mine and len(told) == 1:
        raise ClientError(mine)
    if failed:
        raise ClientError("; ".join(failed))
    return result[0]


def bytes_of_first(cluster: Cluster, content: bytes) -> bytes:
    """Return on every host what host 0 has."""
    length = int(cluster.maximum(np.array([len(content) if cluster.rank == 0 else 0]))[0])
    buffer = np.zeros(length, np.uint8)
    if cluster.rank == 0:
        buffer[:] = np.frombuffer(content, np.uint8)
    return bytes(cluster.maximum(buffer)) if length else b""


@contextmanager
def joined(hosts: Sequence[str], current: str) -> Iterator[Cluster]:
    """Meet the other hosts of the job, if there are any, for the time of the block.

    Raises:
        AlgorithmError: they cannot be found.
    """
    if len(hosts) == 1:
        yield Alone(hosts[0])
        return
    collective = library.load().collective
    rank = hosts.index(current)
    log.info(f"{current} is host {rank + 1} of {len(hosts)}: waiting for the others")
    address = _address(hosts[0])
    tracker = _start_tracker(address, len(hosts)) if rank == 0 else None
    port = _tracker_port(address) if tracker is None else tracker.worker_args()["dmlc_tracker_port"]
    collective.init(
        dmlc_communicator="rabit",
        dmlc_tracker_uri=address,
        dmlc_tracker_port=port,
        dmlc_task_id=f"{rank:05d}",  # ranks are given in the order of these
        dmlc_timeout=_SILENCE_SECONDS,
    )
    yield Ring(hosts, rank)
    # Only after success: with a host lost, these would wait for it, and the process ends anyway.
    # The model is saved by now, so that a host that ends without a goodbye does no harm.
    with suppress(ValueError):  # which XGBoost's error is
        collective.finalize()
        if tracker is not None:
            tracker.wait_for(timeout=_GOODBYE_SECONDS)


def _address(host: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            if time.monotonic() > deadline:
                raise AlgorithmError(f"host {host} cannot be resolved: {error}") from error
            time.sleep(_POLL_SECONDS)


def _job() -> str:
    """Return what tells this job's hosts from another's that may have the same address."""
    return os.environ.get("TRAINING_JOB_ARN") or os.environ.get("TRAINING_JOB_NAME", "")


def _start_tracker(address: str, hosts: int) -> Any:
    tracker = library.load().tracker.RabitTracker(
        n_workers=hosts, host_ip=address, port=0, sortby="task"
    )
    tracker.start()
    answer = f"{tracker.worker_args()['dmlc_tracker_port']} {_job()}".encode()
    listener = _listen(address, hosts)
    # The thread also keeps the tracker, whose removal would wait for hosts that are lost.
    threading.Thread(target=_answer, args=(listener, answer, tracker), daemon=True).start()
    return tracker


def _listen(address: str, hosts: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, MEETING_PORT))
    except OSError as error:
        raise AlgorithmError(f"port {MEETING_PORT} of {address} is taken: {error}") from error
    listener.listen(hosts)
    return listener


def _answer(listener: socket.socket, answer: bytes, _: object) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(answer)


def _tracker_port(address: str) -> int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with socket.create_connection((address, MEETING_PORT), timeout=10) as connection:
                answer = connection.makefile("rb").read().decode()
        except OSError as error:
            if time.monotonic() > deadline:
                raise AlgorithmError(
                    f"the first host ({address}) does not answer at port {MEETING_PORT}: {error}"
                ) from error
            time.sleep(_POLL_SECONDS)
            continue
        port, _, job = answer.partition(" ")
        if job != _job():
            raise AlgorithmError(f"another job ({job!r}) answers at {address}:{MEETING_PORT}")
        return int(port)
