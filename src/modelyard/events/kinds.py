"""Which events a change of which kind of resource makes: a table, and its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.events import codepipeline_events as codepipeline
from modelyard.events.changes import Change, millis
from modelyard.events.event_types import MODELYARD, Builder, EventType, Told
from modelyard.events.monitoring_events import MONITORING_KINDS
from modelyard.events.sagemaker_events import SAGEMAKER_KINDS

#: By the kind of resource: what builds its events, and the types that it can make.
KINDS: Mapping[str, tuple[Builder, tuple[EventType, ...]]] = {
    **SAGEMAKER_KINDS,
    **MONITORING_KINDS,
    "delivery": (
        codepipeline.delivery,
        (codepipeline.EXECUTION_TYPE, codepipeline.STAGE_TYPE, codepipeline.ACTION_TYPE),
    ),
}

#: By source and detail-type, those whose details are known; `modelyard`'s are made as they come.
EVENT_TYPES: Mapping[tuple[str, str], EventType] = {
    (type_.source, type_.name): type_ for _, types in KINDS.values() for type_ in types
}


def told_of(change: Change) -> list[Told]:
    """Return the events that a change makes, in their order."""
    entry = KINDS.get(change.kind)
    return (entry[0](change) if entry is not None else []) or [other(change)]


def types_of(kind: str) -> Sequence[str]:
    """Return the detail-types of all events that a change of a kind can make."""
    entry = KINDS.get(kind)
    return [*(type_.name for type_ in (entry[1] if entry is not None else ())), _other_type(kind)]


def other(change: Change) -> Told:
    """The event of a kind that has no entry: what it is, and its status.

    What was observed is left out: it may be anybody's secret.
    """
    detail: dict[str, Any] = {
        "Kind": change.kind,
        "Name": change.name,
        "Arn": change.arn,
        "Status": change.status,
        "PreviousStatus": change.previous_status,
        "CreationTime": millis(change.created_at),
        "LastModifiedTime": millis(change.at),
    }
    type_ = EventType(source=MODELYARD, name=_other_type(change.kind), keys=frozenset(detail))
    return Told(type=type_, detail=detail)


def _other_type(kind: str) -> str:
    return f"Modelyard {kind.replace('-', ' ').title()} State Change"
