"""The JSON protocols 1.0 and 1.1: `X-Amz-Target: SageMaker.CreateModel`, members in the body.

https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from modelyard.api.authenticated import context_of, require_scope
from modelyard.api.calls import OperationCaller
from modelyard.api.errors import JSON_SIGNATURE_CODES, Failure, failure_of
from modelyard.api.shaping import shaped
from modelyard.api.state import RequestState, state_of
from modelyard.operations.errors import SerializationError, UnknownOperation

MAX_BODY_BYTES = 1 << 20
MAX_DEPTH = 64  # of nested lists and objects

#: The services behind each target's prefix, and what their requests are signed for.
SERVICES = {
    "SageMaker": ("sagemaker", "sagemaker"),
    "Logs_20140328": ("logs", "logs"),
    "AWSEvents": ("events", "events"),
    "TrentService": ("kms", "kms"),
    "GraniteServiceVersion20100801": ("cloudwatch", "monitoring"),
    "CodePipeline_20150709": ("codepipeline", "codepipeline"),
    "ResourceGroupsTaggingAPI_20170126": ("resourcegroupstaggingapi", "tagging"),
    "Modelyard": ("modelyard", "modelyard"),
}


def render_json_failure(failure: Failure, state: RequestState) -> Response:
    """Return a failure as the JSON protocols write it."""
    code = JSON_SIGNATURE_CODES.get(failure.code, failure.code)
    state.error = code
    return Response(
        orjson.dumps({"__type": code, "message": failure.message}),
        status_code=failure.status,
        media_type="application/x-amz-json-1.1",
        headers={"x-amzn-ErrorType": code},
    )


class JsonDoor:
    """Answers authenticated requests."""

    def __init__(self, caller: OperationCaller) -> None:
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        response = await self._caller.run(self._answer, request, body)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        state = state_of(request.scope)
        try:
            return self._carry_out(request, body, state)
        except Exception as error:
            return render_json_failure(failure_of(error, state), state)

    def _carry_out(self, request: Request, body: bytes, state: RequestState) -> Response:
        target = request.headers["x-amz-target"]
        prefix, _, name = target.rpartition(".")
        if prefix not in SERVICES:
            raise UnknownOperation(f"{target[:200]} is not offered by this server")
        service, signing_name = SERVICES[prefix]
        require_scope(state, {signing_name})
        context = context_of(request.scope)
        answer = self._caller.call(state, context, service, name, _parsed(body))
        shape = self._caller.schema.output_shape(service, name)
        sent_type = request.headers.get("content-type", "").partition(";")[0].strip()
        is_old = sent_type == "application/x-amz-json-1.0"
        return Response(
            b"" if shape is None else orjson.dumps(shaped(shape, answer)),
            media_type="application/x-amz-json-1.0" if is_old else "application/x-amz-json-1.1",
        )


def _parsed(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SerializationError(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise SerializationError("the body must be a JSON object, {…}")
    _check_depth(found)
    return found


def _check_depth(value: Any) -> None:
    """Refuse what is nested too deeply, level by level and so without recursion."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise SerializationError(f"the body is nested more than {MAX_DEPTH} levels deep")
