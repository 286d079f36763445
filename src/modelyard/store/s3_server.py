"""The embedded S3 server: takes in bodies, each whole or not at all.

One `rclone serve s3` per account writes what clients upload, a body per file, below the account's
private folder. It never sees an object, nor a key: once the S3 door has verified a body, it becomes
an object by a rename (`Objects.publish`). So nothing that is wrong about a body, and nothing that
befalls rclone, can reach what is stored.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from yarl import URL

from modelyard.store.errors import StorageFull, StoreError
from modelyard.store.objects import Objects, ObjectStores
from modelyard.store.rclone import Rclone, RcloneUnavailable
from modelyard.store.rclone_key import HOST

if TYPE_CHECKING:
    import aiohttp

_BUCKET = "bodies"
_MAX_ADDRESS_BYTES = 100  # the kernel's limit is 107
_FULL = (
    "no space left on device",
    "disk quota exceeded",
    "read-only file system",
    "file too large",
)
_ATTEMPTS = 5
_RETRY_SECONDS = 0.1
_REPLAYED_BYTES = 256 * 1024


class S3ServerUnavailable(StoreError):
    """The embedded S3 server does not answer: try again."""


class S3Server:
    """Takes in the bodies of one account. It belongs to the event loop that first uses it."""

    def __init__(self, objects: Objects, address: Path) -> None:
        """Listen on the Unix socket `address`; nothing is started yet."""
        self._folder = objects.private / "incoming"
        self._rclone = Rclone(self._folder, address)
        self._session: aiohttp.ClientSession | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process that serves, None while there is none."""
        return self._rclone.pid

    async def take_in(self, body: AsyncIterable[bytes], length: int) -> Path:
        """Return the file that `body`, of `length` bytes, was written to; it is the caller's.

        The body is asked for its next piece only when there is room for it. What it raises is
        raised here, and then there is no file.

        Raises:
            StorageFull: the disk is full or read-only.
            S3ServerUnavailable: the server died on the way, or does not start.
            ValueError: `body` is not of that length.
        """
        session = await self._ready()
        self._check_room(length)
        name = uuid.uuid4().hex
        path = self._folder / _BUCKET / name
        try:
            await self._send(session, name, _Feed(body, length))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    async def close(self) -> None:
        """End the server."""
        if self._session is not None:
            await self._session.close()
        await self._rclone.stop()

    async def _ready(self) -> aiohttp.ClientSession:
        import aiohttp  # not needed before the first body, and a while to import

        async with self._starting:
            if self._session is None:
                self._prepare()
                # A connection per body: one that is kept may die between two bodies, unnoticed
                # until a part of the second has been sent and cannot be sent again.
                connector = aiohttp.UnixConnector(path=str(self._rclone.address), force_close=True)
                self._session = aiohttp.ClientSession(
                    connector=connector,
                    timeout=aiohttp.ClientTimeout(total=None),
                    skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
                )
        try:
            await self._rclone.ready()
        except RcloneUnavailable as error:
            self._check_room(0)
            raise S3ServerUnavailable(str(error)) from error
        return self._session

    def _prepare(self) -> None:
        """Make the folder anew: whoever waited for what lies there is no more."""
        try:
            shutil.rmtree(self._folder, ignore_errors=True)
            (self._folder / _BUCKET).mkdir(parents=True, exist_ok=True)
            self._rclone.address.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageFull(f"nothing was stored: {error.strerror}") from error

    def _check_room(self, length: int) -> None:
        """Return if `length` bytes fit on the disk and nothing says otherwise.

        Raises:
            StorageFull: they do not.
        """
        disk = os.statvfs(self._folder)
        free = disk.f_bavail * disk.f_frsize
        if disk.f_flag & os.ST_RDONLY:
            raise StorageFull("nothing was stored: the home folder is read-only")
        if length > free:
            raise StorageFull(f"nothing was stored: {length} bytes do not fit in {free} free ones")

    async def _send(self, session: aiohttp.ClientSession, name: str, feed: _Feed) -> None:
        import aiohttp

        for _ in range(_ATTEMPTS):
            said = self._rclone.said
            try:
                await self._put(session, name, feed)
            except (aiohttp.ClientError, ConnectionError) as error:
                if feed.failure is not None:
                    raise feed.failure from None
                # Its log comes on another way; and it may be dying, and not know yet.
                await asyncio.sleep(_RETRY_SECONDS)
                if self._rclone.has_said(_FULL, since=said):
                    raise StorageFull("nothing was stored: the disk is full") from error
                self._check_room(feed.length)
                if not feed.can_begin_anew:
                    raise S3ServerUnavailable from error
                await self._ready()
            else:
                return
        raise S3ServerUnavailable

    async def _put(self, session: aiohttp.ClientSession, name: str, feed: _Feed) -> None:
        import aiohttp

        # Nothing but this file is between us and the client, so there is no other time limit.
        path = f"/{_BUCKET}/{name}"
        signed = self._rclone.key.signed("PUT", path)
        async with session.put(
            URL(f"http://{HOST}{path}"),
            data=feed.pieces() if feed.length else b"",
            headers={"Content-Length": str(feed.length), **signed},
        ) as response:
            await response.read()
            if response.status != 200:
                raise aiohttp.ClientPayloadError(f"rclone answered {response.status}")


class _Feed:
    """A body on its way to rclone.

    It remembers what went wrong with it, which aiohttp wraps, and its beginning, so that a small
    body survives the death of the process that it was sent to.
    """

    def __init__(self, body: AsyncIterable[bytes], length: int) -> None:
        self._body = aiter(body)
        self._left = length
        self._begun: list[bytes] = []
        self.length = length
        self.failure: BaseException | None = None

    @property
    def can_begin_anew(self) -> bool:
        """Whether all that was sent can be sent again."""
        return self._left >= 0 and self.length - self._left <= _REPLAYED_BYTES

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return the body from its beginning."""
        try:
            for piece in self._begun:
                yield piece
            async for piece in self._body:
                self._left -= len(piece)
                if self._left < 0:
                    break
                self._keep(piece)
                yield piece
            if self._left != 0:
                raise ValueError(f"the body has not the {self.length} bytes that were announced")
        except GeneratorExit:
            raise  # rclone died, and nobody wants more of it for now
        except asyncio.CancelledError:
            self._left = -1  # the body was broken off, and cannot be read to its end
            raise
        except BaseException as error:
            self.failure = error
            raise

    def _keep(self, piece: bytes) -> None:
        if self.can_begin_anew:
            self._begun.append(piece)
        else:
            self._begun.clear()


class S3Servers:
    """The servers of all accounts; each is started when it is first used."""

    def __init__(self, stores: ObjectStores, run: Path) -> None:
        """Keep the sockets in `run` (`<home>/run`), or in a short folder if its path is long."""
        self._stores = stores
        self._run = run
        self._short: Path | None = None
        self._servers: dict[str, S3Server] = {}

    def of(self, account: str) -> S3Server:
        """Return the server of an account (12 digits).

        Raises:
            ValueError: `account` is not an account's number.
        """
        server = self._servers.get(account)
        if server is None:
            objects = self._stores.of(account)
            server = self._servers[account] = S3Server(objects, self._address(account))
        return server

    async def close(self) -> None:
        """End all servers."""
        await asyncio.gather(*(server.close() for server in self._servers.values()))
        self._servers.clear()
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None

    def _address(self, account: str) -> Path:
        address = self._run.absolute() / f"s3-{account}.sock"
        if len(os.fsencode(address)) <= _MAX_ADDRESS_BYTES:
            return address
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="modelyard-"))  # 0700
        return self._short / address.name
