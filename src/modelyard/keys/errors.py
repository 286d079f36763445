"""What operations on keys may answer instead of a result, under the service's own codes."""

from __future__ import annotations

from modelyard.operations.errors import OperationError


class KeyNotFound(OperationError):
    """There is no such key."""

    code = "NotFoundException"


class KeyDisabled(OperationError):
    """The key is disabled."""

    code = "DisabledException"


class InvalidKeyState(OperationError):
    """The key is in a state that does not allow this."""

    code = "KMSInvalidStateException"


class InvalidCiphertext(OperationError):
    """The ciphertext was changed, or its encryption context is another one."""

    code = "InvalidCiphertextException"


class IncorrectKey(OperationError):
    """The ciphertext was made with another key."""

    code = "IncorrectKeyException"


class InvalidKeyArn(OperationError):
    """The text is not the ARN of a key."""

    code = "InvalidArnException"


class AliasExists(OperationError):
    """An alias of this name exists."""

    code = "AlreadyExistsException"


class InvalidAliasName(OperationError):
    """The name is not one that an alias may have."""

    code = "InvalidAliasNameException"


class InvalidMarker(OperationError):
    """The marker was not made by this listing."""

    code = "InvalidMarkerException"


class UnsupportedOperation(OperationError):
    """What was asked for is not offered."""

    code = "UnsupportedOperationException"


class MalformedPolicy(OperationError):
    """The policy cannot be used."""

    code = "MalformedPolicyDocumentException"


class InvalidTag(OperationError):
    """The tags break a rule."""

    code = "TagException"


class DryRun(OperationError):
    """The request would have succeeded, but the DryRun option is set."""

    code = "DryRunOperationException"


class LimitExceeded(OperationError):
    """A limit was reached."""

    code = "LimitExceededException"
