"""`git http-backend` as a CGI child: nothing of this process's environment reaches it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from modelyard.api.errors import RequestRefused
from modelyard.orchestrator.gitops.repository import Repository, git_environment

log = structlog.get_logger(__name__)

MAX_SECONDS = 600  # of one request, from its first byte to the answer's last
_MAX_HEAD_BYTES = 16 << 10
_PIECE_BYTES = 64 << 10
_AT_ONCE = 4  # children; the others wait for their turn
_MAX_TOLD_BYTES = 4096  # of what a child says on standard error


@dataclass(frozen=True, kw_only=True)
class CgiRequest:
    """What the child is told of a request; every value was checked."""

    method: str
    service: str  # the path below the repository, "info/refs"
    query: str
    content_type: str
    protocol: str  # "version=2", or nothing
    encoding: str  # of the body, "gzip", or nothing
    caller: str


@dataclass(frozen=True, kw_only=True)
class CgiAnswer:
    """What the child answers; its body comes while it works."""

    status: int
    content_type: str
    body: AsyncIterator[bytes]


class GitBackend:
    """Runs the children of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def asked(
        self, request: CgiRequest, body: AsyncIterator[bytes]
    ) -> AsyncIterator[CgiAnswer]:
        """Ask the child; it ends with the block.

        Raises:
            RequestRefused: it takes too long, or says nothing.
            Exception: whatever reading the body raises.
        """
        async with self._turns:
            try:
                async with (
                    asyncio.timeout(MAX_SECONDS),
                    self._child(request) as child,
                    _fed(child, body),
                ):
                    yield await _answer(child)
            except TimeoutError as error:
                raise RequestRefused(
                    504, "GitTimeout", f"git did not answer within {MAX_SECONDS} seconds"
                ) from error

    @asynccontextmanager
    async def _child(self, request: CgiRequest) -> AsyncIterator[asyncio.subprocess.Process]:
        child = await asyncio.create_subprocess_exec(
            self._repository.program,
            "http-backend",
            env=self._environment(request),
            cwd=self._repository.path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        listening = asyncio.create_task(_told(child))
        try:
            yield child
            await child.wait()
            told = await listening
            if child.returncode != 0 or told:
                log.warning("git http-backend", exit_code=child.returncode, said=told)
        finally:
            _kill(child)
            await child.wait()
            listening.cancel()

    def _environment(self, request: CgiRequest) -> Mapping[str, str]:
        path = self._repository.path
        told = {
            **git_environment(),
            "GIT_PROJECT_ROOT": str(path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{path.name}/{request.service}",
            "QUERY_STRING": request.query,
            "REQUEST_METHOD": request.method,
            "REMOTE_USER": request.caller,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": request.content_type,
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        if request.protocol:
            told["GIT_PROTOCOL"] = request.protocol
        if request.encoding:
            told["HTTP_CONTENT_ENCODING"] = request.encoding
        return told


@asynccontextmanager
async def _fed(
    child: asyncio.subprocess.Process, body: AsyncIterator[bytes]
) -> AsyncIterator[None]:
    """Give the child the body meanwhile; what goes wrong with the body is what went wrong."""
    feeding = asyncio.create_task(_feed(child, body))
    feeding.add_done_callback(
        lambda done: None if done.cancelled() or done.exception() is None else _kill(child)
    )
    try:
        yield
    finally:
        if feeding.done() and not feeding.cancelled():
            feeding.result()
        feeding.cancel()


async def _feed(child: asyncio.subprocess.Process, body: AsyncIterator[bytes]) -> None:
    if child.stdin is None:
        raise RuntimeError("the child has no standard input")
    try:
        async for piece in body:
            child.stdin.write(piece)
            await child.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has read enough: its answer says why
    finally:
        child.stdin.close()


def _kill(child: asyncio.subprocess.Process) -> None:
    """End the child and its own children, which are in its group; who has ended is in none."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


async def _answer(child: asyncio.subprocess.Process) -> CgiAnswer:
    stdout = child.stdout
    if stdout is None:
        raise RuntimeError("the child has no standard output")
    head: dict[str, str] = {}
    size = 0
    while True:
        line = await stdout.readline()
        size += len(line)
        if not line or size > _MAX_HEAD_BYTES:
            raise RequestRefused(502, "GitFailed", "git answered nothing that is one of HTTP's")
        text = line.decode("latin-1").strip()
        if not text:
            break
        name, _, value = text.partition(":")
        head[name.strip().lower()] = value.strip()
    code = head.get("status", "200").partition(" ")[0]
    return CgiAnswer(
        status=int(code) if code.isascii() and code.isdigit() else 502,
        content_type=head.get("content-type", "text/plain"),
        body=_pieces(stdout),
    )


async def _pieces(stdout: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        piece = await stdout.read(_PIECE_BYTES)
        if not piece:
            return
        yield piece


async def _told(child: asyncio.subprocess.Process) -> str:
    """Return the beginning of what the child says on standard error, all of which is read."""
    told = b""
    while child.stderr is not None:
        piece = await child.stderr.read(_PIECE_BYTES)
        if not piece:
            break
        told += piece[: _MAX_TOLD_BYTES - len(told)]
    return told.decode(errors="replace").strip()
