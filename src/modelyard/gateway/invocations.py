"""Invocations: from a request, whole, to the answer.

    authenticate → authorise → find the endpoint → choose the variant → decode → predict → encode

All of that is computed by `_invoke`, which changes nothing: short requests in the event loop
itself, since handing one to a thread would take longer than answering it, and long ones in a
thread. Where a program serves the variant's model, the last three steps are its own, and the
request is forwarded to it. What an answer leaves behind (counters, captured data) is written in
the loop.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from modelyard.gateway.authentication import Authenticator, Caller, claimed_by
from modelyard.gateway.calls import CallSums
from modelyard.gateway.capture import CaptureLog, Record
from modelyard.gateway.decoding import DEFAULT_CONTENT_TYPE
from modelyard.gateway.errors import GatewayError, ModelRefusal, request_id
from modelyard.gateway.exchange import (
    CUSTOM_ATTRIBUTES,
    INFERENCE_ID,
    PREFIX,
    TARGET_VARIANT,
    Request,
    Response,
    respond,
)
from modelyard.gateway.forwarding import Forward, forward_to
from modelyard.gateway.outcomes import Outcome, Whose, failed, refused
from modelyard.gateway.permits import Permits, Question
from modelyard.gateway.prediction import predict
from modelyard.gateway.program_pool import ProgramPool
from modelyard.gateway.relay import source_of
from modelyard.gateway.routes import Keys, endpoint_key
from modelyard.gateway.serving import InMemory, ServedEndpoint, ServedVariant

#: Longer bodies are computed in a thread.
INLINE_BYTES = 32 * 1024
THREADS = 2

_TARGET = re.compile(rb"/endpoints/([^/?]+)/([a-z-]+)(?:\?.*)?")
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")

#: Header, member of the request, and how many characters it may have.
_LIMITS = (
    (INFERENCE_ID, "inferenceId", 64),
    (CUSTOM_ATTRIBUTES, "customAttributes", 1024),
)
#: What an endpoint of this gateway cannot be asked for, and the kind of endpoint that could.
_UNOFFERED = {
    PREFIX + b"target-model": ("TargetModel", "a multi-model endpoint"),
    PREFIX + b"target-container-hostname": ("TargetContainerHostname", "a multi-container one"),
    PREFIX + b"inference-component": ("InferenceComponentName", "one with inference components"),
    PREFIX + b"enable-explanations": ("EnableExplanations", "one with an explainer"),
    PREFIX + b"session-id": ("SessionId", "one with a stateful model"),
}

#: How often a question that was answered may have to be asked again, since policies changed.
_TRIES = 3

log = logging.getLogger(__name__)


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
            outcome = refused(error)
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
            if isinstance(outcome, Forward):
                return self._answer_forwarded(request, outcome, started)
        return self._answer_later(request, started)

    async def _answer_forwarded(
        self, request: Request, forward: Forward, started: float
    ) -> Response:
        return self._finish(request, await self._forwarded(request, forward), started)

    async def _answer_later(self, request: Request, started: float) -> Response:
        """Answer what takes long, or what the control plane has to be asked about first."""
        loop = asyncio.get_running_loop()
        question: Question | None = None
        for _ in range(_TRIES):
            if len(request.body) <= INLINE_BYTES:
                outcome = self._invoke(request)
            else:
                outcome = await loop.run_in_executor(self._threads, self._invoke, request)
            if isinstance(outcome, Forward):
                outcome = await self._forwarded(request, outcome)
            if isinstance(outcome, Outcome):
                return self._finish(request, outcome, started)
            question = outcome
            await self._permits.ask(question)
        undecided = refused(
            GatewayError(
                503,
                "ServiceUnavailable",
                "Whether you may invoke this endpoint could not be decided in time: try again.",
            )
        )
        undecided.whose = Whose(question)
        return self._finish(request, undecided, started)

    def _invoke(self, request: Request) -> Outcome | Forward | Question:
        """Return what comes of a request, who is to answer it, or what has to be known first."""
        whose = Whose()
        try:
            caller = self._authenticator.authenticate(request)
            whose = Whose(Question(caller, "", ""))
            name = _endpoint_name(request.method, request.target)
            wanted = request.headers.get(TARGET_VARIANT, b"").decode("latin-1")
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
            outcome = refused(error)
        except Exception:
            log.exception("an invocation failed")
            outcome = refused(
                GatewayError(500, "InternalFailure", "The gateway failed; its log says why.")
            )
        else:
            if isinstance(variant.model, ProgramPool):
                return Forward(variant, variant.model, whose)
            outcome = self._predicted(request, variant, variant.model)
        outcome.whose = whose
        return outcome

    def _predicted(self, request: Request, variant: ServedVariant, model: InMemory) -> Outcome:
        started = time.perf_counter()
        event_id = request_id()
        try:
            return predict(request, variant, model, started, event_id)
        except ModelRefusal as error:
            wrong = error
        except Exception as error:
            log.exception("variant %s failed", variant.name)
            wrong = ModelRefusal(500, f"{type(error).__name__}: {error}")
        return failed(wrong, variant, started, event_id)

    async def _forwarded(self, request: Request, forward: Forward) -> Outcome:
        """Return what comes of a request that a program of the variant's model answers."""
        started = time.perf_counter()
        event_id = request_id()
        variant = forward.variant
        try:
            outcome = await forward_to(forward.pool, request, variant, started, event_id)
        except ModelRefusal as error:
            outcome = failed(error, variant, started, event_id)
        except GatewayError as error:
            outcome = refused(error)
            outcome.variant, outcome.status = variant, error.status
        outcome.whose = forward.whose
        return outcome

    def _variant(self, caller: Caller, name: str, request: Request) -> ServedVariant:
        key = endpoint_key(account=caller.account, region=caller.region, name=name)
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            message = f"Endpoint {name} of account {caller.account} not found."
            raise GatewayError(400, "ValidationError", message)
        headers = request.headers
        if not _UNOFFERED.keys().isdisjoint(headers):
            raise _unoffered(name, headers)
        wanted = headers.get(TARGET_VARIANT)
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
            inference_id = headers.get(INFERENCE_ID)
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
