"""The S3 door: who asks, what for, and how the answer goes out.

It verifies requests itself, ahead of their bodies, since it holds no body: what comes in streams
through `Payload` to the embedded server, what goes out streams from the object's file.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog
from starlette.types import Message, Receive, Scope, Send

from modelyard import clock
from modelyard.api.bodies import ClientGone
from modelyard.api.s3 import signature_v2
from modelyard.api.s3.authentication import Lookup, RequestHead, S3Authenticator
from modelyard.api.s3.call import XML, Answer, Call, Shelf
from modelyard.api.s3.documents import error_document
from modelyard.api.s3.errors import S3Error, error_of, not_offered
from modelyard.api.s3.operations import HANDLERS, Level, operation_of
from modelyard.api.s3.payload import Payload
from modelyard.api.state import RequestState, state_of
from modelyard.operations.context import Context, Principal
from modelyard.store.multipart_uploads import MultipartUploads
from modelyard.store.objects import ObjectStores
from modelyard.store.recorded_objects import RecordedObjects
from modelyard.store.s3_server import S3Servers

log = structlog.get_logger(__name__)

_THREADS = 16
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class S3Door:
    """An ASGI application that speaks S3 to those who sign their requests.

    It needs the request state that `api.app` attaches.
    """

    def __init__(
        self,
        lookup: Lookup,
        stores: ObjectStores,
        servers: S3Servers,
        *,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._authenticator = S3Authenticator(lookup, now)
        self._shelves = _Shelves(stores, servers)
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")

    async def close(self) -> None:
        """Close the records' files; the embedded servers are their owner's to close."""
        await asyncio.to_thread(self._executor.shutdown)
        self._shelves.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = state_of(scope)
        state.service = "s3"
        exchange = _Exchange(scope, receive, send, state.request_id)
        resource = "/"
        try:
            head = RequestHead(scope)
            resource = head.path
            answer = await self._answer(head, exchange.receive, state)
        except Exception as error:
            refused = error_of(error)
            if refused is None:
                if isinstance(error, ClientGone):
                    raise
                log.exception("S3 failed", operation=state.operation, request_id=state.request_id)
                refused = S3Error("InternalError", "The server's log holds the details")
            state.error = refused.code
            answer = _refusal(refused, resource, state.request_id)
        await exchange.send(answer)

    async def _answer(self, head: RequestHead, receive: Receive, state: RequestState) -> Answer:
        caller = self._authenticator.authenticate(head)
        account = caller.principal.account
        state.context = Context(
            account=account,
            region=caller.region,
            principal=caller.principal,
            request_id=state.request_id,
            source=state.source,
        )
        bucket, key = head.address()
        level: Level = "key" if key else "bucket" if bucket else "service"
        operation = operation_of(level, head.method, head.parameters, caller.headers)
        state.operation = operation
        if caller.is_old and operation not in signature_v2.OPERATIONS:
            raise not_offered(f"{operation} by a presigned URL that is not of Signature Version 4")
        _check_owner(caller.headers, caller.principal)
        shelf = self._shelves.known(account)
        if shelf is None:
            loop = asyncio.get_running_loop()
            shelf = await loop.run_in_executor(self._executor, self._shelves.of, account)
        call = Call(
            operation=operation,
            bucket=bucket,
            key=key,
            query=head.parameters,
            headers=caller.headers,
            payload=Payload(receive, caller.headers, caller.body_claim, caller.chain),
            principal=caller.principal,
            region=caller.region,
            request_id=state.request_id,
            shelf=shelf,
            executor=self._executor,
        )
        return await HANDLERS[operation](call)


class _Exchange:
    """Sends an answer, and stops when nobody is there any more."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._has_body = scope["method"] != "HEAD"
        self._is_waited_for = any(name == b"expect" for name, _ in scope["headers"])
        self._receive = receive
        self._send = send
        self._request_id = request_id

    async def receive(self) -> Message:
        """Return the next piece of the request."""
        self._is_waited_for = False
        return await self._receive()

    async def send(self, answer: Answer) -> None:
        """Send all of an answer."""
        headers = {**answer.headers, "x-amz-request-id": self._request_id}
        if self._is_waited_for:
            # The client waits for a word before it sends the body, and this is the word: there will
            # be no body, so what comes next on this connection must not be read as one.
            headers["connection"] = "close"
        if isinstance(answer.body, bytes) and answer.status not in (204, 304):
            headers.setdefault("content-length", str(len(answer.body)))
        await self._send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode(), _value(text)) for name, text in headers.items()],
            }
        )
        if isinstance(answer.body, bytes):
            await self._send_piece(answer.body if self._has_body else b"", more=False)
        else:
            await self._send_pieces(answer.body)

    async def _send_pieces(self, pieces: AsyncIterator[bytes]) -> None:
        gone = asyncio.create_task(self._wait_until_gone())
        try:
            async for piece in pieces:
                if gone.done():
                    raise ClientGone
                await self._send_piece(piece, more=True)
            await self._send_piece(b"", more=False)
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _send_piece(self, piece: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _wait_until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _Shelves:
    """The accounts' shelves; opening one waits for the disk."""

    def __init__(self, stores: ObjectStores, servers: S3Servers) -> None:
        self._stores = stores
        self._servers = servers
        self._shelves: dict[str, Shelf] = {}
        self._opening = threading.Lock()

    def known(self, account: str) -> Shelf | None:
        return self._shelves.get(account)

    def of(self, account: str) -> Shelf:
        with self._opening:
            if account not in self._shelves:
                objects = RecordedObjects(self._stores.of(account))
                self._shelves[account] = Shelf(
                    objects=objects,
                    uploads=MultipartUploads(objects),
                    server=self._servers.of(account),
                )
            return self._shelves[account]

    def close(self) -> None:
        for shelf in self._shelves.values():
            shelf.objects.close()
        self._shelves.clear()


def _value(text: str) -> bytes:
    # The server below sends what it is given: a line's end in here would begin another header.
    return _CONTROL.sub(" ", text).encode("latin-1", "replace")


def _check_owner(headers: Mapping[str, str], principal: Principal) -> None:
    expected = headers.get("x-amz-expected-bucket-owner", principal.account)
    if expected != principal.account:
        raise S3Error("AccessDenied", "The bucket is not owned by the account that was expected")


def _refusal(error: S3Error, resource: str, request_id: str) -> Answer:
    if error.status == 304:
        return Answer(status=304, headers=error.headers)
    body = error_document(error, resource=resource, request_id=request_id)
    return Answer(status=error.status, headers={**XML, **error.headers}, body=body)
