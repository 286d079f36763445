"""The control plane's own way to an endpoint: InvokeEndpoint at the gateway, signed like any other.

Whoever calls it has authorised its caller: the gateway sees the server.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from modelyard.operations.context import Context

if TYPE_CHECKING:
    import aiohttp

_SECONDS = 90  # for an answer
_CONNECT_SECONDS = 5


class EndpointInvoker:
    """Invokes endpoints.

    Args:
        gateway_url: where the gateway listens at the moment.
        credentials_of: the access key id, the secret and the session token (None: there is none)
            that the server signs with for a call; they are of the endpoint's account.
        trust: what its certificate is verified with, where it speaks TLS.
    """

    def __init__(
        self,
        gateway_url: Callable[[], str],
        credentials_of: Callable[[Context], tuple[str, str, str | None]],
        *,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._trust = trust
        self._gateway_url = gateway_url
        self._credentials_of = credentials_of
        self._session: aiohttp.ClientSession | None = None

    async def invoke(
        self, context: Context, endpoint: str, body: bytes, content_type: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return the status, the headers and the body that the endpoint of a name answers.

        Raises:
            aiohttp.ClientError: the gateway does not answer.
        """
        path = f"/endpoints/{quote(endpoint, safe='')}/invocations"
        request = AWSRequest(
            method="POST",
            url=f"{self._gateway_url()}{path}",
            data=body,
            headers={"Content-Type": content_type},
        )
        credentials = Credentials(*self._credentials_of(context))
        SigV4Auth(credentials, "sagemaker", context.region).add_auth(request)
        prepared = request.prepare()
        async with self._connections().post(
            URL(str(prepared.url), encoded=True),
            data=body,
            headers={name: _text(value) for name, value in prepared.headers.items()},
            allow_redirects=False,
        ) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, headers, await answer.read()

    async def stop(self) -> None:
        """Close the connections to the gateway."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _connections(self) -> aiohttp.ClientSession:
        import aiohttp  # not needed before the first call, and a while to import

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trust or True),
                timeout=aiohttp.ClientTimeout(total=_SECONDS, sock_connect=_CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
