"""One account's MLflow server: started when it is first needed, watched, ended when it is idle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from yarl import URL

from modelyard.compute.runtime import Program, Runtime, RuntimeUnavailableError
from modelyard.experiments.errors import TrackingUnavailable
from modelyard.experiments.program import SOCKET, MlflowProgram
from modelyard.store.errors import StoreError

if TYPE_CHECKING:
    import aiohttp

START_SECONDS = 180.0  # importing MLflow takes ten on a quiet machine
IDLE_SECONDS = 1800.0
_LOOK_SECONDS = 0.1
_RESTART_SECONDS = (0.1, 1.0, 5.0, 20.0)  # waited after the first, second, … failure in a row
_STEADY_SECONDS = 60.0  # who lived that long is started again at once
_SILENCE_SECONDS = 300.0
_LOG_LINES = 30
_ADDED_BY_CLIENT = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

log = structlog.get_logger(__name__)


class MlflowServer:
    """The MLflow server of one account. It belongs to the event loop that first uses it.

    Args:
        make_program: makes its program; called in a thread, whenever it is started.
    """

    def __init__(
        self,
        runtime: Runtime,
        account: str,
        folder: Path,
        make_program: Callable[[], MlflowProgram],
    ) -> None:
        self._runtime = runtime
        self._account = account
        self._path = folder
        self._make_program = make_program
        self._listening = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._busy = 0
        self._used = 0.0
        self._folder: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not ended since."""
        return self._watcher is not None

    def wake(self) -> None:
        """Have it start, if it does not run; it is not waited for."""
        self._used = asyncio.get_running_loop().time()
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(), name="mlflow")

    async def ready(self, seconds: float = START_SECONDS) -> None:
        """Return when it answers.

        Raises:
            TrackingUnavailable: it does not within that time.
        """
        self.wake()
        try:
            async with asyncio.timeout(seconds):
                await self._listening.wait()
        except TimeoutError as error:
            said = "; ".join(list(self._lines)[-3:]) or "it said nothing yet"
            raise TrackingUnavailable(f"the MLflow server does not start: {said}") from error

    @asynccontextmanager
    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[bytes] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask it, once it answers; the answer's body is for the block to read.

        Args:
            target: path and query, as they are to go over the wire.

        Raises:
            TrackingUnavailable: it does not start, or died on the way.
        """
        import aiohttp  # not needed before the first request, and a while to import

        self._busy += 1
        try:
            answer = await self._answered(method, target, headers, body)
            async with answer:
                yield answer
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise TrackingUnavailable from error
        finally:
            self._busy -= 1
            self._used = asyncio.get_running_loop().time()

    async def _answered(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None,
        body: bytes | AsyncIterable[bytes] | None,
    ) -> aiohttp.ClientResponse:
        """Return the answer; who was not there to be asked, since it just died, is asked again."""
        import aiohttp

        async with asyncio.timeout(START_SECONDS):
            while True:
                await self.ready()
                try:
                    return await self._client().request(
                        method,
                        URL(f"http://localhost{target}", encoded=True),
                        headers=headers,
                        data=body,
                        allow_redirects=False,
                    )
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(_LOOK_SECONDS)

    async def stop_if_idle(self) -> None:
        """End it if nobody has asked it anything for a while; the next request starts it again."""
        idle = asyncio.get_running_loop().time() - self._used
        if self.is_running and self._busy == 0 and idle > IDLE_SECONDS:
            await self.stop()

    async def stop(self) -> None:
        """End it."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    async def _watch(self) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await self._serve()
            except (RuntimeUnavailableError, StoreError, OSError) as error:
                self._lines.append(str(error))
            failures = 0 if loop.time() - began > _STEADY_SECONDS else failures + 1
            log.warning(
                "an MLflow server ended, starting it again",
                account=self._account,
                said=list(self._lines)[-3:],
            )
            await asyncio.sleep(_RESTART_SECONDS[min(failures, len(_RESTART_SECONDS) - 1)])

    async def _serve(self) -> None:
        program = await asyncio.to_thread(self._make_program)
        await asyncio.to_thread(program.prepare)
        upgrade = await asyncio.to_thread(program.upgrade)
        if upgrade is not None:
            await self._run(upgrade)
        looker = asyncio.create_task(self._look(program))
        try:
            await self._run(program.server())
        finally:
            self._listening.clear()
            looker.cancel()
            await asyncio.gather(looker, return_exceptions=True)

    async def _run(self, program: Program) -> None:
        process = await self._runtime.start(program, self._take_line)
        try:
            code = await process.wait()
            self._lines.append(f"it ended with code {code}")
        finally:
            process.kill()
            with contextlib.suppress(asyncio.CancelledError):
                await process.wait()

    def _take_line(self, line: str) -> None:
        self._lines.append(line)
        log.debug("mlflow", account=self._account, said=line)

    async def _look(self, program: MlflowProgram) -> None:
        while not await asyncio.to_thread(_listens, self._address()):  # noqa: ASYNC110  # no event
            await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.to_thread(program.note_version)
        self._listening.set()

    def _address(self) -> str:
        """Return where it listens, by way of the folder's handle: a home's path may be too long."""
        if self._folder is None:
            self._folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._folder}/{SOCKET}"

    def _client(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A connection per request: one that is kept may have died with the server.
                connector=aiohttp.UnixConnector(self._address(), limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_ADDED_BY_CLIENT,
                timeout=aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_SECONDS),
            )
        return self._session


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
