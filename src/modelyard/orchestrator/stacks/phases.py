"""The life of a stack, as a table: what each status means, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What a status means: the work that goes on, and what follows."""

    work: str  # "build", "tidy" or "clear"
    done: str
    failed: str


PHASES: Mapping[str, Phase] = {
    "CREATE_IN_PROGRESS": Phase(
        work="build", done="CREATE_COMPLETE", failed="ROLLBACK_IN_PROGRESS"
    ),
    "ROLLBACK_IN_PROGRESS": Phase(work="clear", done="ROLLBACK_COMPLETE", failed="ROLLBACK_FAILED"),
    "UPDATE_IN_PROGRESS": Phase(
        work="build",
        done="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        failed="UPDATE_ROLLBACK_IN_PROGRESS",
    ),
    # The update is done, whether or not all that it replaced can be deleted: what cannot is tried
    # again with the next update, or with the stack's deletion.
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Phase(
        work="tidy", done="UPDATE_COMPLETE", failed="UPDATE_COMPLETE"
    ),
    "UPDATE_ROLLBACK_IN_PROGRESS": Phase(
        work="build",
        done="UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        failed="UPDATE_ROLLBACK_FAILED",
    ),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Phase(
        work="tidy", done="UPDATE_ROLLBACK_COMPLETE", failed="UPDATE_ROLLBACK_COMPLETE"
    ),
    "DELETE_IN_PROGRESS": Phase(work="clear", done="DELETE_COMPLETE", failed="DELETE_FAILED"),
}

#: Where an update can begin.
UPDATABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
)
