"""A registry of one container image on this machine: what a client pulls by HTTP, read-only.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@contextmanager
def registry(layout: Path) -> Iterator[str]:
    """Serve the image of an OCI layout under every name and tag; yield the registry's host."""
    index = json.loads((layout / "index.json").read_text())["manifests"][0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, _, reference = self.path.rpartition("/")
            if self.path == "/v2/":
                self._answer(200, b"{}", "application/json")
                return
            is_manifest = kind.endswith("/manifests")
            digest = index["digest"] if is_manifest else reference
            path = layout / "blobs" / digest.replace(":", "/")
            if not path.is_file():
                self._answer(404, b"{}", "application/json")
                return
            media = index["mediaType"] if is_manifest else "application/octet-stream"
            self._answer(200, path.read_bytes(), media)

        do_HEAD = do_GET  # noqa: N815 - as http.server has it

        def _answer(self, status: int, body: bytes, media: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """It says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
