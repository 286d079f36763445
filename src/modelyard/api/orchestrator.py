"""The orchestrator's HTTP API: `POST /provisionpipeline` and its neighbours, in JSON.

Every answer's body is what clients of the API know, and its content type `application/json`; a
prediction has the endpoint's own. An error is a message that names its family, and, unless the
settings say otherwise, a detailed one. Whoever gets here was authenticated.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from botocore.exceptions import ClientError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from modelyard.api.authenticated import context_of
from modelyard.api.errors import failure_of
from modelyard.api.state import RequestState, state_of
from modelyard.operations.context import Context
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.service import OrchestratorService

BAD_REQUEST = "A BadRequest exception occurred"
CLIENT_ERROR = "A boto3 ClientError occurred"
UNEXPECTED = "An Unexpected Server side exception occurred"
_WRONG_PATH = "Unacceptable event path. Path must be /provisionpipeline or /pipelinestatus"
_WRONG_METHOD = (
    "Bad request format. Expected httpMethod or pipeline_type, received none. "
    "Check documentation for API & config formats."
)

_Answer = Callable[[Context, dict[str, Any]], Any]


class _NotJson(Exception):
    """The body is not JSON, or no object."""


def orchestrator_app(
    service: OrchestratorService, *, allow_detailed_error_message: bool = True
) -> ASGIApp:
    """Return the door.

    Args:
        allow_detailed_error_message: whether errors have a `detailedMessage`.
    """
    door = _Door(service, _Envelope(detailed=allow_detailed_error_message))
    app = Starlette(
        routes=[
            Route("/provisionpipeline", door.provision, methods=["POST"]),
            Route("/pipelinestatus", door.status, methods=["POST"]),
            Route("/deletepipeline", door.delete, methods=["POST"]),
            Route("/{api_id:str}/prod/inference", door.infer, methods=["POST"]),
        ],
        exception_handlers={HTTPException: door.refuse},
    )
    app.router.redirect_slashes = False  # a path with one more slash is another path
    return app


class _Envelope:
    """Writes answers and errors."""

    def __init__(self, *, detailed: bool) -> None:
        self._detailed = detailed

    def json(self, content: Any, *, indent: int | None = None) -> Response:
        text = content if isinstance(content, str) else json.dumps(content, indent=indent)
        return Response(text, media_type="application/json")

    def error(self, status: int, message: str, details: str) -> Response:
        body = {"message": message}
        if self._detailed:
            body["detailedMessage"] = details
        return Response(json.dumps(body), status_code=status, media_type="application/json")

    def of(self, error: Exception, state: RequestState) -> Response:
        """Return what to tell of `error`."""
        match error:
            case BadRequest():
                state.error = "BadRequest"
                return self.error(400, BAD_REQUEST, error.details)
            case _NotJson():
                state.error = "NotJson"
                return self.error(400, UNEXPECTED, str(error))
            case ClientError():
                state.error = error.response["Error"].get("Code")
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
                return self.error(status, CLIENT_ERROR, str(error))
        failure = failure_of(error, state)
        message = UNEXPECTED if failure.is_servers else failure.message
        return self.error(failure.status, message, failure.message)


class _Door:
    def __init__(self, service: OrchestratorService, envelope: _Envelope) -> None:
        self._service = service
        self._envelope = envelope

    async def provision(self, request: Request) -> Response:
        return await self._answered(request, self._in_thread(self._service.post))

    async def status(self, request: Request) -> Response:
        answer = self._in_thread(self._service.pipeline_status, indent=4)
        return await self._answered(request, answer)

    async def delete(self, request: Request) -> Response:
        return await self._answered(request, self._in_thread(self._service.delete))

    async def infer(self, request: Request) -> Response:
        api_id = request.path_params["api_id"]

        async def answer(context: Context, body: dict[str, Any]) -> Response:
            prediction = await self._service.inference(context, api_id, body)
            return Response(prediction.body, headers={"Content-Type": prediction.content_type})

        return await self._answered(request, answer)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer what no route is for."""
        wrong_method = isinstance(error, HTTPException) and error.status_code == 405
        return self._envelope.error(
            400, BAD_REQUEST, _WRONG_METHOD if wrong_method else _WRONG_PATH
        )

    def _in_thread(
        self, method: _Answer, *, indent: int | None = None
    ) -> Callable[[Context, dict[str, Any]], Awaitable[Response]]:
        async def answer(context: Context, body: dict[str, Any]) -> Response:
            said = await asyncio.to_thread(method, context, body)
            return self._envelope.json(said, indent=indent)

        return answer

    async def _answered(
        self,
        request: Request,
        answer: Callable[[Context, dict[str, Any]], Awaitable[Response]],
    ) -> Response:
        context = context_of(request.scope)
        try:
            return await answer(context, _object(await request.body()))
        except Exception as error:
            return self._envelope.of(error, state_of(request.scope))


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _NotJson(f"{error}: the body must be one JSON object") from error
    if not isinstance(content, dict):
        raise BadRequest(["Bad request. The body must be one JSON object"])
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
