"""How a command reaches the server: where it is, and with which token."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from modelyard.cli.errors import CommandError

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            CommandError: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise CommandError(f"the server answered no JSON: {self.body[:200]!r}") from error


class Connection:
    """The server's HTTP door, with a bearer token.

    Args:
        ca_file: certificates to trust beside those that this user trusts already.
    """

    def __init__(self, url: str, token: str, ca_file: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.ca_file = ca_file
        self._token = token
        self._pool = urllib3.PoolManager(
            retries=urllib3.Retry(connect=2, read=0, redirect=0), ssl_context=_trust(ca_file)
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a POST.

        Raises:
            CommandError: nobody answers.
        """
        try:
            response = self._pool.request(
                "POST",
                path if path.startswith("http") else self.url + path,
                body=body,
                headers=self._proved(path, body, headers or {}),
                timeout=_TIMEOUT_SECONDS,
            )
        except urllib3.exceptions.HTTPError as error:
            if isinstance(getattr(error, "reason", error), urllib3.exceptions.SSLError):
                raise CommandError(
                    f"the server at {self.url} is not to be trusted ({error}): name the file of"
                    " its authority in SSL_CERT_FILE, or let 'modelyard env' do it"
                ) from error
            raise CommandError(
                f"no server answers at {self.url} ({type(error).__name__}): start one with"
                " 'modelyard up', or name the right one in MODELYARD_URL"
            ) from error
        return Answer(status=response.status, body=response.data)

    def _proved(self, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """Return `headers` with what proves who calls."""
        return {"Authorization": f"Bearer {self._token}", **headers}

    def orchestrator(self, path: str, body: Mapping[str, Any]) -> Any:
        """Call `/provisionpipeline` and its neighbours; return the answer's JSON, or its text.

        Raises:
            CommandError: with the answer's message and details, if it is an error.
        """
        answer = self.post(path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        if answer.status >= 300:
            raise CommandError(_reason(answer))
        try:
            return json.loads(answer.body)
        except ValueError:
            return answer.body.decode()

    def operation(self, target: str, request: Mapping[str, Any]) -> Any:
        """Call an AWS JSON operation such as `SageMaker.DescribeTrainingJob`.

        Raises:
            CommandError: with the error's code and message, if it is an error.
        """
        answer = self.post(
            "/",
            json.dumps(request).encode(),
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target},
        )
        if answer.status >= 300:
            raise CommandError(_reason(answer))
        return answer.json() if answer.body else {}


def _reason(answer: Answer) -> str:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return f"HTTP {answer.status}: {answer.body.decode(errors='replace')[:500]}"
    code = said.get("__type") or said.get("message") or f"HTTP {answer.status}"
    details = said.get("detailedMessage") or said.get("Message") or said.get("message")
    return f"{code}: {details}" if details != code else str(code)


def _trust(ca_file: str | None) -> ssl.SSLContext | None:
    if ca_file is None:
        return None  # what SSL_CERT_FILE names, or the system's
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        raise CommandError(f"{ca_file} cannot be read: {error}") from error
    return context


def connect(home: Path) -> Connection:
    """Return the way to the server of `home`, or to the one that the environment names.

    Raises:
        CommandError: no server runs on that home.
    """
    url, token = os.environ.get("MODELYARD_URL"), os.environ.get("MODELYARD_TOKEN")
    if url and token:
        return Connection(url, token)
    if url and os.environ.get("AWS_SESSION_TOKEN"):
        # A shell of 'modelyard env --as …': its commands act as that session, not as the root.
        from modelyard.cli.acting import connection_of_environment

        return connection_of_environment(url, os.environ)
    from modelyard.home import Home
    from modelyard.identity.credentials import read_credentials

    place = Home(home)
    running = place.read_server()
    if running is None:
        raise CommandError(
            f"no server runs on the home {home}: start one with 'modelyard up', or set"
            " MODELYARD_URL and MODELYARD_TOKEN"
        )
    token = read_credentials(place.credentials).token
    return Connection(running.url, token, running.ca_file)
