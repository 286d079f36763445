"""How S3 says no: a code of its own, a status, and an XML document, but none to HEAD.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.operations.errors import AccessDenied
from modelyard.sigv4 import SignatureError
from modelyard.store.errors import (
    AlreadyExists,
    BucketNotEmpty,
    DatabaseBusy,
    KeyConflict,
    KeyUnusable,
    NoSuchBucket,
    NoSuchKey,
    ObjectDamaged,
    StorageFull,
    StoreError,
)
from modelyard.store.multipart_uploads import NoSuchUpload
from modelyard.store.s3_server import S3ServerUnavailable

#: The status of each code that is answered here; 400 goes without saying.
_STATUS = {
    "AccessDenied": 403,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "EntityTooLarge": 413,
    # Clients repeat what they get 500 or 503 for, which helps nobody against a full disk.
    "InsufficientStorage": 507,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidRange": 416,
    "KeyConflict": 409,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "ServerSideEncryptionConfigurationNotFoundError": 404,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
}

#: `sigv4`'s codes as S3 spells them.
_SIGNATURE_CODES = {
    "IncompleteSignature": "AuthorizationHeaderMalformed",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "MissingAuthenticationToken": "AccessDenied",
    "RequestExpired": "AccessDenied",
}

_STORE_CODES: Mapping[type[StoreError], str] = {
    NoSuchBucket: "NoSuchBucket",
    NoSuchKey: "NoSuchKey",
    NoSuchUpload: "NoSuchUpload",
    AlreadyExists: "BucketAlreadyOwnedByYou",
    BucketNotEmpty: "BucketNotEmpty",
    KeyConflict: "KeyConflict",
    ObjectDamaged: "InternalError",
    StorageFull: "InsufficientStorage",
    DatabaseBusy: "ServiceUnavailable",
    S3ServerUnavailable: "ServiceUnavailable",
}

#: What Amazon's documents say, word by word, where clients show or match it.
_MESSAGES = {
    "BadDigest": "The Content-MD5 or checksum value that you specified did not match what the"
    " server received.",
    "BucketAlreadyOwnedByYou": "Your previous request to create the named bucket succeeded and you"
    " already own it.",
    "BucketNotEmpty": "The bucket you tried to delete is not empty",
    "IncompleteBody": "You did not provide the number of bytes specified by the Content-Length"
    " HTTP header",
    "InvalidPart": "One or more of the specified parts could not be found. The part may not have"
    " been uploaded, or the specified entity tag may not match the part's entity tag.",
    "InvalidPartOrder": "The list of parts was not in ascending order. The parts list must be"
    " specified in order by part number.",
    "InvalidRange": "The requested range is not satisfiable",
    "MalformedXML": "The XML you provided was not well-formed or did not validate against our"
    " published schema",
    "MissingContentLength": "You must provide the Content-Length HTTP header.",
    "NoSuchBucket": "The specified bucket does not exist",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchUpload": "The specified upload does not exist. The upload ID may be invalid, or the"
    " upload may have been aborted or completed.",
    "ServerSideEncryptionConfigurationNotFoundError": "The server side encryption configuration"
    " was not found",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold",
}


class S3Error(Exception):
    """A request that is refused, or failed."""

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Say `code`.

        Args:
            message: Amazon's own words for the code, when None.
            details: further elements of the document.
            headers: of the answer.
        """
        self.message = message or _MESSAGES.get(code) or code
        super().__init__(f"{code}: {self.message}")
        self.code = code
        self.details = details or {}
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS.get(self.code, 400)


def invalid_argument(name: str, value: str, rule: str) -> S3Error:
    """Return the error of a parameter or header that breaks a rule."""
    return S3Error(
        "InvalidArgument",
        f"{name} is {value[:200]!r}: {rule}",
        details={"ArgumentName": name, "ArgumentValue": value[:200]},
    )


def not_offered(what: str) -> S3Error:
    """Return the error of something that Amazon's S3 has and this has not."""
    return S3Error("NotImplemented", f"{what} is not offered by this server")


def error_of(error: Exception) -> S3Error | None:
    """Return what S3 calls an error of the rooms below; None when it is nobody's fault but ours."""
    if isinstance(error, S3Error):
        return error
    if isinstance(error, SignatureError):
        return S3Error(_SIGNATURE_CODES.get(error.code, error.code), error.message)
    if isinstance(error, AccessDenied):
        return S3Error("AccessDenied", error.message)
    if isinstance(error, KeyUnusable):
        denied = error.code == "AccessDenied"
        return S3Error("AccessDenied" if denied else f"KMS.{error.code}", str(error))
    if isinstance(error, StoreError):
        for kind in type(error).__mro__:
            code = _STORE_CODES.get(kind)
            if code is not None:
                # The store's own words where Amazon has none.
                return S3Error(code, _MESSAGES.get(code) or str(error))
    return None
