"""The alert of a schedule: N violated executions among the last M.

It is a resource of its own, whose status is `InAlert` or `OK`: each change is an event, and its
history is the alert's. An execution that failed looked at nothing, and counts neither way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.monitoring import execution_rows
from modelyard.monitoring.execution import ANALYSED
from modelyard.store.resources import Resource, Scope, Snapshot, Transaction

KIND = "monitoring-alert"
OK, IN_ALERT = "OK", "InAlert"


def arn_of(scope: Scope, schedule: str) -> str:
    """Return the ARN of a schedule's alert."""
    return sagemaker_arn(
        account=scope.account,
        region=scope.region,
        kind="monitoring-schedule",
        name=f"{schedule}/alert/{schedule}",
    )


def create(transaction: Transaction, schedule: Resource) -> None:
    """Make a schedule's alert: one violated execution raises it, until it is told otherwise."""
    transaction.create(
        schedule.scope,
        KIND,
        schedule.name,
        arn=arn_of(schedule.scope, schedule.name),
        spec={
            "MonitoringScheduleName": schedule.name,
            "MonitoringScheduleArn": schedule.arn,
            "MonitoringAlertName": schedule.name,
            "DatapointsToAlert": 1,
            "EvaluationPeriod": 1,
        },
        status=OK,
    )


def delete(transaction: Transaction, schedule: Resource) -> None:
    """Delete a schedule's alert; its history stays."""
    found = transaction.find(schedule.scope, KIND, schedule.name)
    if found is not None:
        transaction.delete(found)


def evaluate(transaction: Transaction, schedule: Resource) -> None:
    """Count again, and write down what comes of it."""
    alert = transaction.find(schedule.scope, KIND, schedule.name)
    if alert is None:
        return
    newest = _analysed(transaction, schedule, alert.spec["EvaluationPeriod"])
    violated = [row for row in newest if row.status == "CompletedWithViolations"]
    status = IN_ALERT if len(violated) >= alert.spec["DatapointsToAlert"] else OK
    if status != alert.status:
        transaction.update(alert, status=status, observed=_facts(newest, violated))


def _facts(newest: Sequence[Resource], violated: Sequence[Resource]) -> dict[str, Any]:
    last = newest[0] if newest else None
    return {
        "ViolatedExecutions": len(violated),
        "EvaluatedExecutions": len(newest),
        "EndpointName": None if last is None else last.spec["EndpointName"],
        "MonitoringType": None if last is None else last.spec["MonitoringType"],
        "ReportS3Uri": None if last is None else last.observed.get("ReportS3Uri"),
        "Violations": [] if last is None else last.observed.get("Violations", []),
    }


def _analysed(snapshot: Snapshot, schedule: Resource, count: int) -> list[Resource]:
    """Return the newest executions of a schedule that looked at data, newest first."""
    found: list[Resource] = []
    for row in execution_rows.of_schedule(snapshot, schedule):
        if row.status in ANALYSED:
            found.append(row)
        if len(found) == count:
            break
    return found
