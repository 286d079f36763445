"""What can be asked of monitoring schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelyard import clock
from modelyard.arns import sagemaker_arn
from modelyard.monitoring import alerts, execution_rows, schedule_rows
from modelyard.monitoring.checks import definition_problems, schedule_problems
from modelyard.monitoring.definition import Definition
from modelyard.monitoring.definition_operations import (
    RequireRole,
    require_baseline,
    require_capture,
)
from modelyard.monitoring.paging import page_of, within
from modelyard.monitoring.rooms import Rooms
from modelyard.monitoring.schedule_rows import KIND, SCHEDULED, STOPPED
from modelyard.monitoring.types import TYPES
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceInUse, ResourceNotFound, ValidationError
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Json, Resource, Snapshot, Transaction

_SCHEDULE = named(KIND, "MonitoringScheduleName")


class ScheduleOperations:
    """Create, describe, list, update, start, stop and delete monitoring schedules.

    Args:
        wake: has the scheduler look at the clock.
        wake_executions: has the executions look at their rows.
    """

    def __init__(
        self,
        rooms: Rooms,
        *,
        require_role: RequireRole,
        wake: Callable[[], None],
        wake_executions: Callable[[], None],
    ) -> None:
        self._rooms = rooms
        self._store = rooms.store
        self._require_role = require_role
        self._wake = wake
        self._wake_executions = wake_executions

    @operation("sagemaker", "CreateMonitoringSchedule", on=_SCHEDULE)
    def create_schedule(self, context: Context, request: Request) -> Response:
        name, config = request["MonitoringScheduleName"], request["MonitoringScheduleConfig"]
        arn = sagemaker_arn(account=context.account, region=context.region, kind=KIND, name=name)
        with self._store.write() as transaction:
            self._check(transaction, context, config)
            try:
                schedule = transaction.create(
                    scope_of(context),
                    KIND,
                    name,
                    arn=arn,
                    spec=spec_of(request),
                    status=SCHEDULED,
                    observed={**_caller(context), **self._from_now()},
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ResourceInUse(f"Monitoring Schedule {arn} already exists") from error
            alerts.create(transaction, schedule)
        self._wake()
        return {"MonitoringScheduleArn": arn}

    @operation("sagemaker", "DescribeMonitoringSchedule", on=_SCHEDULE)
    def describe_schedule(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            schedule = find_schedule(snapshot, context, request["MonitoringScheduleName"])
            endpoint = self._endpoint(snapshot, schedule)
            return schedule_rows.described(snapshot, schedule, endpoint)

    @operation("sagemaker", "ListMonitoringSchedules", on=every(KIND))
    def list_schedules(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            rows = [
                (row, self._endpoint(snapshot, row))
                for row in schedule_rows.all_of(snapshot, scope_of(context))
            ]
        fitting = [one for one in rows if _fits(*one, request)]
        sort_by = request.get("SortBy", "CreationTime")

        def key(one: tuple[Resource, str | None]) -> tuple[int | str, str]:
            row = one[0]
            first = {"Name": row.name, "Status": row.status}
            return first.get(sort_by, row.id), row.name

        page, token = page_of(fitting, request, key)
        answer: Response = {
            "MonitoringScheduleSummaries": [schedule_rows.listed(*one) for one in page]
        }
        if token is not None:
            answer["NextToken"] = token
        return answer

    @operation("sagemaker", "UpdateMonitoringSchedule", on=_SCHEDULE)
    def update_schedule(self, context: Context, request: Request) -> Response:
        config = request["MonitoringScheduleConfig"]
        with self._store.write() as transaction:
            schedule = find_schedule(transaction, context, request["MonitoringScheduleName"])
            self._check(transaction, context, config)
            transaction.update(
                schedule,
                spec={**schedule.spec, "MonitoringScheduleConfig": config},
                observed={**_caller(context), **self._from_now()},
            )
        self._wake()
        return {"MonitoringScheduleArn": schedule.arn}

    @operation("sagemaker", "StartMonitoringSchedule", on=_SCHEDULE)
    def start_schedule(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            schedule = find_schedule(transaction, context, request["MonitoringScheduleName"])
            if schedule.status != SCHEDULED:
                transaction.update(schedule, status=SCHEDULED, observed=self._from_now())
        self._wake()
        return {}

    @operation("sagemaker", "StopMonitoringSchedule", on=_SCHEDULE)
    def stop_schedule(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            schedule = find_schedule(transaction, context, request["MonitoringScheduleName"])
            if schedule.status != STOPPED:
                transaction.update(schedule, status=STOPPED)
            _stop_executions(transaction, schedule)
        self._wake_executions()
        return {}

    @operation("sagemaker", "DeleteMonitoringSchedule", on=_SCHEDULE)
    def delete_schedule(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            schedule = find_schedule(transaction, context, request["MonitoringScheduleName"])
            _stop_executions(transaction, schedule)
            alerts.delete(transaction, schedule)
            transaction.delete(schedule)
        self._wake_executions()
        return {}

    def _check(self, transaction: Transaction, context: Context, config: Json) -> None:
        """Look at a MonitoringScheduleConfig.

        Raises:
            ValidationError: it cannot be carried out.
        """
        definition = self._definition(transaction, context, config)
        if definition.name is None:
            problems = definition_problems(
                definition, lambda job: self._rooms.processing.problems(context, job)
            )
            if problems:
                raise ValidationError.of(problems)
            self._require_role(transaction, context.account, definition.role)
        schedule = config.get("ScheduleConfig")
        if schedule is None:
            raise ValidationError("ScheduleConfig is missing: say when the schedule is due")
        problems = schedule_problems(schedule, definition, self._rooms.now())
        if problems:
            raise ValidationError.of(problems)
        require_capture(self._rooms, transaction, context, definition)
        require_baseline(transaction, context, definition)

    def _definition(self, snapshot: Snapshot, context: Context, config: Json) -> Definition:
        named, inline = "MonitoringJobDefinitionName", "MonitoringJobDefinition"
        if (named in config) == (inline in config):
            raise ValidationError(f"give either {named} or {inline}")
        if named in config and "MonitoringType" not in config:
            raise ValidationError(f"MonitoringType is missing: use one of {', '.join(TYPES)}")
        found = schedule_rows.definition_of(snapshot, scope_of(context), config)
        if found is None:
            raise ValidationError(
                f"Could not find {config['MonitoringType']} job definition {config[named]}"
            )
        return found

    def _from_now(self) -> dict[str, Any]:
        """Return what begins a schedule's slots anew."""
        return {"slots_from": clock.to_micros(self._rooms.now()), "last_slot": None}

    def _endpoint(self, snapshot: Snapshot, schedule: Resource) -> str | None:
        config = schedule_rows.config_of(schedule)
        found = schedule_rows.definition_of(snapshot, schedule.scope, config)
        return None if found is None else found.endpoint


