"""The configuration repository over git's smart HTTP: `/v1/repos/<name>`, as CodeCommit has it.

Whoever calls shows an access key and its secret, or a token, by HTTP Basic. To read takes
`codecommit:GitPull`, to write `codecommit:GitPush`, on the repository. A push to the branch `main`
that changes the configuration file has it provisioned, as who pushed, and what came of it is the
push's last output.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

import structlog
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from modelyard.api.authenticated import admit, context_of, head_of
from modelyard.api.bodies import ClientGone, too_large
from modelyard.api.errors import Failure, RequestRefused, failure_of
from modelyard.api.git.backend import CgiAnswer, CgiRequest, GitBackend
from modelyard.api.git.pkt_lines import Commands, NotPktLines, commands_in, with_message
from modelyard.api.state import RequestState, state_of
from modelyard.arns import Arn
from modelyard.identity.authentication import RequestHead
from modelyard.identity.http_authentication import HttpAuthenticator
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.orchestrator.gitops import configurations
from modelyard.orchestrator.gitops.execution import lines
from modelyard.orchestrator.gitops.intake import Intake
from modelyard.orchestrator.gitops.repository import (
    MAX_PUSH_BYTES,
    NO_COMMIT,
    REFERENCE,
    GitFailed,
    Repository,
)
from modelyard.sigv4 import SignatureError
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource, Store

PREFIX = "/v1/repos/"
PULL, PUSH = "codecommit:GitPull", "codecommit:GitPush"
ACTIONS = (PULL, PUSH)

MAX_FETCH_BYTES = 4 << 20  # of a request to read, which lists what the client has
MAX_COMMAND_BYTES = 256 << 10
MAX_ANSWER_BYTES = 8 << 20  # of an answer to a push, which is a report
MAX_IDLE_SECONDS = 60
RESULT_SECONDS = 45.0  # how long a push waits for what comes of it
_POLL_SECONDS = 0.05

_PATH = re.compile(rf"{PREFIX}([A-Za-z0-9._-]{{1,100}}?)(?:\.git)?/(.*)")
_QUERY = re.compile(r"service=(git-upload-pack|git-receive-pack)")
_PROTOCOL = re.compile(r"version=[012]")
#: By method and path below the repository: what carries it out is named by the path itself.
_SERVICES = {("POST", "git-upload-pack"): PULL, ("POST", "git-receive-pack"): PUSH}

log = structlog.get_logger(__name__)

Guard = Callable[[Context, str, str, Mapping[str, Any]], AbstractContextManager[None]]


class GitDoor:
    """Serves one repository, of one account; without one it says so to whoever is known.

    Args:
        guard: `OperationTable.guard`.
    """

    def __init__(
        self,
        authenticator: HttpAuthenticator,
        guard: Guard,
        store: Store,
        intake: Intake | None,
        *,
        account: str,
        region: str,
    ) -> None:
        self._authenticator = authenticator
        self._guard = guard
        self._store = store
        self._intake = intake
        self._repository = None if intake is None else intake.repository
        self._backend = None if self._repository is None else GitBackend(self._repository)
        self._account = account
        self._region = region
        self._one_push = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = state_of(scope)
        state.service = "codecommit"
        try:
            await self._answer(scope, receive, send, state)
        except (OperationError, SignatureError, RequestRefused, StoreError, GitFailed) as error:
            failure = _failure(error, state)
            await render_git_failure(failure, state)(scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, state: RequestState
    ) -> None:
        head = head_of(scope)
        _refuse_browsers(head)
        claim = self._authenticator.claim(head)
        if claim.signature is not None:
            raise SignatureError(
                "MissingAuthenticationToken",
                "git signs nothing: give an access key and its secret, or a token, as a password",
            )
        admit(state, self._authenticator.prove(claim, head, hashlib.sha256(b"").hexdigest()))
        context = context_of(scope)
        repository, request, action = self._asked(head, context)
        state.operation = action.partition(":")[2]
        arn = Arn(
            service="codecommit",
            region=self._region,
            account=self._account,
            resource=repository.name,
        )
        with self._guard(context, action, str(arn), {}):
            if request.service == "git-receive-pack":
                await self._push(context, repository, request, receive, send)
            else:
                pieces = _pieces(receive, MAX_FETCH_BYTES)
                async with self._git.asked(request, pieces) as answer:
                    await _pass_on(answer, send)

    @property
    def _git(self) -> GitBackend:
        if self._backend is None:
            raise RuntimeError("there is no repository")
        return self._backend

    def _asked(self, head: RequestHead, context: Context) -> tuple[Repository, CgiRequest, str]:
        """Return what a request asks for, and the action that it takes.

        Raises:
            RequestRefused: it is nothing that is offered.
        """
        match = _PATH.fullmatch(head.path)
        repository = self._repository
        if repository is None:
            raise RequestRefused(
                404,
                "RepositoryDoesNotExistException",
                "this server has no configuration repository: set configuration_repository, or "
                "start it with --configuration-repository",
            )
        if match is None or match[1] not in (repository.name, f"{repository.name}.git"):
            raise RequestRefused(
                404,
                "RepositoryDoesNotExistException",
                f"there is no repository at {head.path[:200]}: its address is "
                f"{PREFIX}<name>, with the name that the setting configuration_repository has",
            )
        service = match[2]
        asked = _QUERY.fullmatch(head.query)
        if (head.method, service) == ("GET", "info/refs") and asked is not None:
            action, query = _SERVICES["POST", asked[1]], head.query
        elif (head.method, service) in _SERVICES and not head.query:
            action, query = _SERVICES[head.method, service], ""
        else:
            raise RequestRefused(
                404, "NotOffered", "only git's smart HTTP is offered here: clone, fetch, push"
            )
        encoding = head.headers.get("content-encoding", "")
        if encoding not in ("", "gzip") or (encoding and action == PUSH):
            raise RequestRefused(
                415, "NotOffered", f"a body in {encoding[:20]!r} is not read: send it as it is"
            )
        protocol = head.headers.get("git-protocol", "")
        request = CgiRequest(
            method=head.method,
            service=service,
            query=query,
            content_type=f"application/x-{service}-request" if head.method == "POST" else "",
            protocol=protocol if _PROTOCOL.fullmatch(protocol) else "",
            encoding=encoding,
            caller=context.principal.person,
        )
        if head.method == "POST" and head.headers.get("content-type") != request.content_type:
            raise RequestRefused(
                415, "NotOffered", f"the content type must be {request.content_type}"
            )
        return repository, request, action

    async def _push(
        self,
        context: Context,
        repository: Repository,
        request: CgiRequest,
        receive: Receive,
        send: Send,
    ) -> None:
        pieces = _pieces(receive, MAX_PUSH_BYTES)
        commands, begun = await _commands(pieces)
        commit = commands.new_by_reference.get(REFERENCE, NO_COMMIT)
        async with self._one_push:
            arn = None
            if commit != NO_COMMIT and self._intake is not None:
                arn = await asyncio.to_thread(
                    self._intake.expect_commit, context, repository, commit
                )
            try:
                status, content_type, answer = await self._received(request, begun, pieces)
            finally:
                # Also where the client has gone: what arrived, arrived.
                settled = await asyncio.shield(self._settled(arn))
        if settled:
            said = await self._result(settled)
            if commands.takes_messages and status == 200:
                answer = with_message(answer, said)
        await _send_whole(status, content_type, answer, send)

    async def _received(
        self, request: CgiRequest, begun: bytes, pieces: AsyncIterator[bytes]
    ) -> tuple[int, str, bytes]:
        async def body() -> AsyncIterator[bytes]:
            yield begun
            async for piece in pieces:
                yield piece

        async with self._git.asked(request, body()) as answer:
            report = bytearray()
            async for piece in answer.body:
                report += piece
                if len(report) > MAX_ANSWER_BYTES:
                    raise RequestRefused(502, "GitFailed", "git said more than a push can be told")
            return answer.status, answer.content_type, bytes(report)

    async def _settled(self, arn: str | None) -> str | None:
        """Return the ARN of what is to be provisioned, if a push brought any."""
        if arn is None or self._intake is None:
            return None
        try:
            return arn if await asyncio.to_thread(self._intake.settle, arn) else None
        except (StoreError, GitFailed) as error:
            # The commit is there: the next start of the server goes on with it.
            log.error("push not settled", resource=arn, reason=str(error))
            return None

    async def _result(self, arn: str) -> list[str]:
        """Return what came of a configuration; it goes on where that takes longer."""
        row: Resource | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(RESULT_SECONDS):
                while True:
                    row = await asyncio.to_thread(self._find, arn)
                    if row is None or row.status in configurations.ENDED:
                        break
                    await asyncio.sleep(_POLL_SECONDS)
        if row is None:
            return []
        return [*lines(row), f"see: modelyard configurations {row.name}"]

    def _find(self, arn: str) -> Resource | None:
        with self._store.read() as snapshot:
            return snapshot.find_by_arn(arn)


def render_git_failure(failure: Failure, state: RequestState) -> PlainTextResponse:
    """Return a failure as git shows it; who is not known is asked for a password."""
    state.error = failure.code
    headers = {"x-amzn-ErrorType": failure.code}
    if failure.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Modelyard configuration", charset="UTF-8"'
    return PlainTextResponse(f"{failure.message}\n", status_code=failure.status, headers=headers)


def _failure(error: Exception, state: RequestState) -> Failure:
    if isinstance(error, GitFailed):
        log.error("git failed", reason=str(error))
        return Failure(status=500, code="GitFailed", message="git failed: see the server's log")
    found = failure_of(error, state)
    if isinstance(error, SignatureError):
        return Failure(status=401, code=found.code, message=found.message)
    return found


def _refuse_browsers(head: RequestHead) -> None:
    """Return if no browser asks, which might add a password by itself for a page of others.

    Raises:
        RequestRefused: one does.
    """
    if "origin" in head.headers or "sec-fetch-site" in head.headers:
        raise RequestRefused(403, "NotOffered", "this address is for git, not for browsers")


async def _pieces(receive: Receive, max_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    while True:
        try:
            async with asyncio.timeout(MAX_IDLE_SECONDS):
                message = await receive()
        except TimeoutError as error:
            raise RequestRefused(
                408, "RequestTimeout", f"nothing came for {MAX_IDLE_SECONDS} seconds"
            ) from error
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size > max_bytes:
            raise too_large(max_bytes)
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


async def _commands(pieces: AsyncIterator[bytes]) -> tuple[Commands, bytes]:
    """Return what a push asks for, and the bytes that were read to know it.

    Raises:
        RequestRefused: it does not begin as a push does.
    """
    begun = bytearray()
    try:
        async for piece in pieces:
            begun += piece
            found = commands_in(bytes(begun[:MAX_COMMAND_BYTES]))
            if found is not None:
                return found, bytes(begun)
            if len(begun) > MAX_COMMAND_BYTES:
                raise NotPktLines(f"a push may change what {MAX_COMMAND_BYTES} bytes can name")
    except NotPktLines as error:
        raise RequestRefused(400, "BadPush", str(error)) from error
    raise RequestRefused(400, "BadPush", "the push ends ahead of its commands' end")


async def _pass_on(answer: CgiAnswer, send: Send) -> None:
    await send(_start(answer.status, answer.content_type))
    async for piece in answer.body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_whole(status: int, content_type: str, body: bytes, send: Send) -> None:
    await send(_start(status, content_type))
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _start(status: int, content_type: str) -> dict[str, Any]:
    headers = [
        (b"content-type", content_type.encode("latin-1", errors="replace")),
        (b"cache-control", b"no-cache, max-age=0, must-revalidate"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return {"type": "http.response.start", "status": status, "headers": headers}
