"""Answers that take long: the status at once, and white space until the document is there.

As Amazon's S3 does it for copies and completed uploads, so that no client gives up waiting; what
fails then is told in the document, behind a 200.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable

import structlog

from modelyard.api.s3.call import XML, Answer, Call
from modelyard.api.s3.documents import DECLARATION, error_document
from modelyard.api.s3.errors import S3Error, error_of

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 10.0


async def patiently(call: Call, work: Awaitable[Answer]) -> Answer:
    """Return what `work` answers, or an answer that goes on waiting for it.

    Raises:
        Exception: whatever `work` raises before `PATIENCE_SECONDS` are over.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=PATIENCE_SECONDS)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.done():
        return task.result()
    return Answer(headers=XML, body=_waiting(call, task))


async def _waiting(call: Call, task: asyncio.Future[Answer]) -> AsyncGenerator[bytes, None]:
    yield DECLARATION
    while not task.done():
        await asyncio.wait([task], timeout=PATIENCE_SECONDS)
        yield b" "
    with contextlib.suppress(asyncio.CancelledError):
        yield _document(call, task)


def _document(call: Call, task: asyncio.Future[Answer]) -> bytes:
    try:
        body = task.result().body
    except Exception as error:
        refused = error_of(error)
        if refused is None:
            log.exception("S3 failed", operation=call.operation, request_id=call.request_id)
            refused = S3Error("InternalError", "The server's log holds the details")
        body = error_document(refused, resource=call.resource, request_id=call.request_id)
    if not isinstance(body, bytes):
        raise TypeError("an answer that is waited for is a document")
    return body.removeprefix(DECLARATION)
