"""Requests to an application without a socket."""

from __future__ import annotations

from starlette.types import ASGIApp, Message


async def ask(
    app: ASGIApp, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    path, _, query = target.partition("?")
    named = {"host": "localhost", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
        "client": ("192.0.2.1", 1234),
        "server": ("127.0.0.1", 8080),
    }
    sent: list[Message] = []
    given = [{"type": "http.request", "body": body}]

    async def receive() -> Message:
        return given.pop() if given else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])
