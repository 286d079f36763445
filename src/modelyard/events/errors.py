"""The event service's own error codes."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.operations.errors import OperationError


class InvalidEventPattern(OperationError):
    """The event pattern is not valid."""

    code = "InvalidEventPatternException"

    @classmethod
    def of(cls, problems: Sequence[str]) -> InvalidEventPattern:
        """Return one error that lists all `problems`."""
        return cls("Event pattern is not valid. Reason: " + "; ".join(problems))


class NoSuchResource(OperationError):
    """The rule, the bus or the target does not exist."""

    code = "ResourceNotFoundException"


class ResourceExists(OperationError):
    """A bus of this name exists already."""

    code = "ResourceAlreadyExistsException"


class LimitReached(OperationError):
    """A rule has at most five targets, a bus at most 300 rules."""

    code = "LimitExceededException"


class PolicyTooLong(OperationError):
    """The bus's policy is longer than 10,240 characters."""

    code = "PolicyLengthExceededException"