def find_schedule(snapshot: Snapshot, context: Context, name: str) -> Resource:
    """Return a schedule of the caller's account and region.

    Raises:
        ResourceNotFound: there is none of that name.
    """
    schedule = snapshot.find(scope_of(context), KIND, name)
    if schedule is None:
        raise ResourceNotFound(f"Monitoring Schedule {name} not found")
    return schedule


def _stop_executions(transaction: Transaction, schedule: Resource) -> None:
    for row in execution_rows.of_schedule(transaction, schedule):
        if row.status in ("Pending", "InProgress"):
            transaction.update(row, status="Stopping")


def _fits(row: Resource, endpoint: str | None, request: Request) -> bool:
    config = schedule_rows.config_of(row)
    wanted = {
        "EndpointName": endpoint,
        "StatusEquals": row.status,
        "MonitoringJobDefinitionName": config.get("MonitoringJobDefinitionName"),
        "MonitoringTypeEquals": schedule_rows.type_name(config),
    }
    return (
        all(request.get(member) in (None, value) for member, value in wanted.items())
        and request.get("NameContains", "") in row.name
        and within(row.created_at, request, "CreationTime")
        and within(row.modified_at, request, "LastModifiedTime")
    )


def _caller(context: Context) -> dict[str, Any]:
    """Return what a schedule's row keeps of who made it."""
    caller = {"principal": context.principal.to_json(), "request_id": context.request_id}
    return {"caller": caller}
