"""The local runtime: each program a confined process of this machine, with a warden over it.

Never two at once: `start` takes a lock that lies in the program's own folder of the state, and
hands it to the warden, which holds it until nothing of the program is left. The kernel lets go of
a lock with the process that holds it, so it tells the truth also after a crash of the server, and
no process id needs to be remembered and mistaken for another's.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import signal
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import structlog

from modelyard.compute.confinement import Confinement, Launch, launcher
from modelyard.compute.job_files import remove_tree
from modelyard.compute.log_lines import LineDecoder
from modelyard.compute.runtime import Program, RuntimeUnavailableError

#: Jobs yield the CPU to the server and its gateway.
_NICE = 5
_LOCK = "lock"
_SCRATCH = "scratch"
_READ_BYTES = 64 * 1024
_POLL_SECONDS = 0.02
_END_SECONDS = 10.0  # how long an earlier start may take to be gone

log = structlog.get_logger(__name__)


class SandboxRuntime:
    """Runs programs as confined processes of this machine; see `runtime.Runtime`.

    Args:
        confinement: how they are kept to their own.
        state: a folder for locks and temporary files: `<home>/run/programs`.
        isolates_network: whether programs without a network can run.
    """

    def __init__(
        self, confinement: Confinement, state: Path, *, isolates_network: bool = True
    ) -> None:
        self._confinement = confinement
        self._state = state
        self._isolates_network = isolates_network

    @property
    def name(self) -> str:
        return self._confinement.name

    @property
    def isolates_network(self) -> bool:
        """Whether programs without a network can run."""
        return self._isolates_network

    async def start(self, program: Program, on_line: Callable[[str], None]) -> SandboxProcess:
        if not program.network and not self._isolates_network:
            raise RuntimeUnavailableError(
                f"{self.name} cannot keep a job from the network on this machine: run it without "
                "network isolation, or install bubblewrap"
            )
        folder = self._state / _folder_name(program.identity)
        lock = await self._claim(folder)
        try:
            scratch = program.temporary or folder / _SCRATCH
            launch = await asyncio.to_thread(self._prepare, program, scratch)
            process = await asyncio.create_subprocess_exec(
                *launcher("warden"),
                env={},
                cwd="/",
                stdin=PIPE,
                stdout=PIPE,
                stderr=STDOUT,
                pass_fds=[lock, *program.descriptors],
                start_new_session=True,
            )
        except BaseException:
            os.close(lock)
            _retire(folder)
            raise
        os.close(lock)
        return SandboxProcess(process, _orders(program, launch), on_line, folder)

    async def end(self, identity: str) -> None:
        folder = self._state / _folder_name(identity)
        os.close(await self._claim(folder))
        await asyncio.to_thread(_retire, folder)

    def sweep(self) -> None:
        """Remove what servers that were killed have left of programs that no longer run."""
        if self._state.is_dir():
            for folder in self._state.iterdir():
                _retire(folder)

    def _prepare(self, program: Program, scratch: Path) -> Launch:
        remove_tree(scratch)
        scratch.mkdir(mode=0o700, parents=True)
        return self._confinement.launch(program, scratch)

    async def _claim(self, folder: Path) -> int:
        """Return a handle that holds the folder's lock, having ended whoever held it."""
        give_up = time.monotonic() + _END_SECONDS
        asked = False
        while (lock := _try_lock(folder)) is None:
            if not asked:
                log.warning("ending an earlier start of a program", folder=folder.name)
                await asyncio.to_thread(_signal_holders, folder, signal.SIGTERM)
                asked = True
            if time.monotonic() > give_up:
                await asyncio.to_thread(_signal_holders, folder, signal.SIGKILL)
                raise RuntimeUnavailableError(
                    f"an earlier start of {folder.name} cannot be ended: look for the processes "
                    f"that hold {folder / _LOCK}, and end them"
                )
            await asyncio.sleep(_POLL_SECONDS)
        return lock


class SandboxProcess:
    """A program that was started; see `runtime.Process`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        orders: bytes,
        on_line: Callable[[str], None],
        folder: Path,
    ) -> None:
        self._process = process
        self._on_line = on_line
        self._folder = folder
        self._tell(orders)
        self._ended = asyncio.create_task(self._follow())

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        self._tell(b"terminate\n")

    def kill(self) -> None:
        # The warden takes the end of its input for the end of the server.
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _tell(self, text: bytes) -> None:
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(text)

    async def _follow(self) -> int:
        decoder = LineDecoder()
        if self._process.stdout is not None:
            while data := await self._process.stdout.read(_READ_BYTES):
                for line in decoder.feed(data):
                    self._on_line(line)
        for line in decoder.flush():
            self._on_line(line)
        code = await self._process.wait()
        self.kill()
        await asyncio.to_thread(_retire, self._folder)
        return code


def _orders(program: Program, launch: Launch) -> bytes:
    limits = {"CORE": 0}
    if program.memory_bytes is not None:
        limits["DATA"] = program.memory_bytes
    orders = {
        "argv": list(launch.argv),
        "depth": launch.depth,
        "arguments": list(launch.arguments),
        "arguments_at": launch.arguments_at,
        "inherited": list(program.descriptors),
        "nice": 0 if program.urgent else _NICE,
        "limits": limits,
    }
    return json.dumps(orders).encode() + b"\n"


def _folder_name(identity: str) -> str:
    """Return a file name for an identity, readable where it is short enough."""
    quoted = quote(identity, safe="").replace(".", "%2E")
    if len(quoted) <= 200:
        return quoted
    return f"{quoted[:150]}~{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def _try_lock(folder: Path) -> int | None:
    """Return a handle that holds the folder's lock, or None if somebody else holds it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:  # the folder was retired at this moment
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if not _is_same(folder / _LOCK, os.fstat(lock)):  # retired between the two steps
        os.close(lock)
        return None
    return lock


def _retire(folder: Path) -> None:
    """Remove a program's folder, unless it has been started again."""
    lock = _try_lock(folder)
    if lock is None:
        return
    try:
        remove_tree(folder / _SCRATCH)
        (folder / _LOCK).unlink()
        with suppress(OSError):  # somebody has made a new lock in it meanwhile
            folder.rmdir()
    finally:
        os.close(lock)


def _signal_holders(folder: Path, number: signal.Signals) -> None:
    """Send a signal to all other processes that have the folder's lock open."""
    try:
        wanted = (folder / _LOCK).stat()
    except OSError:
        return
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            if any(_is_same(handle, wanted) for handle in (process / "fd").iterdir()):
                os.kill(int(process.name), number)


def _is_same(handle: Path, wanted: os.stat_result) -> bool:
    try:
        status = handle.stat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino)
