"""A card's statuses, and what a change does to them.

A change of status (a review, an approval) makes no new version: it is about the newest one. A
change of the content makes a new version. What was approved is one version's content, so the
version after an approved one waits for a review of its own. `Archived` is final.
"""

from __future__ import annotations

from modelyard.operations.errors import Conflict

DRAFT = "Draft"
PENDING_REVIEW = "PendingReview"
APPROVED = "Approved"
ARCHIVED = "Archived"

STATUSES = (DRAFT, PENDING_REVIEW, APPROVED, ARCHIVED)


def check_open(name: str, status: str) -> None:
    """Return if a card takes changes.

    Raises:
        Conflict: it is archived.
    """
    if status == ARCHIVED:
        raise Conflict(
            f"Model card {name!r} is {ARCHIVED} and takes no more changes: it can be described, "
            "exported and deleted; create another card to go on"
        )


def status_of_next_version(status: str) -> str:
    """Return the status that a new version begins with, after one of this status."""
    return PENDING_REVIEW if status == APPROVED else status
