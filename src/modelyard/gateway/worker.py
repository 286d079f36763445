"""A gateway worker: `python -m modelyard.gateway.worker --fd N`, started by the supervisor.

It is told who may call and what is served over its standard input (`routes`), and accepts
connections once it knows both. It ends, having answered what is under way and written what is
captured, when its standard input ends, which is when the server is gone however that came about,
or on SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import uvloop

from modelyard.gateway import process
from modelyard.gateway.calls import REPORT_SECONDS
from modelyard.gateway.capture import CaptureLog
from modelyard.gateway.connection import Server
from modelyard.gateway.invocations import Invocations
from modelyard.gateway.listening import Listener
from modelyard.gateway.permits import Permits
from modelyard.gateway.routes import Keys, PoliciesChanged, Routes, Verdict, decode
from modelyard.gateway.serving import Loader
from modelyard.tls_sockets import Handshakes

METRICS_SECONDS = 1.0
SWEEP_SECONDS = 1.0

log = logging.getLogger(__name__)


class Worker:
    """One worker's life.

    Args:
        sockets: listening; the first is this worker's own, the others are its siblings'.
        tell: sends a message to the control plane.
        drain_seconds: for requests under way when it ends.
        tls_url: what it is called by clients, if it is to serve TLS; it then awaits a certificate.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        tell: Callable[[Mapping[str, Any]], None],
        *,
        capture_flush_seconds: float,
        drain_seconds: float,
        tls_url: str | None = None,
    ) -> None:
        self._capture = CaptureLog(capture_flush_seconds)
        self._permits = Permits(tell)
        self._invocations = Invocations(self._capture, self._permits)
        self._server = Server(self._invocations)
        connection = self._server.connection
        self._handshakes = None if tls_url is None else Handshakes(connection, lambda: tls_url)
        self._listener = Listener(sockets, connection, self._handshakes)
        self._loader = Loader()
        self._tell = tell
        self._drain_seconds = drain_seconds
        self._told: dict[str, Any] = {}
        self._routes: Routes | None = None
        self._news = asyncio.Event()  # of routes
        self._known = asyncio.Event()  # who may call
        self._certified = asyncio.Event()
        if self._handshakes is None:
            self._certified.set()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End, in good order."""
        self._stop.set()

    def hear(self, line: bytes) -> None:
        """Take a message of the control plane."""
        message = decode(line)
        if isinstance(message, Keys):
            self._invocations.set_keys(message)
            self._known.set()
        elif isinstance(message, Routes):
            self._routes = message
            self._news.set()
        elif isinstance(message, Verdict):
            self._permits.hear(message)
        elif isinstance(message, PoliciesChanged):
            self._permits.forget()
        elif self._handshakes is not None:
            self._handshakes.set_certificate(message)
            self._certified.set()

    async def run(self) -> None:
        """Serve until told to stop."""
        background = [
            asyncio.create_task(work)
            for work in (
                self._apply(),
                self._capture.run(),
                self._sweep(),
                self._count(),
                self._report(),
            )
        ]
        stopped = asyncio.create_task(self._stop.wait())
        # A worker that cannot go on ends, and is started anew; captured data is written first.
        await asyncio.wait([stopped, *background], return_when=asyncio.FIRST_COMPLETED)
        self._listener.close()
        await self._server.drain(self._drain_seconds)
        for task in background:
            task.cancel()
        results = await asyncio.gather(*background, return_exceptions=True)
        await self._capture.flush()
        self._tell_counts()
        self._tell_calls()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _apply(self) -> None:
        """Apply the newest routes, again and again; after the first, begin to listen."""
        while True:
            await self._news.wait()
            self._news.clear()
            routes = self._routes
            if routes is None:
                continue
            served = self._invocations.endpoints
            table, failed = await asyncio.to_thread(self._loader.load, routes, served)
            self._invocations.endpoints = table
            self._tell({"type": "applied", "generation": routes.generation, "failed": failed})
            if not self._listener.open:
                await self._known.wait()
                await self._certified.wait()
                await self._listener.start()
                self._tell({"type": "ready", "port": self._listener.port})

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._server.sweep()

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(METRICS_SECONDS)
            self._tell_counts()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self._tell_calls()

    def _tell_calls(self) -> None:
        calls = self._invocations.calls.report()
        if calls:
            self._tell({"type": "calls", "calls": calls})

    def _tell_counts(self) -> None:
        """Send the counters that changed; that any come at all says that this worker lives."""
        counted = self._loader.tallies()
        changed = {key: tally for key, tally in counted.items() if self._told.get(key) != tally}
        self._told = counted
        self._tell({"type": "metrics", "endpoints": changed})


class Line:
    """The line to the control plane: messages in order, sent from a thread of their own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="control")

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message; when nobody listens any more it is dropped."""
        self._thread.submit(self._write, orjson.dumps(message) + b"\n")

    def close(self) -> None:
        """Send what has still to be sent."""
        self._thread.shutdown()

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            while data:
                data = data[os.write(self._descriptor, data) :]


def listen_to(descriptor: int, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    """Give each line of the control plane to `worker`, from a thread; at the end, stop it."""

    def read() -> None:
        with open(descriptor, "rb", closefd=False) as lines:
            for line in lines:
                loop.call_soon_threadsafe(worker.hear, line)
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(worker.stop)

    threading.Thread(target=read, name="control-input", daemon=True).start()


async def serve(arguments: argparse.Namespace, line: Line) -> None:
    """Run a worker to its end."""
    worker = Worker(
        process.inherited(arguments.fd)
        or [process.listening_socket(arguments.host, arguments.port)],
        line.tell,
        capture_flush_seconds=arguments.capture_flush_seconds,
        drain_seconds=arguments.drain_seconds,
        tls_url=arguments.tls_url,
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.stop)
    listen_to(sys.stdin.fileno(), worker, loop)
    await worker.run()


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    told = argparse.ArgumentParser(prog="modelyard.gateway.worker", description=__doc__)
    told.add_argument("--fd", type=int, action="append", default=[], help="a listening socket")
    told.add_argument("--host", default="127.0.0.1", help="without --fd: where to listen")
    told.add_argument("--port", type=int, default=8081)
    told.add_argument("--parent", type=int, help="the process to end with")
    told.add_argument("--capture-flush-seconds", type=float, default=10.0)
    told.add_argument("--drain-seconds", type=float, default=10.0)
    told.add_argument("--tls-url", help="serve TLS; what clients call this server")
    return told


def main() -> None:
    """Run a worker, as a program."""
    arguments = parser().parse_args()
    # The control plane's line is the standard output; what libraries print there goes to the log.
    control = os.dup(1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.raiseExceptions = False  # when the server is gone, so is its end of the log
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which then stops us
    if arguments.parent is not None:
        process.end_with(arguments.parent)
    process.allow_many_files()
    # A thread that computes lets the event loop in after this long.
    sys.setswitchinterval(0.001)
    line = Line(control)
    try:
        uvloop.run(serve(arguments, line))
    finally:
        line.close()


if __name__ == "__main__":
    main()
