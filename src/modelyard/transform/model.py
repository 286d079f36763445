"""How the model of a transform job is found."""

from __future__ import annotations

from typing import Protocol

from modelyard.jobs.model import JobModel
from modelyard.operations.context import Context


class FindModel(Protocol):
    """Finds models by their names."""

    def __call__(self, context: Context, name: str, /) -> JobModel:
        """Return a model of the caller's account and region, whatever its name's case.

        Raises:
            ValidationError: there is none.
        """
