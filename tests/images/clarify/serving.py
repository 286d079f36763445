"""A tiny serving program under the hosting contract: it answers with a real model of XGBoost."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = list[list[Any]]
Scores = npt.NDArray[np.float64]


class Served:
    """What a serving program was asked, and how it answers."""

    def __init__(self, score: Callable[[Rows], Scores]) -> None:
        self.score = score
        self.address = ""
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.pings_until_ready = 0
        self.broken: tuple[int, str] | None = None  # a status and a body, in place of an answer
        self.failures_ahead: list[int] = []  # statuses of the next answers
        self.as_json: Callable[[Scores], Any] | None = None


@contextmanager
def serving(score: Callable[[Rows], Scores], socket: Path | None = None) -> Iterator[Served]:
    """Serve a function of rows until the block ends."""
    served = Served(score)
    handler = type("Handler", (_Handler,), {"served": served})
    server: Any
    if socket is None:
        server = _Threaded(("127.0.0.1", 0), handler)
        served.address = f"http://127.0.0.1:{server.server_address[1]}"
    else:
        server = _OnSocket(str(socket), handler)
        served.address = f"unix://{socket}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Threaded(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True


class _OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self) -> None:
        self.served.pings_until_ready -= 1
        self._answer(200 if self.served.pings_until_ready < 0 else 503, "", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        served = self.served
        served.bodies.append(body)
        served.headers.append(dict(self.headers))
        if served.failures_ahead:
            self._answer(served.failures_ahead.pop(), "busy", "text/plain")
            return
        if served.broken is not None:
            self._answer(*served.broken, "text/csv")
            return
        scores = served.score(_rows(body, self.headers["Content-Type"]))
        if served.as_json is not None:
            self._answer(200, json.dumps(served.as_json(scores)), "application/json")
        else:
            lines = [",".join(map(repr, map(float, np.atleast_1d(row)))) for row in scores]
            self._answer(200, "\n".join(lines), "text/csv; charset=utf-8")

    def address_string(self) -> str:
        return "client"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, text: str, kind: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _rows(body: bytes, kind: str) -> Rows:
    if kind == "text/csv":
        return [
            [_cell(cell) for cell in line.split(",")] for line in body.decode().splitlines() if line
        ]
    if kind == "application/jsonlines":
        found = [json.loads(line) for line in body.splitlines()]
        return [list(row["features"]) if isinstance(row, dict) else row for row in found]
    document = json.loads(body)
    instances = document["instances"] if isinstance(document, dict) else document
    return [list(row.values()) if isinstance(row, dict) else row for row in instances]


def _cell(cell: str) -> float | str:
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        return cell
