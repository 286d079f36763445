"""What came in as a configuration, and what became of it: a row for each commit or object.

The row is written ahead of what it tells of: while a push or an upload is on its way it is
`Receiving`, with whom it comes from. So whatever is killed when, what arrived is provisioned, as
who sent it, and what did not arrive is forgotten. `spec` says where from and by whom, and has the
file once that is there; `observed["entries"]` has each body with how it went.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from modelyard.arns import Arn
from modelyard.operations.context import Context, Principal
from modelyard.operations.requests import scope_of
from modelyard.orchestrator.gitops.files import Entry
from modelyard.store.listing import Listing
from modelyard.store.resources import Json, Resource, Scope, Snapshot, Transaction

KIND = "configuration"
WORKFLOW = "configuration"

RECEIVING = "Receiving"
PENDING = "Pending"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
ENDED = (SUCCEEDED, FAILED)

#: How an entry ended: provisioned; the same as before, and its pipeline is there; refused.
UNCHANGED = "Unchanged"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One body, and how far it is."""

    label: str
    digest: str
    status: str = PENDING
    message: str = ""
    pipeline_id: str = ""
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return what is known of a body that was not looked at yet."""
        if entry.problem:
            made = cls(label=entry.label, digest=entry.digest)
            return made.failed(entry.problem)
        return cls(label=entry.label, digest=entry.digest)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return what `to_json` kept."""
        return cls(**{**kept, "problems": tuple(kept["problems"])})

    def to_json(self) -> dict[str, Any]:
        """Return it as a row keeps it."""
        return {**asdict(self), "problems": list(self.problems)}

    def succeeded(self, status: str, message: str, pipeline_id: str) -> Self:
        """Return it as it ended well."""
        return replace(self, status=status, message=message, pipeline_id=pipeline_id)

    def failed(self, *problems: str) -> Self:
        """Return it as it failed."""
        return replace(self, status=FAILED, problems=problems)


def expect_commit(
    transaction: Transaction, context: Context, repository: str, commit: str, before: str
) -> Resource:
    """Write down that a commit of the branch `main` is on its way.

    Args:
        before: the branch's commit by now.
    """
    name = f"git/{repository}/{commit}"
    spec = {"source": "git", "repository": repository, "commit": commit, "before": before}
    kept = transaction.find(scope_of(context), KIND, name)
    if kept is None:
        return _create(transaction, context, name, spec)
    if kept.status != RECEIVING:
        return kept  # it is there, and a commit is provisioned once
    return transaction.update(kept, spec={**spec, **_caller(context)})


def expect_object(
    transaction: Transaction, context: Context, bucket: str, key: str, before: str
) -> Resource:
    """Write down that an object is on its way.

    Args:
        before: the version that the key has now; "" is none.
    """
    spec = {"source": "s3", "bucket": bucket, "key": key, "before": before}
    return _create(transaction, context, f"s3/{uuid.uuid4()}", spec)


def arrived(transaction: Transaction, row: Resource, content: str, problem: str) -> Resource:
    """Write down that a file is there; its workflow is to be started with the transaction.

    Args:
        problem: why it cannot be read, if it cannot.
    """
    return transaction.update(
        row,
        status=PENDING,
        spec={**row.spec, "content": content, "problem": problem},
        observed={"entries": [], "problems": []},
    )


def context_of(row: Resource) -> Context:
    """Return who sent a configuration: what it asks for is done as them."""
    return Context(
        account=row.scope.account,
        region=row.scope.region,
        principal=Principal.from_json(row.spec["principal"]),
        request_id=row.spec["request_id"],
        source="in-process",
        door=row.spec["source"],
    )


def outcomes_in(row: Resource) -> list[Outcome]:
    """Return the bodies of a configuration, in the file's order."""
    return [Outcome.from_json(kept) for kept in row.observed.get("entries", [])]


def newest_of(snapshot: Snapshot, row: Resource) -> Resource | None:
    """Return the newest other configuration of the same place that has ended, or None."""
    for other in _rows(snapshot, row.scope, row.name.partition("/")[0]):
        if other.id != row.id and other.status in ENDED and place_of(other) == place_of(row):
            return other
    return None


def place_of(row: Resource) -> tuple[str, str]:
    """Return what tells one file of configurations from another."""
    spec = row.spec
    return (spec["repository"], "") if spec["source"] == "git" else (spec["bucket"], spec["key"])


def source_of(row: Resource) -> str:
    """Return where a configuration is from, for people."""
    spec = row.spec
    if spec["source"] == "git":
        return f"{spec['commit'][:7]} of {spec['repository']}"
    return f"s3://{spec['bucket']}/{spec['key']}"


def _create(transaction: Transaction, context: Context, name: str, spec: Json) -> Resource:
    arn = Arn(
        service="modelyard",
        region=context.region,
        account=context.account,
        resource=f"{KIND}/{name}",
    )
    return transaction.create(
        scope_of(context),
        KIND,
        name,
        arn=str(arn),
        spec={**spec, **_caller(context)},
        status=RECEIVING,
    )


def _caller(context: Context) -> dict[str, Any]:
    return {"principal": context.principal.to_json(), "request_id": context.request_id}


def _rows(snapshot: Snapshot, scope: Scope, source: str) -> list[Resource]:
    listing = Listing(limit=200, name_prefix=f"{source}/", descending=True)
    return list(snapshot.list(scope, KIND, listing).items)
