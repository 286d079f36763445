"""What can be asked of event buses: make, look, delete, and say who else may put events there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelyard.events.bus_event import DEFAULT_BUS
from modelyard.events.buses import BUS_KIND, PUT_EVENTS, Bus, find_bus, on_bus, policy_of
from modelyard.events.errors import NoSuchResource, PolicyTooLong, ResourceExists
from modelyard.events.paging import name_page
from modelyard.events.rules import Rulebook, rows_of
from modelyard.identity import iam_documents
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.errors import AlreadyExists
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Store, Transaction

MAX_POLICY_CHARACTERS = 10_240
_NOT_OFFERED = ("EventSourceName", "KmsKeyIdentifier", "LogConfig")


class BusOperations:
    """Event buses and their policies."""

    def __init__(self, store: Store, rulebook: Rulebook) -> None:
        self._store = store
        self._rulebook = rulebook

    @operation("events", "CreateEventBus", on=on_bus("Name"))
    def create_event_bus(self, context: Context, request: Request) -> Response:
        name = request["Name"]
        problems = [
            f"{member} is not offered: leave it out" for member in _NOT_OFFERED if member in request
        ]
        if "/" in name or name == DEFAULT_BUS:
            problems.append(f"Name {name!r}: it has no slash in it, and is not {DEFAULT_BUS!r}")
        if problems:
            raise ValidationError.of(problems)
        bus = Bus(scope=scope_of(context), name=name)
        spec = {
            key: request[key]
            for key in ("Name", "Description", "DeadLetterConfig")
            if key in request
        }
        with self._store.write() as transaction:
            try:
                transaction.create(
                    bus.scope,
                    BUS_KIND,
                    name,
                    arn=bus.arn,
                    spec=spec,
                    status="Active",
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ResourceExists(f"Event bus {name} already exists.") from error
        return {"EventBusArn": bus.arn, **{k: v for k, v in spec.items() if k != "Name"}}

    @operation("events", "DescribeEventBus", on=on_bus("Name"))
    def describe_event_bus(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("Name"))
        with self._store.read() as snapshot:
            return _described(bus, find_bus(snapshot, bus))

    @operation("events", "ListEventBuses", on=every(BUS_KIND, service="events"))
    def list_event_buses(self, context: Context, request: Request) -> Response:
        scope = scope_of(context)
        with self._store.read() as snapshot:
            rows: dict[str, Resource | None] = {DEFAULT_BUS: None}
            token = None
            while True:
                page = snapshot.list(scope, BUS_KIND, Listing(limit=500, token=token))
                rows |= {row.name: row for row in page.items}
                token = page.token
                if token is None:
                    break
        prefix = request.get("NamePrefix", "")
        names = sorted(name for name in rows if name.startswith(prefix))
        shown, next_token = name_page(names, request)
        return {
            "EventBuses": [_described(Bus(scope=scope, name=name), rows[name]) for name in shown],
            "NextToken": next_token,
        }

    @operation("events", "DeleteEventBus", on=on_bus("Name"))
    def delete_event_bus(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request["Name"])
        if bus.name == DEFAULT_BUS:
            raise ValidationError("Cannot delete event bus default.")
        with self._store.write() as transaction:
            try:
                row = find_bus(transaction, bus)
            except NoSuchResource:
                return {}  # as the service does: it is gone, which is what was asked for
            rule = next(rows_of(transaction, bus), None)
            if rule is not None:
                raise ValidationError(
                    f"Event bus {bus.name} still has the rule {rule.spec['Name']}: delete its "
                    "rules first"
                )
            if row is not None:
                transaction.delete(row)
        self._rulebook.changed()
        return {}

    @operation("events", "PutPermission", on=on_bus("EventBusName"))
    def put_permission(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        with self._store.write() as transaction:
            row = find_bus(transaction, bus)
            policy = (
                _given_policy(request)
                if "Policy" in request
                else _with_statement(policy_of(row), bus, request)
            )
            _check(policy)
            _save(transaction, bus, row, policy)
        return {}

    @operation("events", "RemovePermission", on=on_bus("EventBusName"))
    def remove_permission(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        wanted = request.get("StatementId")
        with self._store.write() as transaction:
            row = find_bus(transaction, bus)
            policy = policy_of(row)
            kept = [one for one in policy["Statement"] if one.get("Sid") != wanted]
            if request.get("RemoveAllPermissions"):
                kept = []
            elif len(kept) == len(policy["Statement"]):
                raise NoSuchResource(f"Event bus {bus.name} has no statement {wanted!r}.")
            _save(transaction, bus, row, {**policy, "Statement": kept})
        return {}


def own_bus(context: Context, text: str | None) -> Bus:
    """Return a bus of the caller's account and region.

    Raises:
        NoSuchResource: the ARN is another account's or region's, or no bus's.
    """
    bus = Bus.named(context, text)
    if bus.scope != scope_of(context):
        raise NoSuchResource(f"Event bus {text} is not in this account and region.")
    return bus


def _described(bus: Bus, row: Resource | None) -> Response:
    found: Response = {"Name": bus.name, "Arn": bus.arn}
    policy = policy_of(row)
    if policy["Statement"]:
        found["Policy"] = json.dumps(policy)
    if row is not None:
        found |= {key: row.spec[key] for key in ("Description",) if key in row.spec}
        found |= {"CreationTime": row.created_at, "LastModifiedTime": row.modified_at}
    return found


def _given_policy(request: Request) -> Mapping[str, Any]:
    others = [key for key in ("Action", "Principal", "StatementId", "Condition") if key in request]
    if others:
        raise ValidationError(f"Policy stands alone: leave out {', '.join(others)}")
    try:
        policy = json.loads(request["Policy"])
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"Policy is no JSON: {error}") from error
    if not isinstance(policy, dict):
        raise ValidationError("Policy is a JSON object with Version and Statement")
    if isinstance(policy.get("Statement"), dict):
        policy["Statement"] = [policy["Statement"]]
    return policy


def _with_statement(policy: Mapping[str, Any], bus: Bus, request: Request) -> Mapping[str, Any]:
    missing = [key for key in ("Action", "Principal", "StatementId") if key not in request]
    problems = [f"{key} is missing: give it, or a whole Policy" for key in missing]
    if request.get("Action", PUT_EVENTS) != PUT_EVENTS:
        problems.append(f"Action {request['Action']!r}: a statement allows {PUT_EVENTS}")
    if "Condition" in request:
        problems.append("Condition is not offered: put it into a whole Policy")
    if problems:
        raise ValidationError.of(problems)
    who = request["Principal"]
    statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if who == "*" else {"AWS": f"arn:aws:iam::{who}:root"},
        "Action": PUT_EVENTS,
        "Resource": bus.arn,
    }
    kept = [one for one in policy["Statement"] if one.get("Sid") != statement["Sid"]]
    return {**policy, "Statement": [*kept, statement]}


def _check(policy: Mapping[str, Any]) -> None:
    if len(json.dumps(policy)) > MAX_POLICY_CHARACTERS:
        raise PolicyTooLong(
            f"The policy of an event bus has at most {MAX_POLICY_CHARACTERS} characters."
        )
    try:
        iam_documents.parse(policy)
    except iam_documents.DocumentError as error:
        raise ValidationError.of([f"Policy: {problem}" for problem in error.problems]) from error


def _save(
    transaction: Transaction, bus: Bus, row: Resource | None, policy: Mapping[str, Any]
) -> None:
    if row is not None:
        transaction.update(row, spec={**row.spec, "Policy": dict(policy)})
        return
    transaction.create(
        bus.scope,
        BUS_KIND,
        bus.name,
        arn=bus.arn,
        spec={"Name": bus.name, "Policy": dict(policy)},
        status="Active",
    )
