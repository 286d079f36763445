"""What tuning jobs are called, and what their transitions say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class TuningKind:
    """See `jobs.desk.JobKind`."""

    name: str = "hyper-parameter-tuning-job"
    wording: Mapping[str, str] = field(
        default_factory=lambda: {
            "Starting": "Preparing the tuning job",
            "Restarting": "The server was restarted: the tuning job goes on",
            "Stopping": "Stopping the tuning job",
            "Completed": "Tuning job completed",
            "Failed": "Tuning job failed",
            "Stopped": "Tuning job stopped",
        }
    )


KIND = TuningKind()
