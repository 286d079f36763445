"""An ASGI app that reads a request and answers four bytes: what the HTTP server alone costs."""

from __future__ import annotations

from typing import Any

_HEADERS = [(b"content-type", b"text/csv"), (b"content-length", b"4")]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"0.50"})
