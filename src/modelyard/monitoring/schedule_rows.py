"""A monitoring schedule's row: what it keeps, and what it means now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from modelyard import clock
from modelyard.monitoring import execution_rows
from modelyard.monitoring.definition import Definition
from modelyard.monitoring.execution import summary
from modelyard.monitoring.types import TYPES
from modelyard.store.listing import Listing
from modelyard.store.resources import Json, Resource, Scope, Snapshot

KIND = "monitoring-schedule"
SCHEDULED, STOPPED = "Scheduled", "Stopped"
_PAGE = 200


def config_of(schedule: Resource) -> Json:
    """Return its MonitoringScheduleConfig."""
    config: Json = schedule.spec["MonitoringScheduleConfig"]
    return config


def type_name(config: Json) -> str:
    """Return the type of monitor that a MonitoringScheduleConfig means."""
    return str(config.get("MonitoringType", "DataQuality"))


def begins(schedule: Resource) -> datetime:
    """Return since when its slots count: it was made, changed, or started then."""
    return clock.from_micros(schedule.observed["slots_from"])


def last_slot(schedule: Resource) -> datetime | None:
    """Return the slot that was dealt with last, since then."""
    kept = schedule.observed.get("last_slot")
    return None if kept is None else clock.from_micros(kept)


def definition_of(snapshot: Snapshot, scope: Scope, config: Json) -> Definition | None:
    """Return what its executions do; None: the job definition that it names is not there."""
    type_ = TYPES[type_name(config)]
    if "MonitoringJobDefinition" in config:
        return Definition.of_inline(type_, config["MonitoringJobDefinition"])
    row = snapshot.find(scope, type_.kind, config.get("MonitoringJobDefinitionName", ""))
    return None if row is None else Definition.of_request(type_, row.spec)


def all_of(snapshot: Snapshot, scope: Scope) -> Iterator[Resource]:
    """Yield all schedules of a scope, oldest first."""
    token: str | None = None
    while True:
        page = snapshot.list(scope, KIND, Listing(limit=_PAGE, token=token))
        yield from page.items
        token = page.token
        if token is None:
            return


def listed(schedule: Resource, endpoint: str | None) -> dict[str, Any]:
    """Return a MonitoringScheduleSummary."""
    config = config_of(schedule)
    found = {
        "MonitoringScheduleName": schedule.name,
        "MonitoringScheduleArn": schedule.arn,
        "CreationTime": schedule.created_at,
        "LastModifiedTime": schedule.modified_at,
        "MonitoringScheduleStatus": schedule.status,
        "EndpointName": endpoint,
        "MonitoringJobDefinitionName": config.get("MonitoringJobDefinitionName"),
        "MonitoringType": type_name(config),
    }
    return {name: value for name, value in found.items() if value is not None}


def described(snapshot: Snapshot, schedule: Resource, endpoint: str | None) -> dict[str, Any]:
    """Return what DescribeMonitoringSchedule answers."""
    config = config_of(schedule)
    found: dict[str, Any] = {
        "MonitoringScheduleName": schedule.name,
        "MonitoringScheduleArn": schedule.arn,
        "MonitoringScheduleStatus": schedule.status,
        "MonitoringType": type_name(config),
        "CreationTime": schedule.created_at,
        "LastModifiedTime": schedule.modified_at,
        "MonitoringScheduleConfig": config,
    }
    if endpoint is not None:
        found["EndpointName"] = endpoint
    last = next(execution_rows.of_schedule(snapshot, schedule), None)
    if last is not None:
        found["LastMonitoringExecutionSummary"] = summary(last)
    return found
