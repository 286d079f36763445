"""A trial: one choice of hyperparameters, and what became of the training job that tried it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

#: The statuses of a training job that does not run any more.
ENDED = ("Completed", "Failed", "Stopped")
#: How the reason of a failure begins that is the server's, and may not happen again.
_RETRYABLE = "InternalServerError"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a strategy chose, as the training job's row keeps it."""

    number: int  # of the trial within its tuning job, from 0 on
    definition: int  # which of the tuning job's definitions of training jobs
    tuned: Mapping[str, str]  # the hyperparameters that it chose
    #: Where a choice belongs in a strategy's plan, as Hyperband's brackets; empty: nowhere.
    place: tuple[int, ...] = ()
    resource: int | None = None  # rounds or epochs that it may use; None: as the job says

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "definition": self.definition,
            "tuned": dict(self.tuned),
            "place": list(self.place),
            "resource": self.resource,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        return cls(
            number=kept["number"],
            definition=kept["definition"],
            tuned=kept["tuned"],
            place=tuple(kept["place"]),
            resource=kept["resource"],
        )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training job of a tuning job, as its row was read."""

    choice: Choice
    job_name: str
    job_arn: str
    status: str  # of the training job
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    value: float | None = None  # of the objective metric, the last one
    failure_reason: str | None = None

    @property
    def number(self) -> int:
        return self.choice.number

    @property
    def is_active(self) -> bool:
        return self.status not in ENDED

    @property
    def is_retryable(self) -> bool:
        """Whether it failed for a reason that may not come again."""
        return self.status == "Failed" and (self.failure_reason or "").startswith(_RETRYABLE)

    @property
    def objective_status(self) -> str:
        """Succeeded, Pending or Failed: whether there is a value to compare it by."""
        if self.is_active:
            return "Pending"
        return "Succeeded" if self.has_result else "Failed"

    @property
    def has_result(self) -> bool:
        """Whether it ended with a value; one that was stopped counts with the last it had."""
        return self.status in ("Completed", "Stopped") and self.value is not None
