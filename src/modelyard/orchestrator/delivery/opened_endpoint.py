"""One endpoint, opened to one script: an HTTP server on loopback, for as long as the script runs.

Its credentials are made for it and die with it. They are a bearer token, and as well an access key
with which requests are signed, so that boto3 works. Whatever else a script asks for is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.orchestrator.delivery.scripts import Opened
from modelyard.orchestrator.inference import Invoke
from modelyard.sigv4 import Request, SignatureError, check_body, parse_authorization, verify

if TYPE_CHECKING:
    from aiohttp import web

MAX_BODY_BYTES = 25 << 20  # what InvokeEndpoint takes
_SKEW_SECONDS = 900


class EndpointOpener:
    """Opens endpoints; see `scripts.Opener`."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke

    @asynccontextmanager
    async def __call__(self, context: Context, endpoint: str) -> AsyncIterator[Opened]:
        from aiohttp import web  # not needed before the first script, and a while to import

        door = _Door(self._invoke, context, endpoint)
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_post(door.path, door.answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            yield Opened(environment=door.environment(f"http://{host}:{port}"))
        finally:
            await runner.cleanup()


class _Door:
    def __init__(self, invoke: Invoke, context: Context, endpoint: str) -> None:
        self._invoke = invoke
        self._context = context
        self._endpoint = endpoint
        self._token = secrets.token_urlsafe(32)
        self._key_id = "MYTE" + secrets.token_hex(8).upper()
        self._secret = secrets.token_urlsafe(32)
        self.path = f"/endpoints/{quote(endpoint, safe='')}/invocations"

    def environment(self, url: str) -> dict[str, str]:
        """Return what the script is told."""
        return {
            "MODELYARD_ENDPOINT_NAME": self._endpoint,
            "MODELYARD_ENDPOINT_URL": url + self.path,
            "MODELYARD_ENDPOINT_TOKEN": self._token,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url,
            "AWS_ACCESS_KEY_ID": self._key_id,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": self._context.region,
            "AWS_REGION": self._context.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    async def answer(self, request: web.Request) -> web.Response:
        """Invoke the endpoint for who has the credentials."""
        from aiohttp import web

        body = await request.read()
        if not self._is_ours(request, body):
            return web.json_response({"message": "The credentials are not valid"}, status=403)
        content_type = request.headers.get("Content-Type", "text/csv")
        status, headers, answered = await self._invoke(
            self._context, self._endpoint, body, content_type
        )
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower() == "content-type" or name.lower().startswith("x-amzn-")
        }
        return web.Response(status=status, headers=kept, body=answered)

    def _is_ours(self, request: web.Request, body: bytes) -> bool:
        given = request.headers.get("Authorization", "")
        if given[:7].lower() == "bearer ":
            return hmac.compare_digest(given[7:].strip().encode(), self._token.encode())
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            signature = parse_authorization(given)
            digest = hashlib.sha256(body).hexdigest()
            check_body(headers, digest)
            if not hmac.compare_digest(signature.access_key_id.encode(), self._key_id.encode()):
                return False
            asked = Request(
                method=request.method,
                path=request.raw_path.partition("?")[0],
                query=request.query_string,
                headers=headers,
                body_sha256=digest,
            )
            verify(signature, asked, self._secret, clock.now(), _SKEW_SECONDS)
        except SignatureError:
            return False
        return True
