"""The hosting contract over HTTP: GET /ping, GET /execution-parameters, POST /invocations.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import asyncio
import json
import os
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from modelyard.images.serving._base import Refused, Scorer

#: The number of a listening socket that this process has inherited.
LISTENER_VARIABLE = "MODELYARD_SERVE_FD"
#: Else a unix socket to listen on; without either the public contract's port.
SOCKET_VARIABLE = "MODELYARD_SERVE_SOCKET"
PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"
DEFAULT_PORT = 8080
#: Longer than whoever connects keeps a connection that is idle.
KEEP_ALIVE_SECONDS = 75
MAX_BODY_BYTES = 100 * 2**20  # what a batch transform may send at once, and endpoints may not

Load = Callable[[Path], Scorer]
_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def serve(load: Load) -> None:
    """Load the model in `$SAGEMAKER_BASE_DIR/model`, `/opt/ml/model`, and serve it until SIGTERM.

    It listens once the model is loaded, so whoever can connect finds it ready.

    Args:
        load: reads a folder; whatever it raises ends the program.
    """
    import uvicorn  # not needed by who only trains

    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    app = HostingApp(load(base / "model"))
    uvicorn.run(
        app,
        **_where(),
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _where() -> dict[str, Any]:
    listener, socket = os.environ.get(LISTENER_VARIABLE), os.environ.get(SOCKET_VARIABLE)
    if listener:
        return {"fd": int(listener)}
    if socket:
        return {"uds": socket}
    port = int(os.environ.get(PORT_VARIABLE, DEFAULT_PORT))
    return {"host": "0.0.0.0", "port": port}  # noqa: S104 - the contract's; the sandbox has a network of its own


class HostingApp:
    """An ASGI application that answers for one model."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        route = (scope["method"], scope["path"])
        if route == ("GET", "/ping"):
            await _answer(send, 200, b"", "text/plain")
        elif route == ("GET", "/execution-parameters"):
            await _answer(send, 200, _execution_parameters(), "application/json")
        elif route == ("POST", "/invocations"):
            await self._invoke(scope, receive, send)
        else:
            await _answer(send, 404, b"POST /invocations, or GET /ping", "text/plain")

    async def _invoke(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            body = await _body(receive)
            answer = await asyncio.to_thread(
                self._scorer.score,
                body,
                headers.get(b"content-type", ""),
                headers.get(b"accept", ""),
            )
        except Refused as refused:
            await _answer(send, refused.status, refused.message.encode(), "text/plain")
            return
        except Exception as error:  # the model's own; the program goes on with the next request
            traceback.print_exc()
            said = f"{type(error).__name__}: {error}"
            await _answer(send, 500, said.encode(errors="replace"), "text/plain")
            return
        await _answer(send, 200, answer.body, answer.content_type)


async def _body(receive: _Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise Refused(413, f"The payload has more than {MAX_BODY_BYTES} bytes: send less")
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: _Send, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _execution_parameters() -> bytes:
    """What a batch transform uses where its request does not say."""
    parameters = {
        "MaxConcurrentTransforms": len(os.sched_getaffinity(0)),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }
    return json.dumps(parameters).encode()
