"""The model of a transform job, as it was when the job was created.

A model cannot be changed, but it can be deleted, and made anew under its name. So what a job needs
of it is kept with the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

from modelyard.operations.context import Context


@dataclass(frozen=True, kw_only=True)
class TransformModel:
    """What a job needs of a model."""

    name: str  # as the model has it, whatever the case that it was asked for in
    image: str  # URI
    archive: str  # s3:// URI
    account: str  # in whose bucket the archive lies
    sha256: str | None  # of the archive, where it is a registered one
    environment: Mapping[str, str]
    role: str | None  # ARN

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


class FindModel(Protocol):
    """Finds models by their names."""

    def __call__(self, context: Context, name: str, /) -> TransformModel:
        """Return a model of the caller's account and region, whatever its name's case.

        Raises:
            ValidationError: there is none.
        """
