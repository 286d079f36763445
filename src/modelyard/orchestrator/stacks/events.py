"""A stack's events: read off its history, in which every change of a status is one revision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelyard.orchestrator.stacks.state import Record
from modelyard.store.resources import Json, Revision


@dataclass(frozen=True, kw_only=True)
class StackEvent:
    """One status that the stack, or one of its resources, came to."""

    id: str  # the same each time it is asked for
    at: datetime
    logical_id: str
    reference: str
    type: str
    status: str
    reason: str


def stack_events(arn: str, name: str, history: Sequence[Revision]) -> list[StackEvent]:
    """Return what happened to a stack, newest first."""
    found: list[StackEvent] = []
    statuses: dict[str, str] = {}
    for revision in history:
        if revision.deleted:
            continue
        if statuses.get(arn) != revision.status:
            statuses[arn] = revision.status
            reason = str(revision.observed.get("reason") or "")
            found.append(
                _event(revision, name, arn, "AWS::CloudFormation::Stack", revision.status, reason)
            )
        for record in _records(revision.observed):
            if statuses.get(record.key) != record.status:
                statuses[record.key] = record.status
                found.append(
                    _event(
                        revision,
                        record.logical_id,
                        record.reference,
                        record.type,
                        record.status,
                        record.reason,
                    )
                )
    return found[::-1]


def _records(observed: Json) -> Iterator[Record]:
    data: list[dict[str, Any]] = [
        *observed.get("superseded", []),
        *observed.get("resources", {}).values(),
    ]
    for item in data:
        yield Record.of(item)


def _event(
    revision: Revision, logical_id: str, reference: str, kind: str, status: str, reason: str
) -> StackEvent:
    return StackEvent(
        id=f"{logical_id}-{status}-{revision.revision}",
        at=revision.at,
        logical_id=logical_id,
        reference=reference,
        type=kind,
        status=status,
        reason=reason,
    )
