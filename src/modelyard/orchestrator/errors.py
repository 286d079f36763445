"""What the orchestrator may answer instead of a result. Nothing here knows HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.operations.errors import ValidationError

MISSING = "Bad request. API body does not have the necessary parameter: "
UNSUPPORTED_TYPE = (
    "Bad request format. Pipeline type not supported. Check documentation for API & config formats"
)


class BadRequest(Exception):
    """The request breaks the rules; `details` begins with the first problem, and has them all."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Args:
        problems: sentences; the first is worded as clients know it.
        """
        super().__init__("; ".join(problems))
        self.problems = list(problems)

    @property
    def details(self) -> str:
        return str(self.args[0])


class StackNotFound(ValidationError):
    """There is no such stack."""

    code = "ValidationError"  # what CloudFormation calls it
