"""CloudFormation's own reading of stacks, so that boto3 and the aws CLI can look at them.

Stacks are made by the orchestrator; here they can only be read. Each operation takes a stack's
name, or its ARN; by its ARN a stack that was deleted is still found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.orchestrator.errors import StackNotFound
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.events import stack_events
from modelyard.orchestrator.stacks.state import KIND, Record, Stack
from modelyard.store.errors import BadPageToken
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot, Store

_PAGE = 100


class StackOperations:
    """Describe and list stacks, their resources and their events."""

    def __init__(self, store: Store, engine: StackEngine) -> None:
        self._store = store
        self._engine = engine

    @operation(
        "cloudformation", "DescribeStacks", on=named("stack", "StackName", service="cloudformation")
    )
    def describe_stacks(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            if request.get("StackName"):
                found = stack_named(snapshot, context, request["StackName"])
                return {"Stacks": [self._description(snapshot, found)]}
            rows, token = _page(snapshot, context, request)
            stacks = [self._description(snapshot, StackFound.living(row)) for row in rows]
        return {"Stacks": stacks, "NextToken": token}

    @operation("cloudformation", "ListStacks", on=every("stack", service="cloudformation"))
    def list_stacks(self, context: Context, request: Request) -> Response:
        wanted = request.get("StackStatusFilter")
        with self._store.read() as snapshot:
            rows, token = _page(snapshot, context, request)
        return {
            "StackSummaries": [
                {
                    "StackId": row.arn,
                    "StackName": row.name,
                    "CreationTime": row.created_at,
                    "LastUpdatedTime": row.modified_at,
                    "StackStatus": row.status,
                    "StackStatusReason": row.observed.get("reason") or None,
                }
                for row in rows
                if not wanted or row.status in wanted
            ],
            "NextToken": token,
        }

    @operation(
        "cloudformation",
        "ListStackResources",
        on=named("stack", "StackName", service="cloudformation"),
    )
    def list_stack_resources(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            found = stack_named(snapshot, context, request["StackName"])
        return {
            "StackResourceSummaries": [
                {**_resource(record), "LastUpdatedTimestamp": datetime.fromisoformat(record.at)}
                for record in found.records()
            ]
        }

    @operation(
        "cloudformation",
        "DescribeStackResources",
        on=named("stack", "StackName", service="cloudformation"),
    )
    def describe_stack_resources(self, context: Context, request: Request) -> Response:
        if not request.get("StackName"):
            raise ValidationError("StackName is missing: give a stack's name or its id")
        wanted = request.get("LogicalResourceId")
        with self._store.read() as snapshot:
            found = stack_named(snapshot, context, request["StackName"])
        return {
            "StackResources": [
                {
                    **_resource(record),
                    "StackId": found.arn,
                    "StackName": found.name,
                    "Timestamp": datetime.fromisoformat(record.at),
                }
                for record in found.records()
                if wanted in (None, record.logical_id)
            ]
        }

    @operation(
        "cloudformation",
        "DescribeStackEvents",
        on=named("stack", "StackName", service="cloudformation"),
    )
    def describe_stack_events(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            found = stack_named(snapshot, context, request["StackName"])
            events = stack_events(found.arn, found.name, snapshot.history(found.arn))
        ids = [event.id for event in events]
        token = request.get("NextToken")
        if token is not None and token not in ids:
            raise ValidationError("NextToken is not one that this listing gave: begin without one")
        first = 0 if token is None else ids.index(token) + 1
        page = events[first : first + _PAGE]
        return {
            "StackEvents": [
                {
                    "StackId": found.arn,
                    "StackName": found.name,
                    "EventId": event.id,
                    "LogicalResourceId": event.logical_id,
                    "PhysicalResourceId": event.reference,
                    "ResourceType": event.type,
                    "Timestamp": event.at,
                    "ResourceStatus": event.status,
                    "ResourceStatusReason": event.reason or None,
                }
                for event in page
            ],
            "NextToken": page[-1].id if first + _PAGE < len(events) else None,
        }

    def _description(self, snapshot: Snapshot, found: StackFound) -> Response:
        row = found.row
        outputs = {} if row is None else self._engine.outputs(row)
        tags = {} if row is None else snapshot.tags(row)
        return {
            "StackId": found.arn,
            "StackName": found.name,
            "Description": found.spec.get("template", {}).get("Description"),
            "Parameters": _pairs(found.spec.get("parameters", {}), "Parameter"),
            "CreationTime": found.created_at,
            "LastUpdatedTime": found.changed_at,
            "DeletionTime": found.changed_at if row is None else None,
            "StackStatus": found.status,
            "StackStatusReason": found.observed.get("reason") or None,
            "DisableRollback": False,
            "Outputs": _pairs(outputs, "Output"),
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }


@dataclass(frozen=True, kw_only=True)
class StackFound:
    """A stack, or what is known of one that was deleted."""

    arn: str
    name: str
    status: str
    spec: Mapping[str, Any]
    observed: Mapping[str, Any]
    created_at: datetime
    changed_at: datetime
    row: Resource | None  # None: it was deleted

    @classmethod
    def living(cls, row: Resource) -> StackFound:
        """Return a stack that is there."""
        return cls(
            arn=row.arn,
            name=row.name,
            status=row.status,
            spec=row.spec,
            observed=row.observed,
            created_at=row.created_at,
            changed_at=row.modified_at,
            row=row,
        )

    def records(self) -> list[Record]:
        """Return its resources, by logical id; a deleted stack has those that were retained."""
        found = [] if self.row is None else list(Stack.of(self.row).records.values())
        return sorted(found, key=lambda record: record.logical_id)


def stack_named(snapshot: Snapshot, context: Context, name: str) -> StackFound:
    """Return the caller's stack of that name or ARN.

    Raises:
        StackNotFound: there is none, in this account and region.
    """
    if not name.startswith("arn:"):
        row = snapshot.find(scope_of(context), KIND, name)
        if row is None:
            raise StackNotFound(f"Stack with id {name} does not exist")
        return StackFound.living(row)
    if not _is_own(context, name):
        raise StackNotFound(f"Stack with id {name} does not exist")
    row = snapshot.find(scope_of(context), KIND, name.split("/")[1])
    if row is not None and row.arn == name:
        return StackFound.living(row)
    history = snapshot.history(name)
    if not history:
        raise StackNotFound(f"Stack with id {name} does not exist")
    last = history[-1]
    return StackFound(
        arn=name,
        name=name.split("/")[1],
        status=last.status,
        spec=last.spec,
        observed=last.observed,
        created_at=history[0].at,
        changed_at=last.at,
        row=None,
    )


def _is_own(context: Context, text: str) -> bool:
    try:
        arn = Arn.parse(text)
    except ValueError:
        return False
    return (
        (arn.service, arn.account, arn.region, arn.kind)
        == ("cloudformation", context.account, context.region, KIND)
    ) and text.count("/") == 2


def _page(
    snapshot: Snapshot, context: Context, request: Request
) -> tuple[list[Resource], str | None]:
    listing = Listing(limit=_PAGE, token=request.get("NextToken"), descending=True)
    try:
        page = snapshot.list(scope_of(context), KIND, listing)
    except BadPageToken as error:
        raise ValidationError(str(error)) from error
    return list(page.items), page.token


def _resource(record: Record) -> Response:
    return {
        "LogicalResourceId": record.logical_id,
        "PhysicalResourceId": record.reference,
        "ResourceType": record.type,
        "ResourceStatus": record.status,
        "ResourceStatusReason": record.reason or None,
    }


def _pairs(values: Mapping[str, str], what: str) -> list[dict[str, str]]:
    return [{f"{what}Key": key, f"{what}Value": value} for key, value in values.items()]
