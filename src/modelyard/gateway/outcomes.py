"""What comes of an invocation, and what is told of it."""

from __future__ import annotations

import time
from typing import NamedTuple

from modelyard.gateway.errors import GatewayError, ModelRefusal, model_error, refusal, request_id
from modelyard.gateway.exchange import Response, header_line
from modelyard.gateway.permits import Permit, Question
from modelyard.gateway.serving import ServedVariant


class Whose(NamedTuple):
    """For whom an invocation was, as far as that was found out, and who decided."""

    question: Question | None = None
    permit: Permit | None = None


class Outcome:
    """What came of one invocation, before it leaves its traces."""

    __slots__ = (
        "content_type",
        "error",
        "event_id",
        "model_seconds",
        "response",
        "status",
        "variant",
        "whose",
    )

    def __init__(
        self,
        response: Response,
        *,
        variant: ServedVariant | None = None,
        status: int = 0,
        model_seconds: float = 0.0,
        content_type: str = "",
        event_id: str = "",
        error: GatewayError | None = None,
    ) -> None:
        self.response = response
        self.variant = variant  # None: no variant was reached
        self.status = status  # what the model's container would have answered
        self.model_seconds = model_seconds
        self.content_type = content_type  # of the answer, if it is a prediction
        self.event_id = event_id
        self.error = error  # why the gateway refused it
        self.whose = Whose()


def refused(error: GatewayError) -> Outcome:
    event_id = request_id()
    return Outcome(
        refusal(error.status, error.code, error.message, event_id=event_id),
        event_id=event_id,
        error=error,
    )


def failed(error: ModelRefusal, variant: ServedVariant, started: float, event_id: str) -> Outcome:
    """Return what comes of a request that a variant's model has not answered.

    Args:
        started: when it was asked, by `time.perf_counter`.
    """
    return Outcome(
        model_error(error, event_id),
        variant=variant,
        # What is no error's number (none in time, a redirection) counts as the model's own error.
        status=error.status if error.status >= 400 else 500,
        model_seconds=time.perf_counter() - started,
        event_id=event_id,
    )


def head_of(variant: ServedVariant, event_id: str, attributes: bytes | None) -> bytes:
    """Return the headers that all answers of a variant's model have.

    Raises:
        ValueError: the custom attributes would break out of their line.
    """
    head = variant.header + b"x-amzn-RequestId: " + event_id.encode() + b"\r\n"
    if attributes is None:
        return head
    return head + header_line("X-Amzn-SageMaker-Custom-Attributes", attributes.decode("latin-1"))
