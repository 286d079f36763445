"""What a connection hands to a handler, and what it gets back."""

from __future__ import annotations

import http
from collections.abc import Awaitable, Iterable
from functools import lru_cache
from typing import Protocol

#: The headers of InvokeEndpoint.
PREFIX = b"x-amzn-sagemaker-"
TARGET_VARIANT = PREFIX + b"target-variant"
INFERENCE_ID = PREFIX + b"inference-id"
CUSTOM_ATTRIBUTES = PREFIX + b"custom-attributes"


class Request:
    """One HTTP request, whole."""

    __slots__ = ("body", "headers", "method", "source", "target")

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        source: str = "",
    ) -> None:
        self.method = method
        self.target = target  # as it was on the wire: path and query
        self.headers = headers  # lower-case names; values of repeated headers joined by commas
        self.body = body
        self.source = source  # the address that the connection came from


class Response:
    """One HTTP answer: its status line and headers as they will be sent, and its body.

    The connection adds `content-length`, `date` and, when it will close, `connection`.
    """

    __slots__ = ("body", "close", "head", "status")

    def __init__(self, status: int, head: bytes, body: bytes, *, close: bool = False) -> None:
        self.status = status
        self.head = head  # ends in CRLF
        self.body = body
        self.close = close  # the connection is of no further use


class Handler(Protocol):
    """What answers requests."""

    def admit(self, request: Request) -> Response | None:
        """Return a refusal that needs no body, or None; asked ahead of a long body only."""

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Return the answer, or what will be it."""


def respond(
    status: int, headers: Iterable[tuple[str, str]], body: bytes = b"", *, close: bool = False
) -> Response:
    """Return an answer.

    Raises:
        ValueError: a header would break out of its line.
    """
    lines = [status_line(status)]
    lines += [header_line(name, value) for name, value in headers]
    return Response(status, b"".join(lines), body, close=close)


@lru_cache(maxsize=128)
def status_line(status: int) -> bytes:
    """Return `HTTP/1.1 200 OK` with its line end."""
    return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n".encode()


def header_line(name: str, value: str) -> bytes:
    """Return one header with its line end.

    Raises:
        ValueError: it would break out of its line.
    """
    line = f"{name}: {value}".encode("latin-1", "replace")
    if any(byte < 32 or byte == 127 for byte in line):
        raise ValueError(f"the header {name} holds a control character")
    return line + b"\r\n"
