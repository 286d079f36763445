"""What can be asked of executions, and of the alerts that they raise."""

from __future__ import annotations

from datetime import datetime

from modelyard import clock
from modelyard.monitoring import alerts, execution_rows
from modelyard.monitoring.execution import summary
from modelyard.monitoring.paging import page_of, within
from modelyard.monitoring.schedule_operations import find_schedule
from modelyard.monitoring.schedule_rows import KIND as SCHEDULE
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceNotFound, ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import named
from modelyard.store.resources import Resource, Snapshot, Store

#: Without a schedule's name a list is about all of them.
_OF_SCHEDULE = named(SCHEDULE, "MonitoringScheduleName")
_NO_ALERT = "Monitoring alert {} of the schedule {} not found: a schedule's alert has its name"


class ExecutionOperations:
    """List executions; list and update alerts, and list what became of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("sagemaker", "ListMonitoringExecutions", on=_OF_SCHEDULE)
    def list_executions(self, context: Context, request: Request) -> Response:
        name = request.get("MonitoringScheduleName")
        with self._store.read() as snapshot:
            found = execution_rows.named(snapshot, scope_of(context), name and f"{name}/")
            rows = [row for row in found if _fits(row, request)]
        sort_by = request.get("SortBy", "CreationTime")

        def key(row: Resource) -> tuple[int | str, str]:
            first = {"ScheduledTime": row.spec["ScheduledTime"], "Status": row.status}
            return first.get(sort_by, clock.to_micros(row.created_at)), row.name

        page, token = page_of(rows, request, key)
        answer: Response = {"MonitoringExecutionSummaries": [summary(row) for row in page]}
        if token is not None:
            answer["NextToken"] = token
        return answer

    @operation("sagemaker", "ListMonitoringAlerts", on=_OF_SCHEDULE)
    def list_alerts(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            schedule = find_schedule(snapshot, context, request["MonitoringScheduleName"])
            alert = snapshot.find(schedule.scope, alerts.KIND, schedule.name)
        return {"MonitoringAlertSummaries": [] if alert is None else [_described(alert)]}

    @operation("sagemaker", "UpdateMonitoringAlert", on=_OF_SCHEDULE)
    def update_alert(self, context: Context, request: Request) -> Response:
        points, period = request["DatapointsToAlert"], request["EvaluationPeriod"]
        if points > period:
            raise ValidationError(
                f"DatapointsToAlert {points} is more than EvaluationPeriod {period}: of {period} "
                "executions no more can be violated"
            )
        with self._store.write() as transaction:
            schedule = find_schedule(transaction, context, request["MonitoringScheduleName"])
            name = request["MonitoringAlertName"]
            alert = transaction.find(schedule.scope, alerts.KIND, name)
            if alert is None or name != schedule.name:
                raise ResourceNotFound(_NO_ALERT.format(name, schedule.name))
            rule = {"DatapointsToAlert": points, "EvaluationPeriod": period}
            transaction.update(alert, spec={**alert.spec, **rule})
            alerts.evaluate(transaction, schedule)
        return {"MonitoringScheduleArn": schedule.arn, "MonitoringAlertName": name}

    @operation("sagemaker", "ListMonitoringAlertHistory", on=_OF_SCHEDULE)
    def list_history(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            entries = [
                (schedule, number, at, status)
                for schedule in self._schedules(snapshot, context, request)
                for number, (at, status) in enumerate(_history(snapshot, context, schedule))
                if request.get("StatusEquals") in (None, status)
                and within(at, request, "CreationTime")
            ]
        by_status = request.get("SortBy") == "Status"

        def key(entry: tuple[str, int, datetime, str]) -> tuple[int | str, str]:
            schedule, number, at, status = entry
            return (status if by_status else clock.to_micros(at)), f"{schedule}/{number:09}"

        page, token = page_of(entries, request, key)
        answer: Response = {
            "MonitoringAlertHistory": [
                {
                    "MonitoringScheduleName": schedule,
                    "MonitoringAlertName": schedule,
                    "CreationTime": at,
                    "AlertStatus": status,
                }
                for schedule, _, at, status in page
            ]
        }
        if token is not None:
            answer["NextToken"] = token
        return answer

    def _schedules(self, snapshot: Snapshot, context: Context, request: Request) -> list[str]:
        wanted = request.get("MonitoringScheduleName"), request.get("MonitoringAlertName")
        if wanted[0] is not None:
            find_schedule(snapshot, context, wanted[0])
        found = snapshot.with_status(alerts.KIND, alerts.OK, alerts.IN_ALERT)
        return [
            alert.name
            for alert in found
            if alert.scope == scope_of(context)
            and all(name in (None, alert.name) for name in wanted)
        ]


def _fits(row: Resource, request: Request) -> bool:
    wanted = {
        "EndpointName": row.spec["EndpointName"],
        "StatusEquals": row.status,
        "MonitoringJobDefinitionName": row.spec["MonitoringJobDefinitionName"],
        "MonitoringTypeEquals": row.spec["MonitoringType"],
    }
    return (
        all(request.get(member) in (None, value) for member, value in wanted.items())
        and within(clock.from_micros(row.spec["ScheduledTime"]), request, "ScheduledTime")
        and within(row.created_at, request, "CreationTime")
        and within(row.modified_at, request, "LastModifiedTime")
    )


def _described(alert: Resource) -> Response:
    return {
        "MonitoringAlertName": alert.spec["MonitoringAlertName"],
        "CreationTime": alert.created_at,
        "LastModifiedTime": alert.modified_at,
        "AlertStatus": alert.status,
        "DatapointsToAlert": alert.spec["DatapointsToAlert"],
        "EvaluationPeriod": alert.spec["EvaluationPeriod"],
        "Actions": {"ModelDashboardIndicator": {"Enabled": True}},
    }


def _history(snapshot: Snapshot, context: Context, schedule: str) -> list[tuple[datetime, str]]:
    """Return when the alert of a schedule entered which status, since it was made; oldest first."""
    alert = snapshot.find(scope_of(context), alerts.KIND, schedule)
    if alert is None:
        return []
    found: list[tuple[datetime, str]] = []
    for revision in snapshot.history(alert.arn):
        is_new = not found or found[-1][1] != revision.status
        if revision.at >= alert.created_at and is_new and not revision.deleted:
            found.append((revision.at, revision.status))
    return found[1:]  # it was made OK: that is no change
