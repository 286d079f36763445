"""The server's end: one Ray cluster, by way of a driver that is started when it is needed."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from modelyard.compute.ray import probe, wire
from modelyard.compute.runtime import HostLostError, RuntimeUnavailableError

_REACH_SECONDS = 10.0
_PROBE_SECONDS = 120.0
_CONNECT_SECONDS = 180.0
_END_SECONDS = 15.0
_SAID_LINES = 5
#: What a child gets of the server's environment.
_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR")

log = structlog.get_logger(__name__)


class OpenCluster(RuntimeUnavailableError):
    """The cluster takes orders from everybody who reaches it."""


@dataclass(frozen=True, kw_only=True)
class ClusterAddress:
    """How a cluster is reached."""

    address: str  # host:port of its head
    token_file: Path  # its authentication token

    @property
    def host_and_port(self) -> tuple[str, int]:
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


class Cluster:
    """Speaks with one cluster. For one event loop."""

    def __init__(self, where: ClusterAddress) -> None:
        self.where = where
        self._connecting = asyncio.Lock()
        self._driver: _Driver | None = None

    async def check(self) -> None:
        """Look whether it can be reached, and whether it asks for a token.

        Raises:
            OpenCluster: it asks for none.
            RuntimeUnavailableError: it cannot be reached.
        """
        where = self.where
        if importlib.util.find_spec("ray") is None:
            raise RuntimeUnavailableError(
                "jobs on a Ray cluster need the extra `ray`: pip install 'modelyard[ray]'"
            )
        if not where.token_file.is_file() or not os.access(where.token_file, os.R_OK):
            raise RuntimeUnavailableError(
                f"the Ray cluster's token is to be in {where.token_file}, which cannot be read: "
                "copy it there from a node (ray get-auth-token), or name another file with the "
                "account's compute.ray.token_file"
            )
        try:
            opening = asyncio.open_connection(*where.host_and_port)
            _, writer = await asyncio.wait_for(opening, _REACH_SECONDS)
            writer.close()
        except (OSError, TimeoutError) as error:
            raise RuntimeUnavailableError(
                f"the Ray cluster at {where.address} cannot be reached: "
                f"{str(error) or 'no answer'}. Look whether it runs, and whether the account's "
                "compute.ray.address is that of its head"
            ) from error
        code = await self._probe()
        if code == probe.OPEN_TO_ALL:
            raise OpenCluster(
                f"the Ray cluster at {where.address} takes orders from everybody who reaches it: "
                "start its nodes with RAY_AUTH_MODE=token and a token "
                "(ray get-auth-token --generate), or take compute.ray.address out of the settings"
            )
        if code != probe.ASKS_FOR_A_TOKEN:
            raise RuntimeUnavailableError(
                f"what answers at {where.address} is no Ray cluster that this server's Ray "
                "understands: it needs the same versions of Ray and of Python on all nodes"
            )

    async def request(self, do: str, **fields: Any) -> Any:
        """Ask the driver, which is started if it does not run.

        Raises:
            HostLostError: what was asked has gone with a node, or the driver.
            RuntimeUnavailableError: the cluster cannot be reached, or refuses.
        """
        return await (await self._connected()).request(do, **fields)

    async def close(self) -> None:
        """End the driver, and with it what it has started."""
        if self._driver is not None:
            await self._driver.close()

    async def _probe(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "modelyard.compute.ray.probe", self.where.address),
            env=_environment(),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        try:
            return await asyncio.wait_for(process.wait(), _PROBE_SECONDS)
        except TimeoutError:
            return probe.UNREACHABLE
        finally:
            with suppress(ProcessLookupError):
                process.kill()

    async def _connected(self) -> _Driver:
        async with self._connecting:
            if self._driver is None or self._driver.has_ended:
                await self.check()
                self._driver = await _Driver.start(self.where)
            return self._driver


class _Driver:
    """One driver process."""

    def __init__(
        self,
        where: ClusterAddress,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._where = where
        self._process = process
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[wire.Message]] = {}
        self._said: deque[str] = deque(maxlen=_SAID_LINES)
        self._listening = asyncio.create_task(self._listen())
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def start(cls, where: ClusterAddress) -> _Driver:
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "modelyard.compute.ray.driver"),
                *(str(theirs.fileno()), where.address),
                env={
                    **_environment(),
                    "RAY_AUTH_MODE": "token",
                    "RAY_AUTH_TOKEN_PATH": str(where.token_file),
                },
                pass_fds=[theirs.fileno()],
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=PIPE,
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours, limit=wire.MAX_LINE_BYTES)
        driver = cls(where, process, reader, writer)
        try:
            await driver._answer(0, _CONNECT_SECONDS)
        except BaseException:
            await driver.close()
            raise
        log.info("connected with a Ray cluster", address=where.address)
        return driver

    @property
    def has_ended(self) -> bool:
        return self._reading.done()

    async def request(self, do: str, **fields: Any) -> Any:
        number = next(self._numbers)
        wire.write(self._writer, {"id": number, "do": do, **fields})
        return await self._answer(number)

    async def close(self) -> None:
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_SECONDS)
        except TimeoutError:
            self._process.kill()
        await asyncio.gather(self._reading, self._listening, return_exceptions=True)

    async def _answer(self, number: int, seconds: float | None = None) -> Any:
        if self.has_ended:
            raise HostLostError(self._how_it_ended())
        future = self._waiting.setdefault(number, asyncio.get_running_loop().create_future())
        try:
            message = await asyncio.wait_for(future, seconds)
        except TimeoutError:
            raise RuntimeUnavailableError(
                f"the Ray cluster at {self._where.address} did not answer within {seconds:.0f} s"
            ) from None
        finally:
            self._waiting.pop(number, None)
        if "error" in message:
            kind = HostLostError if message["kind"] == "lost" else RuntimeUnavailableError
            raise kind(message["error"])
        return message["answer"]

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while (message := await wire.read(reader)) is not None:
            future = self._waiting.get(message["id"])
            if future is not None and not future.done():
                future.set_result(message)
        await asyncio.wait([self._listening], timeout=1)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(HostLostError(self._how_it_ended()))

    async def _listen(self) -> None:
        if self._process.stderr is None:
            return
        async for line in self._process.stderr:
            text = line.decode(errors="replace").strip()
            if text:
                self._said.append(text)
                log.debug("driver of a Ray cluster", says=text)

    def _how_it_ended(self) -> str:
        said = self._said[-1][:300] if self._said else "it said nothing"
        return f"the connection with the Ray cluster at {self._where.address} has ended: {said}"


def _environment() -> dict[str, str]:
    own = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    return {**own, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONUNBUFFERED": "1"}
