"""Personas: the kinds of people and of pipelines that policies speak of."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.operations.context import Principal
from modelyard.store.errors import NotFound
from modelyard.store.resources import Snapshot

#: Each is also the name of a role that every account has.
PERSONAS = (
    "data-scientist",
    "ml-engineer",
    "ai-engineer",
    "governance-officer",
    "data-owner",
    "auditor",
    "orchestrator-administrator",
    "pipeline-role",
)

#: Of the role that jobs and models run as; no person has it.
JOB = "job"


def personas_of(snapshot: Snapshot, principal: Principal) -> Sequence[str]:
    """Return the personas of a user, or the one of a session's role."""
    try:
        found = snapshot.get_by_arn(principal.role or principal.arn)
    except NotFound:
        return ()
    if found.kind == "user":
        return tuple(found.spec.get("Personas", ()))
    persona = found.spec.get("Persona", "") if found.kind == "role" else ""
    return (persona,) if persona else ()
