"""Serving programs: the `serve` of an image for one model, kept running and answering.

    serving = Serving(runtime, Service(argv=image.serve, inputs={"model": folder}, …))
    try:
        await serving.start()        # all of them answer /ping from here on
        …                            # POST /invocations at `serving.sockets()`
    finally:
        await serving.stop()

The server makes the socket that a program listens on, and the program inherits it: so the program
needs no place to put one and cannot put anything else there, whoever connects early waits in the
socket instead of being refused, and a program that is started anew goes on with the same one.
A program that ends, or that answers no /ping for long, is started anew, after a pause that grows.
Knows nothing of endpoints: a job can have a model served for itself as well.
"""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from modelyard import unix_sockets
from modelyard.compute.confinement import launcher
from modelyard.compute.job_files import remove_tree
from modelyard.compute.ping import ping
from modelyard.compute.runtime import Process, Program, Runtime, RuntimeUnavailableError

#: The variable that tells a program the number of the listening socket that it inherits.
LISTENER_VARIABLE = "MODELYARD_SERVE_FD"
#: The public contract's: at which port to listen.
PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"

#: In which a program must answer /ping for the first time, where nobody says otherwise.
START_SECONDS = 480.0
_LAST_LINES = 20
_SAID_CHARACTERS = 700  # a FailureReason has room for 1,024
_SHORT_LIFE_SECONDS = 10.0

log = structlog.get_logger(__name__)


