"""The S3 door: who asks, what for, and how the answer goes out.

It verifies requests itself, ahead of their bodies, since it holds no body: what comes in streams
through `Payload` to the embedded server, what goes out streams from the object's file.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import structlog
from starlette.types import Receive, Scope, Send

from modelyard import clock
from modelyard.api.bodies import ClientGone
from modelyard.api.errors import note_unproved
from modelyard.api.s3 import signature_v2
from modelyard.api.s3.actions import wanted
from modelyard.api.s3.authentication import Caller, Lookup, RequestHead, S3Authenticator
from modelyard.api.s3.call import XML, Answer, Call, Shelf
from modelyard.api.s3.documents import error_document
from modelyard.api.s3.errors import S3Error, error_of, not_offered
from modelyard.api.s3.exchange import Exchange
from modelyard.api.s3.operations import HANDLERS, Level, operation_of
from modelyard.api.s3.payload import Payload
from modelyard.api.state import RequestState, state_of
from modelyard.operations.context import Context, Principal
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.multipart_uploads import MultipartUploads
from modelyard.store.objects import ObjectStores
from modelyard.store.recorded_objects import RecordedObjects
from modelyard.store.s3_server import S3Servers

log = structlog.get_logger(__name__)

_THREADS = 16


class Guard(Protocol):
    """Surrounds a call that must be allowed; see `OperationTable.guard`."""

    def __call__(
        self, context: Context, action: str, resource: str, request: Mapping[str, Any], /
    ) -> AbstractContextManager[None]:
        """Authorise on the way in.

        Raises:
            AccessDenied: the policy forbids it.
        """


class Intake(Protocol):
    """Takes objects in that ask for something; see `orchestrator.gitops.intake`."""

    def watches(self, account: str, bucket: str, key: str) -> bool:
        """Return whether an object is one of these."""

    def expect_object(self, context: Context, bucket: str, key: str) -> str:
        """Write down that one is being written, and return what it is known by."""

    def settle(self, arn: str, *, done: bool | None = None) -> str | None:
        """Say that it is there, or that it is not."""


#: What makes an object.
_WRITES = frozenset({"CompleteMultipartUpload", "CopyObject", "PutObject"})


class S3Door:
    """An ASGI application that speaks S3 to those who sign their requests, and may.

    It needs the request state that `api.app` attaches.
    """

    def __init__(
        self,
        guard: Guard,
        lookup: Lookup,
        stores: ObjectStores,
        servers: S3Servers,
        *,
        keys_of: Callable[[Context], DataKeys] = lambda _context: NoKeys(),
        intake: Intake | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        """Answer from `stores`.

        Args:
            keys_of: gives the keys that act for who calls.
            intake: takes in what is written to it.
        """
        self._guard = guard
        self._keys_of = keys_of
        self._intake = intake
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
        exchange = Exchange(scope, receive, send, state.request_id)
        resource = "/"
        try:
            head = RequestHead(scope)
            resource = head.path
            answer = await self._answer(head, exchange.receive, state)
        except Exception as error:
            note_unproved(error, state)
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
        context = state.context = Context(
            account=caller.principal.account,
            region=caller.region,
            principal=caller.principal,
            request_id=state.request_id,
            source=state.source,
            door=state.door,
        )
        bucket, key = head.address()
        level: Level = "key" if key else "bucket" if bucket else "service"
        operation = operation_of(level, head.method, head.parameters, caller.headers)
        state.operation = operation
        if caller.is_old and operation not in signature_v2.OPERATIONS:
            raise not_offered(f"{operation} by a presigned URL that is not of Signature Version 4")
        with ExitStack() as guarded:
            for needed in wanted(operation, bucket, key, caller.headers):
                guarded.enter_context(self._guard(context, needed.action, needed.resource, {}))
            carry_out = partial(
                self._carry_out,
                *(operation, bucket, key, head, caller, receive, state, self._keys_of(context)),
            )
            intake = self._intake
            if intake is None or operation not in _WRITES:
                return await carry_out()
            return await self._taken_in(intake, context, bucket, key, carry_out)

    async def _taken_in(
        self,
        intake: Intake,
        context: Context,
        bucket: str,
        key: str,
        write: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Write an object that may ask for something, and have that done once it is there."""
        if not intake.watches(context.account, bucket, key):
            return await write()
        run = asyncio.get_running_loop().run_in_executor
        arn = await run(self._executor, intake.expect_object, context, bucket, key)
        done = False
        try:
            answer = await write()
            done = True
        finally:
            settle = partial(intake.settle, arn, done=done)
            await asyncio.shield(run(self._executor, settle))
        return answer

    async def _carry_out(
        self,
        operation: str,
        bucket: str,
        key: str,
        head: RequestHead,
        caller: Caller,
        receive: Receive,
        state: RequestState,
        keys: DataKeys,
    ) -> Answer:
        account = caller.principal.account
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
            shelf=replace(shelf, objects=shelf.objects.acting(keys)),
            executor=self._executor,
        )
        return await HANDLERS[operation](call)


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


def _check_owner(headers: Mapping[str, str], principal: Principal) -> None:
    expected = headers.get("x-amz-expected-bucket-owner", principal.account)
    if expected != principal.account:
        raise S3Error("AccessDenied", "The bucket is not owned by the account that was expected")


def _refusal(error: S3Error, resource: str, request_id: str) -> Answer:
    if error.status == 304:
        return Answer(status=304, headers=error.headers)
    body = error_document(error, resource=resource, request_id=request_id)
    return Answer(status=error.status, headers={**XML, **error.headers}, body=body)
