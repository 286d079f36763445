"""A registry of one container image on this machine: what a client pulls by HTTP, read-only.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@contextmanager
def registry(
    layout: Path,
    *,
    login: str = "",
    certificate: Path | None = None,
    asked: list[str] | None = None,
) -> Iterator[str]:
    """Serve the image of an OCI layout under every name and tag; yield the registry's host.

    Args:
        login: `user:password` that is asked for; empty: nobody is asked.
        certificate: of a server that speaks TLS, with its key in one PEM file.
        asked: takes the path of each request.
    """
    index = json.loads((layout / "index.json").read_text())["manifests"][0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            wanted = f"Basic {base64.b64encode(login.encode()).decode()}"
            if login and self.headers.get("Authorization") != wanted:
                self._answer(401, b"{}", "application/json")
                return
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
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="toys"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """It says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