class ServingError(Exception):
    """The programs cannot serve; the message says why, with the end of their log."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One model that is to be served, by programs that are all alike."""

    identity: str  # unique: programs of an earlier start under it are ended first
    argv: Sequence[str]
    environment: Mapping[str, str]
    #: Path below /opt/ml -> folder, which the programs may only read: "model" above all.
    inputs: Mapping[str, Path]
    folder: Path  # theirs alone; made, and removed at the end
    programs: int = 1
    vcpus: int = 1  # of each
    memory_bytes: int | None = None  # of each
    network: bool = True
    #: Where a program listens that knows nothing of the inherited socket: then it has a network of
    #: its own, which leads nowhere, and a relay beside it.
    port: int | None = None
    #: The file system of the image that the programs are of; None: they see the machine's.
    image: Path | None = None
    private: bool = False  # `folder` is in memory, and nothing of it may reach a disk
    start_seconds: float = START_SECONDS


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long is waited for what."""

    ping_every_seconds: float = 5.0
    ping_seconds: float = 2.0  # the contract's: in which an answer must be there
    silent_seconds: float = 20.0  # without any answer, after which a program is started anew
    pause_seconds: float = 0.2  # before a program is started anew; doubled for each short life
    max_pause_seconds: float = 30.0
    drain_seconds: float = 65.0  # between SIGTERM and SIGKILL: an invocation may take 60


#: Gets (number of the program, line); the numbers begin with 0.
OnLine = Callable[[int, str], None]


class Serving:
    """The programs that serve one model. To be used in one event loop.

    Args:
        on_line: gets what they write.
        on_change: called when a program has begun to answer, or answers no more.
    """

    def __init__(
        self,
        runtime: Runtime,
        service: Service,
        on_line: OnLine,
        on_change: Callable[[], None] = lambda: None,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._service = service
        self._keepers = [
            Keeper(runtime, service, number, on_line, on_change, patience or Patience())
            for number in range(service.programs)
        ]

    def begin(self) -> None:
        """Start the programs without waiting for them; who connects waits in their sockets.

        Raises:
            OSError: their folder or sockets cannot be made.
        """
        remove_tree(self._service.folder)
        for keeper in self._keepers:
            keeper.begin()

    async def ready(self) -> None:
        """Wait until all programs answer.

        Raises:
            ServingError: one of them ended, or did not answer in time; it is not started anew.
        """
        waiting = [asyncio.ensure_future(keeper.ready()) for keeper in self._keepers]
        try:
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def start(self) -> None:
        """Start the programs, and return once all of them answer.

        Raises:
            ServingError: they cannot serve; none is left running.
        """
        try:
            self.begin()
            await self.ready()
        except OSError as error:
            await self.kill()
            raise ServingError(f"the programs' folder cannot be made: {error}") from error
        except BaseException:
            await self.kill()
            raise

    def sockets(self) -> dict[int, Path]:
        """Return the sockets, by number, of the programs that answer or still start at first."""
        return {
            number: keeper.path for number, keeper in enumerate(self._keepers) if keeper.is_expected
        }

    async def stop(self) -> None:
        """Let the programs finish what they are answering, and end them."""
        await asyncio.gather(*(keeper.stop() for keeper in self._keepers))
        await asyncio.to_thread(remove_tree, self._service.folder)

    async def kill(self) -> None:
        """End the programs now."""
        await asyncio.gather(*(keeper.kill() for keeper in self._keepers))
        await asyncio.to_thread(remove_tree, self._service.folder)


class Keeper:
    """Keeps one program running."""

    def __init__(
        self,
        runtime: Runtime,
        service: Service,
        number: int,
        on_line: OnLine,
        on_change: Callable[[], None],
        patience: Patience,
    ) -> None:
        self.path = service.folder / "sockets" / str(number)
        self.answers = False
        self._runtime = runtime
        self._service = service
        self._number = number
        self._on_line = on_line
        self._on_change = on_change
        self._patience = patience
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._first: asyncio.Future[None] | None = None  # the first answer
        self._listener: socket.socket | None = None
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def is_expected(self) -> bool:
        """Whether it answers, or is starting for the first time."""
        return self.answers or (self._first is not None and not self._first.done())

    def begin(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._listener = unix_sockets.listening(self.path)
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep())

    async def ready(self) -> None:
        if self._first is not None:
            await asyncio.shield(self._first)

    async def stop(self) -> None:
        self._stopping = True
        if self._process is not None and self._task is not None:
            self._process.terminate()
            await asyncio.wait([self._task], timeout=self._patience.drain_seconds)
        await self.kill()

    async def kill(self) -> None:
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._first is not None:
            self._first.cancel()
        if self._listener is not None:
            self._listener.close()
            with suppress(OSError):
                self.path.unlink()

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        short_lives = 0
        while True:
            began = clock()
            why = await self._lived()
            if self._stopping:
                return
            if self._fails(why):
                return
            short_lives = short_lives + 1 if clock() - began < _SHORT_LIFE_SECONDS else 0
            pause = self._patience.pause_seconds * 2.0**short_lives * random.uniform(0.8, 1.2)  # noqa: S311
            pause = min(pause, self._patience.max_pause_seconds)
            self._say(f"{why}; it is started anew in {pause:.1f} s")
            await asyncio.sleep(pause)

    async def _lived(self) -> str:
        """Run the program once; return why it answers no more."""
        try:
            return await self._live()
        except (RuntimeUnavailableError, OSError) as error:
            return f"it cannot be started: {error}"
        finally:
            if self.answers:
                self.answers = False
                self._on_change()

    def _fails(self, why: str) -> bool:
        """Tell who waits for the first answer that there will be none; return whether so."""
        if self._first is None or self._first.done():
            return False
        said = "\n".join(line for line in self._last if line.strip())[-_SAID_CHARACTERS:]
        self._first.set_exception(ServingError(f"{why}. The end of its log: {said or 'empty'}"))
        self._first.exception()  # whoever does not ask for it is not missing anything
        self._on_change()
        return True

    async def _live(self) -> str:
        self._last.clear()
        program = await asyncio.to_thread(self._prepare)
        self._process = process = await self._runtime.start(program, self._line)
        ended = asyncio.ensure_future(process.wait())
        try:
            if self._stopping:
                return "it is not needed any more"
            why = await self._until_answering(ended)
            if why is not None:
                return why
            self._rise()
            return await self._until_silent(ended)
        finally:
            self._process = None
            process.kill()
            await asyncio.shield(ended)

    def _rise(self) -> None:
        self.answers = True
        if self._first is not None and not self._first.done():
            self._first.set_result(None)
        self._on_change()

    async def _until_answering(self, ended: asyncio.Future[int]) -> str | None:
        """Wait for the first answer to /ping; return why there is none, if so."""
        clock = asyncio.get_running_loop().time
        give_up = clock() + self._service.start_seconds
        while (left := give_up - clock()) > 0:
            answers = await self._ping(left, ended)
            if ended.done():
                return f"it ended {_code(ended.result())} before it answered /ping"
            if answers:
                return None
            await asyncio.wait({ended}, timeout=min(0.1, left))
        return f"it did not answer GET /ping with 200 within {self._service.start_seconds:.0f} s"

    async def _until_silent(self, ended: asyncio.Future[int]) -> str:
        """Wait until the program has ended or answers no more; return which."""
        patience = self._patience
        clock = asyncio.get_running_loop().time
        heard = clock()
        silent_seconds = patience.silent_seconds
        if self._service.port is not None:
            # It may answer one request at a time, and no ping meanwhile.
            silent_seconds = max(silent_seconds, patience.drain_seconds)
        while True:
            await asyncio.wait({ended}, timeout=patience.ping_every_seconds)
            answers = await self._ping(patience.ping_seconds, ended)
            if ended.done():
                return f"the program ended {_code(ended.result())}"
            if answers:
                heard = clock()
            elif clock() - heard > silent_seconds and not self._stopping:
                return f"the program answered no /ping for {clock() - heard:.0f} s"

    async def _ping(self, seconds: float, ended: asyncio.Future[int]) -> bool:
        """Return whether the program answers; a ping to one that has ended waits for nobody."""
        asking = asyncio.ensure_future(ping(self.path, seconds))
        try:
            both: list[asyncio.Future[bool] | asyncio.Future[int]] = [asking, ended]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return asking.done() and asking.result()
        finally:
            asking.cancel()

    def _prepare(self) -> Program:
        service = self._service
        base = service.folder / f"program-{self._number}"
        remove_tree(base)
        for path in service.inputs:
            (base / path).mkdir(mode=0o700, parents=True)
        descriptor = -1 if self._listener is None else self._listener.fileno()
        argv, told = service.argv, {LISTENER_VARIABLE: str(descriptor)}
        if service.port is not None:
            argv = launcher("port_relay", str(descriptor), str(service.port), *argv)
            told = {PORT_VARIABLE: str(service.port)}
        return Program(
            identity=f"{service.identity}/{self._number}",
            argv=argv,
            environment={**service.environment, **told},
            base=base,
            inputs=service.inputs,
            network=service.network and service.port is None,
            vcpus=service.vcpus,
            temporary=service.folder / f"temporary-{self._number}" if service.private else None,
            memory_bytes=service.memory_bytes,
            descriptors=[descriptor],
            urgent=True,
            image=service.image,
        )

    def _line(self, line: str) -> None:
        self._last.append(line)
        self._on_line(self._number, line)

    def _say(self, line: str) -> None:
        log.warning("serving program", identity=self._service.identity, what=line)
        self._on_line(self._number, f"modelyard: {line}")


def _code(code: int) -> str:
    return f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
