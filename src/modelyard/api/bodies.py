"""A request's body, whole and bounded, and handed on as if it were still to be read."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from modelyard.api.errors import RequestRefused

MAX_READ_SECONDS = 60  # for a whole body: who sends slower only holds a connection


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Return the whole body.

    Raises:
        RequestRefused: it has more than `max_bytes`, or comes too slowly.
        ClientGone: the client went away.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(MAX_READ_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > max_bytes:
                    raise too_large(max_bytes)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError as error:
        raise RequestRefused(
            408, "RequestTimeout", f"the body was not there within {MAX_READ_SECONDS} seconds"
        ) from error


def too_large(max_bytes: int) -> RequestRefused:
    """Return the error of a body with more than `max_bytes`."""
    return RequestRefused(
        413,
        "RequestEntityTooLarge",
        f"the request's body has more than the {max_bytes} bytes ({max_bytes >> 20} MiB) that are "
        "allowed",
    )


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives `body`, and then what the client still says."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
