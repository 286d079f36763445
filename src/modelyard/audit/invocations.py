"""What the inference gateway tells of invocations, as entries of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.store.audit_chain import Entry

DOOR = "gateway"


def entry_of(told: Mapping[str, Any]) -> Entry:
    """Return the entry of a sum of calls that a gateway worker reported; see `gateway.calls`."""
    calls, note = told["calls"], told["note"]
    if calls > 1:
        span = f"{calls} calls, the first with request id {told['first']}"
        note = f"{note} ({span})" if note else span
    return Entry(
        at=told["at"],
        account=told["account"],
        principal=told["arn"],
        person=told["person"],
        source=told["source"],
        door=DOOR,
        action=told["action"],
        resource=told["resource"],
        allowed=told["allowed"],
        policies=tuple(told["policies"]),
        outcome=told["outcome"],
        request_id=told["last"],
        calls=calls,
        note=note,
    )
