"""The events of monitors: how an execution ended, and that an alert was raised or is over.

The reference has none; these are `modelyard`'s. What is violated stands in them with what, where,
how much, and since when.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.events.changes import Change, micros_to_millis, millis
from modelyard.events.event_types import MODELYARD, Builder, EventType, Told

_SHARED = (
    "MonitoringScheduleName",
    "MonitoringScheduleArn",
    "EndpointName",
    "MonitoringType",
    "ReportS3Uri",
    "Violations",
    "CreationTime",
    "LastModifiedTime",
)
_EXECUTION = EventType(
    source=MODELYARD,
    name="Modelyard Monitoring Execution State Change",
    keys=frozenset(
        {
            *_SHARED,
            "MonitoringExecutionStatus",
            "MonitoringJobDefinitionName",
            "ScheduledTime",
            "ProcessingJobArn",
            "FailureReason",
            "ExitMessage",
            "ViolationCount",
        }
    ),
    values={
        "MonitoringExecutionStatus": frozenset(
            {
                "Pending",
                "InProgress",
                "Completed",
                "CompletedWithViolations",
                "Failed",
                "Stopping",
                "Stopped",
                "Deleted",
            }
        )
    },
)
_ALERT = EventType(
    source=MODELYARD,
    name="Modelyard Monitoring Alert State Change",
    keys=frozenset(
        {
            *_SHARED,
            "MonitoringAlertName",
            "AlertStatus",
            "PreviousAlertStatus",
            "DatapointsToAlert",
            "EvaluationPeriod",
            "ViolatedExecutions",
            "EvaluatedExecutions",
        }
    ),
    values={"AlertStatus": frozenset({"OK", "InAlert", "Deleted"})},
)


def _execution(change: Change) -> list[Told]:
    spec, observed = change.spec, change.observed
    detail = {
        **_given(spec, "MonitoringScheduleName", "MonitoringScheduleArn", "EndpointName"),
        **_given(spec, "MonitoringType", "MonitoringJobDefinitionName"),
        **_given(observed, "ProcessingJobArn", "ReportS3Uri", "ExitMessage", "ViolationCount"),
        "MonitoringExecutionStatus": change.status,
        "ScheduledTime": micros_to_millis(spec.get("ScheduledTime")),
        **_violations(observed),
        **_times(change),
    }
    if observed.get("failure_reason"):
        detail["FailureReason"] = observed["failure_reason"]
    return [Told(type=_EXECUTION, detail=detail)]


def _alert(change: Change) -> list[Told]:
    spec, observed = change.spec, change.observed
    detail = {
        **_given(spec, "MonitoringScheduleName", "MonitoringScheduleArn", "MonitoringAlertName"),
        **_given(spec, "DatapointsToAlert", "EvaluationPeriod"),
        **_given(observed, "ViolatedExecutions", "EvaluatedExecutions", "EndpointName"),
        **_given(observed, "MonitoringType", "ReportS3Uri"),
        "AlertStatus": change.status,
        "PreviousAlertStatus": change.previous_status,
        **_violations(observed),
        **_times(change),
    }
    return [Told(type=_ALERT, detail=detail)]


def _given(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: document[name] for name in names if document.get(name) is not None}


def _violations(observed: Mapping[str, Any]) -> dict[str, Any]:
    found = [
        {**one, "Since": micros_to_millis(one.get("Since"))}
        for one in observed.get("Violations") or []
    ]
    return {"Violations": found} if found else {}


def _times(change: Change) -> dict[str, Any]:
    return {"CreationTime": millis(change.created_at), "LastModifiedTime": millis(change.at)}


#: By the kind of resource: what builds its events, and the types that it can make.
MONITORING_KINDS: Mapping[str, tuple[Builder, tuple[EventType, ...]]] = {
    "monitoring-execution": (_execution, (_EXECUTION,)),
    "monitoring-alert": (_alert, (_ALERT,)),
}
