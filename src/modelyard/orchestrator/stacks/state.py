"""What a stack's row holds: what it is to be, and what became of each of its resources.

The row's `spec` is the target (template, parameters, tags, on whose behalf). `observed` is what was
done: the record of each resource, those that were replaced and are still to be deleted, and, while
an update runs, what it goes back to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from modelyard.operations.context import Context, Principal
from modelyard.orchestrator.stacks.evaluation import StackIdentity
from modelyard.store.resources import Json, Resource

KIND = "stack"

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One resource of a stack, as far as it is known."""

    logical_id: str
    type: str
    name: str  # how the API knows it; written down before it is created
    reference: str  # what Ref gives
    status: str  # CREATE_IN_PROGRESS, CREATE_COMPLETE, …
    reason: str = ""
    deployment: str = ""  # the request that it was created for
    properties: Json = field(default_factory=dict)  # evaluated
    before: Json | None = None  # what they were, while they are being updated
    uses: Sequence[str] = ()  # the keys of the records that it was made with
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    at: str = ""  # when this was written down, ISO 8601

    @classmethod
    def of(cls, data: Json) -> Self:
        """Return a record as a row keeps it; keys of another release are passed over."""
        return cls(**{key: value for key, value in data.items() if key in cls.__dataclass_fields__})

    @property
    def key(self) -> str:
        """What tells it from every other resource: its type and name."""
        return f"{self.type}/{self.name}"

    @property
    def is_complete(self) -> bool:
        return self.status in COMPLETE

    def evolve(self, **changes: Any) -> Self:
        """Return the record with other values."""
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack's row, typed."""

    row: Resource
    records: Mapping[str, Record]  # by logical id
    superseded: Sequence[Record]  # replaced ones, still there

    @classmethod
    def of(cls, row: Resource) -> Stack:
        observed = row.observed
        return cls(
            row=row,
            records={key: Record.of(data) for key, data in observed.get("resources", {}).items()},
            superseded=[Record.of(data) for data in observed.get("superseded", [])],
        )

    @property
    def identity(self) -> StackIdentity:
        scope = self.row.scope
        return StackIdentity(
            account=scope.account, region=scope.region, name=self.row.name, arn=self.row.arn
        )

    @property
    def context(self) -> Context:
        """On whose behalf the stack's resources are created, changed and deleted."""
        principal = self.row.spec["principal"]
        return Context(
            account=self.row.scope.account,
            region=self.row.scope.region,
            principal=Principal.from_json(principal),
            request_id=self.row.spec["request_id"],
            source="in-process",
        )

    @property
    def reason(self) -> str:
        return str(self.row.observed.get("reason") or "")

    def everything(self) -> list[Record]:
        """Return all records, superseded ones included."""
        return [*self.records.values(), *self.superseded]


def resources_json(records: Iterable[Record]) -> dict[str, Any]:
    """Return records as `observed["resources"]` keeps them."""
    return {record.logical_id: asdict(record) for record in records}


def superseded_json(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return records as `observed["superseded"]` keeps them."""
    return [asdict(record) for record in records]
