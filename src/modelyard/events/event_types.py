"""What an event is known by, and what its detail can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.events.changes import Change

SAGEMAKER = "aws.sagemaker"
CODEPIPELINE = "aws.codepipeline"
MODELYARD = "modelyard"

#: Sources that only Modelyard itself writes.
OWN_SOURCES = frozenset({SAGEMAKER, CODEPIPELINE, MODELYARD})


@dataclass(frozen=True, kw_only=True)
class EventType:
    """One kind of event, and what its detail can hold."""

    source: str
    name: str  # the detail-type
    keys: frozenset[str]  # of the detail, all there are
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)  # fields that are words


@dataclass(frozen=True, kw_only=True)
class Told:
    """One event of a change, still without its envelope."""

    type: EventType
    detail: dict[str, Any]


Builder = Callable[[Change], list[Told]]
