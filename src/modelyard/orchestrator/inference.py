"""A pipeline's own `/inference`: a payload in JSON, to the endpoint and back."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from modelyard.operations.context import Context
from modelyard.orchestrator.errors import MISSING, BadRequest

#: Invokes an endpoint as InvokeEndpoint does: (context, endpoint name, body, content type) to the
#: answer's status, headers and body.
Invoke = Callable[[Context, str, bytes, str], Awaitable[tuple[int, Mapping[str, str], bytes]]]

_CONTENT_TYPE = re.compile(r"[\x20-\x7e]{1,1024}")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What an endpoint answered."""

    content_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class InferenceRequest:
    """What is to be sent to an endpoint."""

    payload: bytes
    content_type: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> InferenceRequest:
        """Read a request's body. A payload that is no text is sent as JSON.

        Raises:
            BadRequest: with all its problems.
        """
        payload = body.get("payload", body.get("Payload"))
        content_type = body.get("content_type", body.get("ContentType"))
        given = {"payload": payload, "content_type": content_type}
        problems = [f"{MISSING}{name}" for name, value in given.items() if value is None]
        text = payload if isinstance(payload, str) else json.dumps(payload)
        try:
            data = text.encode()
        except UnicodeEncodeError:
            problems.append("Bad request. payload holds half of a surrogate pair: it is no text")
        if content_type is not None and not (
            isinstance(content_type, str) and _CONTENT_TYPE.fullmatch(content_type)
        ):
            problems.append("Bad request. content_type must be a MIME type such as text/csv")
        if problems:
            raise BadRequest(problems)
        return cls(payload=data, content_type=str(content_type))


async def predict(
    invoke: Invoke, context: Context, endpoint: str, region: str, request: InferenceRequest
) -> Prediction:
    """Send a request to an endpoint.

    Raises:
        ClientError: the endpoint answers with an error; its HTTP status is in ResponseMetadata.
    """
    status, headers, body = await invoke(
        replace(context, region=region), endpoint, request.payload, request.content_type
    )
    named = {name.lower(): value for name, value in headers.items()}
    if status >= 300:
        raise _error(status, named, body)
    return Prediction(content_type=named.get("content-type", "application/octet-stream"), body=body)


def _error(status: int, headers: Mapping[str, str], body: bytes) -> ClientError:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {"Message": body.decode(errors="replace")[:1000]}
    message = said.get("Message") or said.get("message") or said.get("OriginalMessage") or ""
    return ClientError(
        {
            "Error": {
                "Code": headers.get("x-amzn-errortype", str(status)),
                "Message": str(message),
            },
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": headers.get("x-amzn-requestid", ""),
                "HostId": "",
                "HTTPHeaders": dict(headers),
                "RetryAttempts": 0,
            },
        },
        "InvokeEndpoint",
    )
