"""Invocations: from a request, whole, to the answer.

    authenticate → authorise → find the endpoint → choose the variant → decode → predict → encode

All of that is computed by `_invoke`, which changes nothing: short requests in the event loop
itself, since handing one to a thread would take longer than answering it, and long ones in a
thread. What an answer leaves behind (counters, captured data) is written in the loop.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

from modelyard.gateway.authentication import Authenticator, Caller, claimed_by
from modelyard.gateway.calls import CallSums
from modelyard.gateway.capture import CaptureLog, Record
from modelyard.gateway.decoding import DEFAULT_CONTENT_TYPE, decoder_for
from modelyard.gateway.errors import (
    GatewayError,
    ModelRefusal,
    model_error,
    refusal,
    request_id,
)
from modelyard.gateway.exchange import Request, Response, header_line, respond, status_line
from modelyard.gateway.permits import Permit, Permits, Question
from modelyard.gateway.relay import source_of
from modelyard.gateway.routes import Keys, endpoint_key
from modelyard.gateway.serving import ServedEndpoint, ServedVariant

#: Longer bodies are computed in a thread.
INLINE_BYTES = 32 * 1024
THREADS = 2

_TARGET = re.compile(rb"/endpoints/([^/?]+)/([a-z-]+)(?:\?.*)?")
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_HEADER = b"x-amzn-sagemaker-"
_VARIANT = _HEADER + b"target-variant"
_INFERENCE_ID = _HEADER + b"inference-id"
_CUSTOM_ATTRIBUTES = _HEADER + b"custom-attributes"

#: Header, member of the request, and how many characters it may have.
_LIMITS = (
    (_INFERENCE_ID, "inferenceId", 64),
    (_CUSTOM_ATTRIBUTES, "customAttributes", 1024),
)
#: What an endpoint of this gateway cannot be asked for, and the kind of endpoint that could.
_UNOFFERED = {
    _HEADER + b"target-model": ("TargetModel", "a multi-model endpoint"),
    _HEADER + b"target-container-hostname": ("TargetContainerHostname", "a multi-container one"),
    _HEADER + b"inference-component": ("InferenceComponentName", "one with inference components"),
    _HEADER + b"enable-explanations": ("EnableExplanations", "one with an explainer"),
    _HEADER + b"session-id": ("SessionId", "one with a stateful model"),
}

#: How often a question that was answered may have to be asked again, since policies changed.
_TRIES = 3

log = logging.getLogger(__name__)


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


class Invocations:
    """The handler of a worker's connections."""

    def __init__(self, capture: CaptureLog, permits: Permits) -> None:
        self.endpoints: Mapping[str, ServedEndpoint] = {}
        self._authenticator = Authenticator(NOBODY)
        self._relay_secret = NOBODY.relay_secret
        self._capture = capture
        self._permits = permits
        self.calls = CallSums()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="invocation")

    def set_keys(self, keys: Keys) -> None:
        """From now on, let those in who can prove themselves with `keys`."""
        self._authenticator = Authenticator(keys)
        self._relay_secret = keys.relay_secret
        self._permits.forget()

    def admit(self, request: Request) -> Response | None:
        """Return a refusal that needs no body, or None."""
        try:
            self._authenticator.admit(request)
        except GatewayError as error:
            outcome = _refused(error)
            self._note(request, outcome)
            return outcome.response
        return None

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Return the answer, or what will be it."""
        if request.target == b"/healthz" and request.method in {b"GET", b"HEAD"}:
            return respond(200, [("content-type", "text/plain")])
        started = time.perf_counter()
        if len(request.body) <= INLINE_BYTES:
            outcome = self._invoke(request)
            if isinstance(outcome, Outcome):
                return self._finish(request, outcome, started)
        return self._answer_later(request, started)

    async def _answer_later(self, request: Request, started: float) -> Response:
        """Answer what takes long, or what the control plane has to be asked about first."""
        loop = asyncio.get_running_loop()
        question: Question | None = None
        for _ in range(_TRIES):
            if len(request.body) <= INLINE_BYTES:
                outcome = self._invoke(request)
            else:
                outcome = await loop.run_in_executor(self._threads, self._invoke, request)
            if isinstance(outcome, Outcome):
                return self._finish(request, outcome, started)
            question = outcome
            await self._permits.ask(question)
        undecided = _refused(
            GatewayError(
                503,
                "ServiceUnavailable",
                "Whether you may invoke this endpoint could not be decided in time: try again.",
            )
        )
        undecided.whose = Whose(question)
        return self._finish(request, undecided, started)

    def _invoke(self, request: Request) -> Outcome | Question:
        """Return what comes of a request, or what has to be known first."""
        whose = Whose()
        try:
            caller = self._authenticator.authenticate(request)
            whose = Whose(Question(caller, "", ""))
            name = _endpoint_name(request.method, request.target)
            wanted = request.headers.get(_VARIANT, b"").decode("latin-1")
            question = Question(caller, name.lower(), wanted)
            permit = self._permits.find(question)
            if permit is None:
                return question
            whose = Whose(question, permit)
            if not permit.allowed:
                raise GatewayError(403, "AccessDeniedException", permit.refusal)
            variant = self._variant(caller, name, request)
            _check_headers(request.headers)
        except GatewayError as error:
            outcome = _refused(error)
        except Exception:
            log.exception("an invocation failed")
            outcome = _refused(
                GatewayError(500, "InternalFailure", "The gateway failed; its log says why.")
            )
        else:
            outcome = self._predicted(request, variant)
        outcome.whose = whose
        return outcome

    def _predicted(self, request: Request, variant: ServedVariant) -> Outcome:
        started = time.perf_counter()
        event_id = request_id()
        try:
            return _predict(request, variant, started, event_id)
        except ModelRefusal as error:
            refused = error
        except Exception as error:
            log.exception("variant %s failed", variant.name)
            refused = ModelRefusal(500, f"{type(error).__name__}: {error}")
        return Outcome(
            model_error(refused, event_id),
            variant=variant,
            status=refused.status,
            model_seconds=time.perf_counter() - started,
            event_id=event_id,
        )

    def _variant(self, caller: Caller, name: str, request: Request) -> ServedVariant:
        key = endpoint_key(account=caller.account, region=caller.region, name=name)
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            message = f"Endpoint {name} of account {caller.account} not found."
            raise GatewayError(400, "ValidationError", message)
        headers = request.headers
        if not _UNOFFERED.keys().isdisjoint(headers):
            raise _unoffered(name, headers)
        wanted = headers.get(_VARIANT)
        return endpoint.choose() if wanted is None else endpoint.named(wanted.decode("latin-1"))

    def _finish(self, request: Request, outcome: Outcome, started: float) -> Response:
        self._note(request, outcome)
        variant = outcome.variant
        if variant is None:
            return outcome.response
        overhead_seconds = time.perf_counter() - started - outcome.model_seconds
        variant.counters.count(outcome.status, outcome.model_seconds, overhead_seconds)
        place = variant.capture
        if place is not None and outcome.status == 200 and place.samples():
            headers = request.headers
            inference_id = headers.get(_INFERENCE_ID)
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            self._capture.add(
                Record(
                    destination=place,
                    event_id=outcome.event_id,
                    inference_id=None if inference_id is None else inference_id.decode("latin-1"),
                    seconds=time.time(),
                    input=request.body if place.input else b"",
                    input_type=content_type or DEFAULT_CONTENT_TYPE,
                    output=outcome.response.body if place.output else b"",
                    output_type=outcome.content_type,
                )
            )
        return outcome.response

    def _note(self, request: Request, outcome: Outcome) -> None:
        """Have it told who invoked, or was refused."""
        question, permit = outcome.whose
        error = outcome.error
        if error is not None:
            told, reason = error.code, error.message
        else:
            told, reason = "ok" if outcome.status < 400 else f"{outcome.status // 100}xx", ""
        self.calls.add(
            question,
            "" if question is not None else claimed_by(request.headers),
            source_of(request, self._relay_secret),
            allowed=permit is not None and permit.allowed,
            policies=() if permit is None else permit.policies,
            outcome=told,
            reason=reason,
            request_id=outcome.event_id,
        )


def _refused(error: GatewayError) -> Outcome:
    event_id = request_id()
    return Outcome(
        refusal(error.status, error.code, error.message, event_id=event_id),
        event_id=event_id,
        error=error,
    )


def _predict(request: Request, variant: ServedVariant, started: float, event_id: str) -> Outcome:
    """Return what the variant's model makes of the request.

    Raises:
        ModelRefusal: it makes nothing of it.
    """
    headers = request.headers
    head = variant.header + b"x-amzn-RequestId: " + event_id.encode() + b"\r\n"
    attributes = headers.get(_CUSTOM_ATTRIBUTES)
    if attributes is not None:
        head += header_line("X-Amzn-SageMaker-Custom-Attributes", attributes.decode("latin-1"))
    if not request.body:
        # The XGBoost container has no prediction for nothing, and says so with a success.
        return Outcome(
            Response(204, status_line(204) + head, b""),
            variant=variant,
            status=204,
            event_id=event_id,
        )
    model = variant.model
    rows = decoder_for(headers.get(b"content-type", b""))(request.body, model.features)
    encoder = variant.encoders.choose(headers.get(b"accept", b"*/*"))
    output = encoder.encode(model.predict(rows))
    return Outcome(
        Response(200, status_line(200) + head + encoder.header, output),
        variant=variant,
        status=200,
        model_seconds=time.perf_counter() - started,
        content_type=encoder.content_type,
        event_id=event_id,
    )


@lru_cache(maxsize=4096)
def _endpoint_name(method: bytes, target: bytes) -> str:
    """Return the endpoint that a request invokes.

    Raises:
        GatewayError: it invokes none.
    """
    match = _TARGET.fullmatch(target)
    if match is None or method != b"POST" or match[2] != b"invocations":
        asked = f"{method.decode('latin-1')} {target.decode('latin-1')}"
        raise GatewayError(
            404,
            "UnknownOperationException",
            f"{asked[:200]} is not offered here: it is POST /endpoints/<name>/invocations "
            "(InvokeEndpoint)",
        )
    name = match[1].decode("latin-1")
    if not _NAME.fullmatch(name):
        raise GatewayError(
            400,
            "ValidationError",
            f"1 validation error detected: Value {name[:200]!r} at 'endpointName' failed to "
            f"satisfy constraint: Member must satisfy regular expression pattern: {_NAME.pattern}",
        )
    return name


def _unoffered(endpoint: str, headers: Mapping[bytes, bytes]) -> GatewayError:
    asked = [_UNOFFERED[name] for name in headers if name in _UNOFFERED]
    told = "; ".join(f"{member} is for {kind}" for member, kind in asked)
    return GatewayError(
        400, "ValidationError", f"{told}. The endpoint {endpoint} is not: leave it out."
    )


def _check_headers(headers: Mapping[bytes, bytes]) -> None:
    """Refuse what the API's model refuses of the headers that are kept or given back.

    Raises:
        GatewayError: all that is wrong with them.
    """
    problems = []
    for header, member, longest in _LIMITS:
        value = headers.get(header)
        if value is None:
            continue
        if len(value) > longest or not (value.isascii() and value.decode().isprintable()):
            problems.append(
                f"Value at {member!r} failed to satisfy constraint: Member must be printable "
                f"ASCII and have length less than or equal to {longest}"
            )
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        message = f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"
        raise GatewayError(400, "ValidationError", message)


NOBODY = Keys(secrets={}, tokens={}, sealing_key="", default_region="")
