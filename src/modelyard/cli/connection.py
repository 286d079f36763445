"""How a command reaches the server: where it is, and with which token."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import urllib3

from modelyard.cli.errors import CommandError

_TIMEOUT_SECONDS = 60
FORM = "application/x-www-form-urlencoded"
_SCOPES = {
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "Modelyard": "modelyard",
    "TrentService": "kms",
    "CodePipeline_20150709": "codepipeline",
    "ResourceGroupsTaggingAPI_20170126": "tagging",
}
_FORM_SCOPES = {"2011-06-15": "sts", "2010-05-08": "iam", "2010-05-15": "cloudformation"}


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


@dataclass(frozen=True, kw_only=True)
class SessionKeys:
    """Temporary credentials."""

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expiration: str = ""  # ISO 8601, UTC
    arn: str = ""  # of the session


class SignedConnection(Connection):
    """The server's HTTP door, with a session's credentials."""

    def __init__(
        self, url: str, keys: SessionKeys, region: str, ca_file: str | None = None
    ) -> None:
        super().__init__(url, token="", ca_file=ca_file)
        self._keys = keys
        self._region = region

    def _proved(self, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        url = path if path.startswith("http") else self.url + path
        request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
        keys = Credentials(self._keys.access_key_id, self._keys.secret, self._keys.token)
        SigV4Auth(keys, _scope(headers, body), self._region).add_auth(request)
        return {name: str(value) for name, value in request.headers.items()}


def _connection_of_environment(url: str, environment: Mapping[str, str]) -> Connection:
    """Return the way to a server as the session that the environment's AWS variables hold."""
    keys = SessionKeys(
        access_key_id=environment.get("AWS_ACCESS_KEY_ID", ""),
        secret=environment.get("AWS_SECRET_ACCESS_KEY", ""),
        token=environment["AWS_SESSION_TOKEN"],
    )
    return SignedConnection(url, keys, environment.get("AWS_REGION", "us-east-1"))


def _scope(headers: Mapping[str, str], body: bytes) -> str:
    """Return the service that a request is signed for; a form says it by its version."""
    if headers.get("Content-Type") == FORM:
        version = parse_qs(body.decode()).get("Version", [""])[0]
        return _FORM_SCOPES.get(version, "sts")
    return _SCOPES.get(headers.get("X-Amz-Target", "").partition(".")[0], "sagemaker")


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
        return _connection_of_environment(url, os.environ)
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


def region_of(home: Path) -> str:
    """Return the region that commands ask about: the environment's, else the server's own."""
    from modelyard.home import Home

    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    running = None if named else Home(home).read_server()
    return named or ("us-east-1" if running is None else running.region)
