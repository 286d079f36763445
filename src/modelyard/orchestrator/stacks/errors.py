"""What templates and stacks may refuse."""

from __future__ import annotations

from collections.abc import Sequence


class TemplateError(Exception):
    """A template breaks the rules of templates; `problems` are all of them, each with its path."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


class EvaluationError(Exception):
    """A template's value cannot be worked out with these parameters."""


class ResourceFailed(Exception):
    """A resource could not be brought to what the template asks for; the message says why."""


class StackBusy(Exception):
    """The stack is being created, changed or deleted."""
