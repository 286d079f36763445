"""From what went wrong to what a client is told; each door then writes it as its protocol does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from modelyard.api.state import RequestState
from modelyard.operations.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    InternalFailure,
    LimitExceeded,
    NoSuchEntity,
    OperationError,
    ValidationError,
)
from modelyard.sigv4 import SignatureError
from modelyard.store.errors import (
    BadPageToken,
    DatabaseBusy,
    DatabaseUnreachable,
    KeyUnusable,
    StorageFull,
    Unstorable,
)

log = structlog.get_logger(__name__)


class RequestRefused(Exception):
    """The request cannot be read as one; the doors' own reasons, before any operation."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What a client is told."""

    status: int
    code: str
    message: str

    @property
    def is_servers(self) -> bool:
        return self.status >= 500


#: The nearest class in an error's family tree decides. Clients repeat what they get 500, 502, 503
#: or 504 for, which helps nobody against a full disk: hence 507.
_STATUS: Mapping[type[Exception], int] = {
    OperationError: 400,
    AccessDenied: 403,
    NoSuchEntity: 404,
    EntityAlreadyExists: 409,
    DeleteConflict: 409,
    LimitExceeded: 409,
    InternalFailure: 500,
    BadPageToken: 400,
    Unstorable: 400,
    StorageFull: 507,
    KeyUnusable: 400,
    DatabaseBusy: 503,
    DatabaseUnreachable: 503,
    SignatureError: 403,
}
#: The signature's failures as the JSON services spell them; sigv4 has the query services' words.
JSON_SIGNATURE_CODES: Mapping[str, str] = {
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "InvalidToken": "UnrecognizedClientException",
    "ExpiredToken": "ExpiredTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "XAmzContentSHA256Mismatch": "InvalidSignatureException",
    "RequestTimeTooSkewed": "InvalidSignatureException",
    "RequestExpired": "InvalidSignatureException",
}

_CODE: Mapping[type[Exception], str] = {
    BadPageToken: ValidationError.code,
    Unstorable: ValidationError.code,
    DatabaseBusy: "ServiceUnavailable",
    DatabaseUnreachable: "ServiceUnavailable",
    StorageFull: "InsufficientStorage",
}


def failure_of(error: Exception, state: RequestState) -> Failure:
    """Return what to tell of `error`; what nobody foresaw is logged and told as InternalFailure."""
    note_unproved(error, state)
    if isinstance(error, RequestRefused):
        found = Failure(status=error.status, code=error.code, message=str(error))
    else:
        family = next((kin for kin in type(error).__mro__ if kin in _STATUS), None)
        if family is None:
            found = _unforeseen(error, state)
        else:
            code = _CODE.get(family) or str(getattr(error, "code", InternalFailure.code))
            found = Failure(status=_STATUS[family], code=code, message=str(error))
    state.error = found.code
    return found


def note_unproved(error: Exception, state: RequestState) -> None:
    """Keep why a caller could not be authenticated, if that is what `error` says."""
    if isinstance(error, SignatureError) and state.context is None:
        state.unproved = error.message


def _unforeseen(error: Exception, state: RequestState) -> Failure:
    log.error(
        "request failed",
        request_id=state.request_id,
        door=state.door,
        service=state.service,
        operation=state.operation,
        exc_info=error,
    )
    message = (
        "An internal error. The server's log holds the details under the request's id, "
        f"{state.request_id}."
    )
    return Failure(status=500, code=InternalFailure.code, message=message)
