"""A change of a resource, with all that an event may tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelyard import clock
from modelyard.arns import Arn
from modelyard.store.outbox import Event
from modelyard.store.resources import Json, Scope, Snapshot


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of a resource."""

    scope: Scope
    kind: str
    arn: str
    name: str
    status: str  # "Deleted" when it is gone
    spec: Json  # as it was then
    observed: Json  # as it was then
    previous_status: str | None
    previously_observed: Json
    created_at: datetime
    at: datetime
    tags: Mapping[str, str]

    @classmethod
    def of(cls, snapshot: Snapshot, event: Event) -> Change:
        """Return the change that an event of the store tells of, as its resource was then."""
        history = snapshot.as_of(event.arn, event.at)
        newest = history[-1] if history else None
        before = history[-2] if len(history) > 1 else None
        living = snapshot.find_by_arn(event.arn)
        return cls(
            scope=event.scope,
            kind=event.kind,
            arn=event.arn,
            name=name_in(event.arn),
            status=event.status,
            spec=newest.spec if newest is not None else {},
            observed=event.detail,
            previous_status=None if before is None else before.status,
            previously_observed={} if before is None else before.observed,
            created_at=history[0].at if history else event.at,
            at=event.at,
            tags={} if living is None else snapshot.tags(living),
        )


def name_in(arn: str) -> str:
    """Return what stands behind the kind in an ARN; the whole resource where there is no kind."""
    try:
        parts = Arn.parse(arn)
    except ValueError:
        return arn
    return parts.name or parts.resource


def millis(moment: datetime) -> int:
    """Return milliseconds since the epoch, as SageMaker's events have their times."""
    return clock.to_micros(moment) // 1000


def micros_to_millis(micros: Any) -> Any:
    """Return a time of an observed state, kept in microseconds, in milliseconds."""
    return micros // 1000 if isinstance(micros, int) else micros


def upper_snake(status: str) -> str:
    """Return `IN_SERVICE` for `InService`."""
    return "".join(
        f"_{letter}" if letter.isupper() and index else letter
        for index, letter in enumerate(status)
    ).upper()
