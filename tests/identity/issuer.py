"""A local OIDC issuer: signs tokens, and answers where its keys are."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE, SUBJECT = "modelyard", "repo:org/project:ref:refs/heads/main"


class Issuer:
    """Keys by their id, and the documents that tell of them."""

    def __init__(self, url: str = "https://issuer.example/realm") -> None:
        self.url = url
        self.asked: list[str] = []
        self.down = False
        self.keys: dict[str, Any] = {"first": rsa.generate_private_key(65537, 2048)}

    def add(self, key_id: str, key: Any = None) -> None:
        self.keys[key_id] = key or ec.generate_private_key(ec.SECP256R1())

    def token(
        self, *, now: float, key_id: str = "first", algorithm: str = "", **claims: Any
    ) -> str:
        """Return a token; a claim that is None is left out."""
        key = self.keys[key_id]
        every = {
            "iss": self.url,
            "sub": SUBJECT,
            "aud": AUDIENCE,
            "iat": int(now),
            "exp": int(now) + 600,
            **claims,
        }
        chosen = algorithm or ("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
        given = {name: value for name, value in every.items() if value is not None}
        return jwt.encode(given, key, algorithm=chosen, headers={"kid": key_id})

    def document(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if path.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path.endswith("/keys"):
            return {"keys": [self._public(name) for name in self.keys]}
        return None

    def _public(self, key_id: str) -> dict[str, Any]:
        key = self.keys[key_id]
        writer = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        public: dict[str, Any] = json.loads(writer.to_jwk(key.public_key()))
        return {**public, "kid": key_id, "use": "sig"}


@contextmanager
def listening(issuer: Issuer) -> Iterator[int]:
    """Serve an issuer's documents on loopback; its URL must have been made with the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.document(self.path)
            body = json.dumps(found or {}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
