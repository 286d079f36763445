"""Who created a job, kept in its row: on their behalf it has other jobs made, long afterwards."""

from __future__ import annotations

from typing import Any

from modelyard.operations.context import Context, Principal
from modelyard.store.resources import Resource


def caller_of(context: Context) -> dict[str, Any]:
    """Return what a job's row keeps, as `observed["caller"]`, of who created it."""
    return {"principal": context.principal.to_json(), "request_id": context.request_id}


def context_of(job: Resource) -> Context:
    """Return on whose behalf a job has others made: whoever created it."""
    caller = job.observed["caller"]
    return Context(
        account=job.scope.account,
        region=job.scope.region,
        principal=Principal.from_json(caller["principal"]),
        request_id=caller["request_id"],
        source="in-process",
    )
