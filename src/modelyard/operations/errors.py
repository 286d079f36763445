"""What an operation may answer instead of a result.

The codes are the AWS API's own error codes, because that is what callers of an operation, in
process or over a wire, act on. Nothing here knows HTTP: `api/` maps each class to a status.
"""

from __future__ import annotations

from collections.abc import Sequence


class OperationError(Exception):
    """The operation could not be carried out."""

    code: str = "InternalFailure"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)

    @property
    def message(self) -> str:
        return str(self.args[0])


class ValidationError(OperationError):
    """The request breaks a rule of the operation's input."""

    code = "ValidationException"

    @classmethod
    def of(cls, problems: Sequence[str]) -> ValidationError:
        """Return one error that lists all `problems`, worded as AWS words it.

        Raises:
            ValueError: `problems` is empty.
        """
        if not problems:
            raise ValueError("a validation error needs at least one problem")
        noun = "error" if len(problems) == 1 else "errors"
        return cls(f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


class SerializationError(OperationError):
    """The request's body cannot be read."""

    code = "SerializationException"


class UnknownOperation(OperationError):
    """The operation is not offered."""

    code = "UnknownOperationException"


class ResourceNotFound(OperationError):
    """Requested resource not found."""

    code = "ResourceNotFound"


class ResourceInUse(OperationError):
    """A resource of this name exists, or the resource is being used."""

    code = "ResourceInUse"


class ResourceLimitExceeded(OperationError):
    """A limit on how many, or how large, resources may be was reached."""

    code = "ResourceLimitExceeded"


class Conflict(OperationError):
    """Somebody else changed the resource at the same time."""

    code = "ConflictException"


class AccessDenied(OperationError):
    """The caller may not do this."""

    code = "AccessDeniedException"


class NoSuchEntity(OperationError):
    """The role does not exist (the identity services' word for not found)."""

    code = "NoSuchEntity"


class EntityAlreadyExists(OperationError):
    """A user, role or provider of this name exists."""

    code = "EntityAlreadyExists"


class DeleteConflict(OperationError):
    """What belongs to it must be deleted first."""

    code = "DeleteConflict"


class LimitExceeded(OperationError):
    """There may not be more of these (the identity services' word)."""

    code = "LimitExceeded"


class MalformedPolicyDocument(OperationError):
    """The policy document cannot be used."""

    code = "MalformedPolicyDocument"


class InvalidIdentityToken(OperationError):
    """The identity provider's token cannot be accepted."""

    code = "InvalidIdentityToken"


class ExpiredIdentityToken(OperationError):
    """The identity provider's token has expired: ask it for a new one."""

    code = "ExpiredTokenException"


class IdentityProviderUnreachable(OperationError):
    """The identity provider's keys could not be fetched."""

    code = "IDPCommunicationError"


class LogsResourceNotFound(OperationError):
    """The specified log group or stream does not exist."""

    code = "ResourceNotFoundException"


class InternalFailure(OperationError):
    """An internal error: the server's log holds the details under the request's id."""

    code = "InternalFailure"
