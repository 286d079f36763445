"""The query protocol: `Action=AssumeRole&RoleArn=…` in a form, XML back.

A presigned URL (`GET /?Action=GetCallerIdentity&X-Amz-Signature=…`) has the form in its query.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from modelyard.api.authenticated import context_of, require_scope
from modelyard.api.calls import OperationCaller
from modelyard.api.errors import Failure, failure_of
from modelyard.api.forms import members_of, parsed_form
from modelyard.api.state import RequestState, state_of
from modelyard.api.xml import error_document, operation_document
from modelyard.operations.context import Context
from modelyard.operations.errors import UnknownOperation

MAX_BODY_BYTES = 1 << 20

#: The services by the `Version` that their forms carry, which is all that a bearer token's say.
SERVICES = {"2011-06-15": "sts", "2010-05-08": "iam", "2010-05-15": "cloudformation"}

#: Codes as the services of this protocol spell them.
_CODES = {
    "ValidationException": "ValidationError",
    "AccessDeniedException": "AccessDenied",
    "InvalidToken": "InvalidClientTokenId",
    "XAmzContentSHA256Mismatch": "SignatureDoesNotMatch",
    "RequestTimeTooSkewed": "SignatureDoesNotMatch",
}


def render_query_failure(failure: Failure, state: RequestState) -> Response:
    """Return a failure as the query protocol writes it."""
    code = _CODES.get(failure.code, failure.code)
    state.error = code
    document = error_document(
        code=code,
        message=failure.message,
        is_servers=failure.is_servers,
        request_id=state.request_id,
    )
    return Response(document, status_code=failure.status, media_type="text/xml")


class QueryDoor:
    """Answers authenticated requests."""

    def __init__(self, caller: OperationCaller) -> None:
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        form = scope["query_string"] if scope["method"] == "GET" else body
        response = await self._caller.run(self._answer, scope, form)
        await response(scope, receive, send)

    def _answer(self, scope: Scope, form: bytes) -> Response:
        state = state_of(scope)
        try:
            return self._carry_out(form, state, context_of(scope))
        except Exception as error:
            return render_query_failure(failure_of(error, state), state)

    def _carry_out(self, form: bytes, state: RequestState, context: Context) -> Response:
        fields = parsed_form(form)
        name, version = fields.get("Action", ""), fields.get("Version", "")
        service = SERVICES.get(version)
        if service is None:
            asked = f"{state.scope_service or version}:{name}"
            raise UnknownOperation(f"{asked[:200]} is not offered by this server")
        require_scope(state, {service})
        schema = self._caller.schema
        shape = schema.input_shape(service, name) if schema.knows(service, name) else None
        members = members_of(shape, fields)
        answer = self._caller.call(state, context, service, name, members)
        document = operation_document(
            name=name,
            namespace=schema.service(service).metadata["xmlNamespace"],
            shape=schema.output_shape(service, name),
            answer=answer,
            request_id=state.request_id,
        )
        return Response(document, media_type="text/xml")
