"""What the doors know of one request on its way through them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from modelyard.operations.context import Context

_KEY = "modelyard.request"


@dataclass(kw_only=True)
class RequestState:
    """One request. The outermost layer makes it, the inner ones fill it in."""

    request_id: str
    source: str  # the caller's address
    door: str = "none"
    context: Context | None = None  # once the caller is authenticated
    scope_service: str | None = None  # what the signature is scoped to; None with a bearer token
    service: str | None = None  # of the operation, botocore's name
    operation: str | None = None  # only once it is known to be the API's: it labels metrics
    error: str | None = None  # the code that was answered
    unproved: str | None = None  # why the caller could not be authenticated


def put_state(scope: Scope, state: RequestState) -> None:
    """Attach `state` to a request."""
    scope.setdefault("state", {})[_KEY] = state


def state_of(scope: Scope) -> RequestState:
    """Return the state of a request.

    Raises:
        RuntimeError: the request did not come through `build_app`'s application.
    """
    state: RequestState | None = scope.get("state", {}).get(_KEY)
    if state is None:
        raise RuntimeError("a door was reached around the application that guards it")
    return state
