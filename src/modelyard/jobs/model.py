"""The model that a job works with, as it was when the job looked it up.

A model cannot be changed, but it can be deleted, and made anew under its name. So what a job needs
of it is kept with the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

SUBMIT_VARIABLE = "SAGEMAKER_SUBMIT_DIRECTORY"


@dataclass(frozen=True, kw_only=True)
class JobModel:
    """What a job needs of a model."""

    name: str  # as the model has it, whatever the case that it was asked for in
    image: str  # URI
    archive: str  # s3:// URI
    account: str  # in whose bucket the archive lies
    sha256: str | None  # of the archive, where it is a registered one
    environment: Mapping[str, str]
    role: str | None  # ARN
    isolated: bool = False  # whether its programs have no network

    @property
    def submitted(self) -> str | None:
        """The s3:// URI of the code that was submitted beside it, as the SDK's estimators do."""
        uri = self.environment.get(SUBMIT_VARIABLE, "")
        return uri if uri.startswith("s3://") else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)
