"""An event as the bus has it: EventBridge's envelope around what happened.

https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

DEFAULT_BUS = "default"


@dataclass(frozen=True, kw_only=True)
class BusEvent:
    """One event; its time is kept to the second."""

    id: str
    source: str
    detail_type: str
    account: str
    region: str
    time: datetime
    resources: Sequence[str]  # ARNs
    detail: Mapping[str, Any]

    def envelope(self) -> dict[str, Any]:
        """Return the event as patterns see it and targets get it."""
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.account,
            "time": self.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": list(self.resources),
            "detail": dict(self.detail),
        }

    @classmethod
    def of(cls, envelope: Mapping[str, Any]) -> Self:
        """Return the event of an envelope that `envelope` made."""
        return cls(
            id=envelope["id"],
            source=envelope["source"],
            detail_type=envelope["detail-type"],
            account=envelope["account"],
            region=envelope["region"],
            time=datetime.fromisoformat(envelope["time"]),
            resources=envelope["resources"],
            detail=envelope["detail"],
        )
