"""What can be asked of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard import clock
from modelyard.events.bus_event import DEFAULT_BUS
from modelyard.events.bus_operations import own_bus
from modelyard.events.buses import Bus, find_bus, on_bus
from modelyard.events.errors import LimitReached
from modelyard.events.paging import name_page
from modelyard.events.patterns import Pattern
from modelyard.events.rules import (
    DISABLED,
    ENABLED,
    RULE_KIND,
    Rulebook,
    find_rule,
    on_rule,
    row_name,
    rows_of,
    rule_arn,
)
from modelyard.identity.roles import require_role
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import tags_of
from modelyard.operations.table import OperationTable, Request, Response, operation
from modelyard.operations.targets import every
from modelyard.schedules import parse_schedule
from modelyard.store.resources import Resource, Store

MAX_RULES = 300  # of a bus
_KEPT = ("Name", "EventPattern", "ScheduleExpression", "Description", "RoleArn")


class RuleOperations:
    """Put, describe, list, switch and delete rules."""

    def __init__(self, store: Store, table: OperationTable, rulebook: Rulebook) -> None:
        self._store = store
        self._table = table
        self._rulebook = rulebook

    @operation("events", "PutRule", on=on_rule("Name"))
    def put_rule(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        _check(bus, request)
        name = request["Name"]
        arn = rule_arn(bus.scope, bus.name, name)
        state = ENABLED if request.get("State", ENABLED) != DISABLED else DISABLED
        spec: dict[str, Any] = {key: request[key] for key in _KEPT if key in request}
        spec |= {"EventBusName": bus.name, "CreatedBy": context.account}
        if "ScheduleExpression" in request:
            spec["ScheduledFrom"] = clock.to_micros(clock.now())
        if "RoleArn" in request:
            pass_role(self._table, context, request["RoleArn"])
        with self._store.write() as transaction:
            find_bus(transaction, bus)
            if "RoleArn" in request:
                require_role(transaction, context.account, request["RoleArn"])
            row = transaction.find(bus.scope, RULE_KIND, row_name(bus.name, name))
            if row is None:
                if sum(1 for _ in rows_of(transaction, bus)) >= MAX_RULES:
                    raise LimitReached(f"Event bus {bus.name} has {MAX_RULES} rules, its most.")
                transaction.create(
                    bus.scope,
                    RULE_KIND,
                    row_name(bus.name, name),
                    arn=arn,
                    spec={**spec, "Targets": []},
                    status=state,
                    tags=tags_of(request),
                )
            else:
                # The whole rule is replaced; its targets and tags stay.
                transaction.update(row, status=state, spec={**spec, "Targets": row.spec["Targets"]})
        self._rulebook.changed()
        return {"RuleArn": arn}

    @operation("events", "DescribeRule", on=on_rule("Name"))
    def describe_rule(self, context: Context, request: Request) -> Response:
        row = self._row(context, request, "Name")
        return {**_described(row), "CreatedBy": row.spec["CreatedBy"]}

    @operation("events", "ListRules", on=every("rule", service="events"))
    def list_rules(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        prefix = request.get("NamePrefix", "")
        with self._store.read() as snapshot:
            find_bus(snapshot, bus)
            rows = {row.spec["Name"]: row for row in rows_of(snapshot, bus)}
        names, token = name_page(sorted(name for name in rows if name.startswith(prefix)), request)
        return {"Rules": [_described(rows[name]) for name in names], "NextToken": token}

    @operation("events", "ListRuleNamesByTarget", on=on_bus("EventBusName"))
    def list_rule_names_by_target(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        wanted = request["TargetArn"]
        with self._store.read() as snapshot:
            find_bus(snapshot, bus)
            found = sorted(
                row.spec["Name"]
                for row in rows_of(snapshot, bus)
                if any(target["request"]["Arn"] == wanted for target in row.spec["Targets"])
            )
        names, token = name_page(found, request)
        return {"RuleNames": list(names), "NextToken": token}

    @operation("events", "EnableRule", on=on_rule("Name"))
    def enable_rule(self, context: Context, request: Request) -> Response:
        self._switch(context, request, ENABLED)
        return {}

    @operation("events", "DisableRule", on=on_rule("Name"))
    def disable_rule(self, context: Context, request: Request) -> Response:
        self._switch(context, request, DISABLED)
        return {}

    @operation("events", "DeleteRule", on=on_rule("Name"))
    def delete_rule(self, context: Context, request: Request) -> Response:
        bus = own_bus(context, request.get("EventBusName"))
        with self._store.write() as transaction:
            find_bus(transaction, bus)
            row = transaction.find(bus.scope, RULE_KIND, row_name(bus.name, request["Name"]))
            if row is not None:  # as the service does: what is gone is as was asked for
                if row.spec["Targets"]:
                    raise ValidationError("Rule can't be deleted since it has targets.")
                transaction.delete(row)
        self._rulebook.changed()
        return {}

    def _switch(self, context: Context, request: Request, state: str) -> None:
        bus = own_bus(context, request.get("EventBusName"))
        with self._store.write() as transaction:
            row = find_rule(transaction, bus, request["Name"])
            if row.status != state:
                transaction.update(row, status=state)
        self._rulebook.changed()

    def _row(self, context: Context, request: Mapping[str, Any], member: str) -> Resource:
        bus: Bus = own_bus(context, request.get("EventBusName"))
        with self._store.read() as snapshot:
            return find_rule(snapshot, bus, request[member])


def pass_role(table: OperationTable, context: Context, arn: str) -> None:
    """Look whether the caller may let others act as a role.

    Raises:
        AccessDenied: it may not.
    """
    with table.guard(context, "iam:PassRole", arn, {"RoleArn": arn}):
        pass


def _check(bus: Bus, request: Request) -> None:
    """Look at all that a rule asks for.

    Raises:
        ValidationError: it asks for what is not offered, or for nothing.
        InvalidEventPattern: the pattern is wrong.
    """
    problems = []
    if "ScheduleExpression" in request:
        if "EventPattern" in request:
            problems.append("give EventPattern or ScheduleExpression, in a rule each")
        if bus.name != DEFAULT_BUS:
            problems.append("ScheduleExpression is for rules of the bus default only")
        try:
            parse_schedule(request["ScheduleExpression"], begin=clock.now())
        except ValueError as error:
            problems.append(f"Parameter ScheduleExpression is not valid: {error}")
    elif "EventPattern" not in request:
        problems.append("EventPattern is missing: a rule needs one, or a ScheduleExpression")
    if request.get("State") not in (None, ENABLED, DISABLED):
        problems.append(f"State {request['State']!r} is not offered: use ENABLED or DISABLED")
    if problems:
        raise ValidationError.of(problems)
    if "EventPattern" in request:
        Pattern.parse(request["EventPattern"])


def _described(row: Resource) -> Response:
    spec = row.spec
    found = {key: spec[key] for key in _KEPT if key in spec}
    return {
        **found,
        "Arn": row.arn,
        "State": row.status,
        "EventBusName": spec.get("EventBusName", DEFAULT_BUS),
    }
