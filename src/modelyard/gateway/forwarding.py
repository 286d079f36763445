"""What a serving program makes of a request: forwarded, and its answer given back."""

from __future__ import annotations

import http
import time
from typing import NamedTuple

from modelyard.gateway.errors import ModelRefusal
from modelyard.gateway.exchange import (
    CUSTOM_ATTRIBUTES,
    INFERENCE_ID,
    TARGET_VARIANT,
    Request,
    Response,
    header_line,
    status_line,
)
from modelyard.gateway.outcomes import Outcome, Whose, head_of
from modelyard.gateway.program_pool import ProgramPool
from modelyard.gateway.serving import ServedVariant

#: What a program is told of the request; the rest of it was for the gateway.
_FORWARDED = (b"content-type", b"accept", CUSTOM_ATTRIBUTES, INFERENCE_ID, TARGET_VARIANT)
_STATUSES = frozenset(http.HTTPStatus)


class Forward(NamedTuple):
    """A request that was found in order, and whose answer a program is to give."""

    variant: ServedVariant
    pool: ProgramPool
    whose: Whose


async def forward_to(
    pool: ProgramPool, request: Request, variant: ServedVariant, started: float, event_id: str
) -> Outcome:
    """Return what a program of the variant's model answers.

    Raises:
        ModelRefusal: it answers with an error, or not.
        GatewayError: none is there.
    """
    answer = await pool.invoke(_encode(request))
    model_seconds = time.perf_counter() - started
    attributes = answer.headers.get(CUSTOM_ATTRIBUTES) or request.headers.get(CUSTOM_ATTRIBUTES)
    content_type = answer.headers.get(b"content-type", b"").decode("latin-1")
    try:
        head = head_of(variant, event_id, attributes)
        if content_type:
            head += header_line("content-type", content_type)
    except ValueError as error:
        raise ModelRefusal(500, str(error)) from error
    status = answer.status if answer.status in _STATUSES else 200
    return Outcome(
        Response(status, status_line(status) + head, answer.body if status != 204 else b""),
        variant=variant,
        status=status,
        model_seconds=model_seconds,
        content_type=content_type,
        event_id=event_id,
    )


def _encode(request: Request) -> bytes:
    headers = request.headers
    lines = [b"POST /invocations HTTP/1.1", b"host: localhost"]
    lines += [name + b": " + headers[name] for name in _FORWARDED if name in headers]
    lines += [b"content-length: %d" % len(request.body), b"", request.body]
    return b"\r\n".join(lines)
