"""`modelyard invoke`: one payload to an endpoint, one answer back."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError


def invoke(
    connection: Connection,
    endpoint: str,
    body: str,
    *,
    content_type: str,
    accept: str,
    variant: str | None,
) -> None:
    """Print the answer of `endpoint` to a payload.

    Raises:
        CommandError: the payload cannot be read, or the endpoint answers with an error.
    """
    headers = {"Content-Type": content_type}
    if accept:
        headers["Accept"] = accept
    if variant is not None:
        headers["X-Amzn-SageMaker-Target-Variant"] = variant
    answer = connection.post(
        f"/endpoints/{quote(endpoint, safe='')}/invocations", _payload(body), headers
    )
    text = answer.body.decode(errors="replace")
    if answer.status >= 300:
        raise CommandError(f"HTTP {answer.status}: {text}")
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def _payload(body: str) -> bytes:
    if body == "-":
        return sys.stdin.buffer.read()
    if not body.startswith("@"):
        return body.encode()
    try:
        return Path(body[1:]).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {body[1:]}: {error.strerror}") from error
