"""One place in the pool: a worker process, and the next one when it dies.

The processes are started and spoken to through plain pipes, not asyncio's subprocesses: those reap
children in ways that depend on the loop and the thread, and a worker must be a child of a thread
that lives as long as it should.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import IO, Any

import orjson
import structlog

from modelyard.gateway.counters import Tally, total
from modelyard.gateway.routes import Verdict, encode_verdict

#: A worker reports every second. Twice as long as this without a word, and it is dead.
SILENCE_SECONDS = 15.0
#: A worker that lived shorter than this is not started anew at once, or not for long.
SHORT_LIFE_SECONDS = 5.0
MAX_PAUSE_SECONDS = 5.0
#: For writing what is captured, beyond the time for answering what is under way.
FLUSH_SECONDS = 30.0
_MAX_LINE = 64 * 1024 * 1024

#: Each worker is one of several: libraries that start threads of their own would slow all down.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}

#: Says whether the caller of a question (see `permits`) may do what it asks.
Judge = Callable[[Mapping[str, Any]], Awaitable[Verdict]]
#: Takes what a worker tells of its invocations (see `calls`).
Recorder = Callable[[Sequence[Mapping[str, Any]]], None]

Tallies = dict[str, dict[str, Tally]]

log = structlog.get_logger(__name__)


class Slot:
    """Keeps one worker running.

    Args:
        descriptors: of listening sockets: the worker's own, then its siblings'.
        options: more of the worker's command line.
        greeting: gives what a new worker is told first.
        notice: is called when the worker became ready or applied something.
        judge: answers the worker's questions.
        record: gets what the worker tells of its invocations.
    """

    def __init__(
        self,
        index: int,
        descriptors: Sequence[int],
        options: Sequence[str],
        greeting: Callable[[], bytes],
        notice: Callable[[], Awaitable[None]],
        judge: Judge,
        record: Recorder,
    ) -> None:
        self.ready = False
        self.applied = -1  # generation of the routes
        self.failed: dict[str, str] = {}  # endpoints of that generation
        self.pid: int | None = None
        self._descriptors = descriptors
        self._options = options
        self._greeting = greeting
        self._notice = notice
        self._judge = judge
        self._record = record
        self._judging: set[asyncio.Task[None]] = set()
        self._counted: Tallies = {}  # by the present worker
        self._retired: Tallies = {}  # by those that died
        self._process: subprocess.Popen[bytes] | None = None
        self._input: asyncio.WriteTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._log = log.bind(worker=index)

    def start(self) -> None:
        """Start a worker, and another whenever it dies."""
        self._task = asyncio.create_task(self._keep())

    def send(self, message: bytes) -> None:
        """Send the worker a line; a worker that is not there is greeted with the news anyway."""
        if self._input is not None and not self._input.is_closing():
            self._input.write(message)

    def tallies(self) -> Iterator[tuple[str, str, Tally]]:
        """Yield (endpoint key, variant, numbers) of this and of former workers."""
        for counted in (self._counted, self._retired):
            for key, variants in counted.items():
                for variant, tally in variants.items():
                    yield key, variant, tally

    async def stop(self, drain_seconds: float) -> None:
        """End the worker: in good order, if it can."""
        self._stopping.set()
        if self._task is None:
            return
        if self._process is None:
            self._task.cancel()  # between two workers
        self._signal(signal.SIGTERM)
        _, late = await asyncio.wait([self._task], timeout=drain_seconds + FLUSH_SECONDS)
        if late:
            self._log.error("gateway worker does not end, and is killed", pid=self.pid)
            self._signal(signal.SIGKILL)
            await asyncio.wait([self._task])

    async def _keep(self) -> None:
        short_lives = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._live()
            except (OSError, ValueError):
                self._log.exception("gateway worker cannot be started or understood")
            self._retire()
            if self._stopping.is_set():
                return
            lived = time.monotonic() - began
            short_lives = short_lives + 1 if lived < SHORT_LIFE_SECONDS else 0
            if short_lives > 1:
                await asyncio.sleep(min(0.1 * 2**short_lives, MAX_PAUSE_SECONDS))

    async def _live(self) -> None:
        """Start one worker and listen to it until it is gone."""
        process = self._process = self._spawn()
        self.pid = process.pid
        loop = asyncio.get_running_loop()
        try:
            self._input, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process.stdin)
            async with _lines(process.stdout) as output, _lines(process.stderr) as errors:
                relaying = asyncio.create_task(self._relay(errors))
                self._input.write(self._greeting())
                await self._listen(output)
                await relaying
        finally:
            # Its output has ended, so it is gone or about to be.
            if self._input is not None:
                self._input.close()
            code = await asyncio.to_thread(_reap, process)
            self._log_end(process.pid, code)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "modelyard.gateway.worker", f"--parent={os.getpid()}"]
        command += [f"--fd={descriptor}" for descriptor in self._descriptors]
        return subprocess.Popen(
            [*command, *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(self._descriptors),
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,  # Ctrl-C in a terminal is for the server to hear
        )

    async def _listen(self, output: asyncio.StreamReader) -> None:
        silences = 0
        while True:
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    line = await output.readline()
            except TimeoutError:
                # Twice: a server that was itself stopped for long finds its timer run out first.
                silences += 1
                if silences > 1:
                    self._log.error("gateway worker is silent, and is killed", pid=self.pid)
                    self._signal(signal.SIGKILL)
                continue
            if not line:
                return
            silences = 0
            await self._hear(orjson.loads(line))

    async def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                self.ready = True
                self._log.info("gateway worker ready", pid=self.pid)
                await self._notice()
            case "applied":
                self.applied = message["generation"]
                self.failed = message["failed"]
                await self._notice()
            case "decide":
                task = asyncio.create_task(self._answer(message))
                self._judging.add(task)
                task.add_done_callback(self._judging.discard)
            case "calls":
                self._record(message["calls"])
            case "metrics":
                for key, variants in message["endpoints"].items():
                    self._counted[key] = {
                        variant: Tally.read(members) for variant, members in variants.items()
                    }

    async def _answer(self, question: Mapping[str, Any]) -> None:
        self.send(encode_verdict(await self._judge(question)))

    async def _relay(self, errors: asyncio.StreamReader) -> None:
        """Put what the worker logs into the server's log."""
        while line := await errors.readline():
            self._log.info("gateway worker says", pid=self.pid, line=line.decode(errors="replace"))

    def _log_end(self, pid: int, code: int) -> None:
        if self._stopping.is_set():
            self._log.info("gateway worker ended", pid=pid, code=code)
        else:
            self._log.error("gateway worker died, and is started anew", pid=pid, code=code)

    def _retire(self) -> None:
        """Keep a dead worker's numbers."""
        self.ready = False
        self.applied = -1
        self._process = self._input = None
        for key, variants in self._counted.items():
            kept = self._retired.setdefault(key, {})
            for variant, tally in variants.items():
                kept[variant] = total([kept.get(variant, Tally()), tally])
        self._counted = {}

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


@asynccontextmanager
async def _lines(pipe: IO[bytes] | None) -> AsyncIterator[asyncio.StreamReader]:
    """Yield what reads a pipe, and close it: at a pipe's end asyncio does, uvloop does not."""
    reader = asyncio.StreamReader(limit=_MAX_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        yield reader
    finally:
        transport.close()


def _reap(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(SHORT_LIFE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
