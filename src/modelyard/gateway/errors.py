"""Refusals, as SageMaker's runtime words them: rest-json, told by the header `x-amzn-ErrorType`.

What the real service's model container would have answered with a 4xx or 5xx of its own reaches
the caller as a ModelError (424) around it; what the service itself refuses keeps its own status.
"""

from __future__ import annotations

import random

import orjson

from modelyard.gateway.exchange import Response, respond


class GatewayError(Exception):
    """The invocation is refused; `code` is the AWS error's, `status` the HTTP answer's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def message(self) -> str:
        return str(self.args[0])


class ModelRefusal(Exception):
    """The model cannot answer this request.

    Args:
        status: what its own container says, or would; 0: nothing, in time.
        log_arn: where the model's program says more, if it has a log.
    """

    def __init__(self, status: int, message: str, *, log_arn: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.log_arn = log_arn

    @property
    def message(self) -> str:
        return str(self.args[0])


def request_id() -> str:
    """Return a fresh UUID (version 4). Unique, not secret: `secrets` would cost four times this."""
    digits = f"{random.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def refusal(
    status: int, code: str, message: str, *, event_id: str | None = None, **members: object
) -> Response:
    """Return an error answer; `members` go into its body beside the message."""
    return respond(
        status,
        [
            ("content-type", "application/json"),
            ("x-amzn-RequestId", event_id or request_id()),
            ("x-amzn-ErrorType", code),
        ],
        orjson.dumps({"Message": message, **members}),
    )


def model_error(error: ModelRefusal, event_id: str | None = None) -> Response:
    """Return the ModelError that wraps what the model's container says."""
    kind = "client" if 400 <= error.status < 500 else "server"
    text = f'Received {kind} error ({error.status}) from primary with message "{error.message}"'
    members: dict[str, object] = {}
    if error.log_arn:
        text += f". See {error.log_arn} for more information."
        members["LogStreamArn"] = error.log_arn
    return refusal(
        424,
        "ModelError",
        text,
        OriginalStatusCode=error.status,
        OriginalMessage=error.message,
        event_id=event_id,
        **members,
    )
