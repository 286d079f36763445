"""An execution: what a schedule does for one of its slots, as its row keeps it.

Its name follows from the schedule and the slot, so however many servers look at the clock, there is
one. The names of its jobs follow from it, so however often its workflow is run, there is one each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from modelyard import clock
from modelyard.arns import sagemaker_arn
from modelyard.monitoring.captured import hour_of
from modelyard.monitoring.definition import Definition
from modelyard.monitoring.timing import Window
from modelyard.operations.context import Context, Principal
from modelyard.store.resources import Json, Resource
from modelyard.store.s3_uris import S3Uri

KIND = "monitoring-execution"  # of its row, and the name of its workflow

ENDED = ("Completed", "CompletedWithViolations", "Failed", "Stopped")
#: Those that looked at data: an alert counts them.
ANALYSED = ("Completed", "CompletedWithViolations")

_SLOT = "%Y%m%d%H%M%S"


@dataclass(frozen=True, kw_only=True)
class Execution:
    """An execution's row, as values."""

    arn: str
    schedule: str  # its name
    schedule_arn: str
    slot: datetime
    window: Window
    definition: Definition
    caller: Json  # on whose behalf: whoever made the schedule

    @classmethod
    def of(cls, row: Resource) -> Self:
        spec = row.spec
        return cls(
            arn=row.arn,
            schedule=spec["MonitoringScheduleName"],
            schedule_arn=spec["MonitoringScheduleArn"],
            slot=clock.from_micros(spec["ScheduledTime"]),
            window=Window(
                start=clock.from_micros(spec["start"]), end=clock.from_micros(spec["end"])
            ),
            definition=Definition.from_json(spec["definition"]),
            caller=spec["caller"],
        )

    @property
    def report(self) -> S3Uri:
        """Where its files go: `<output>/<endpoint>/<schedule>/yyyy/mm/dd/hh`, of its first hour."""
        return self._place()

    @property
    def merged(self) -> S3Uri:
        """Where invocations that met their labels go: `<output>/merge/<endpoint>/…`."""
        return self._place("merge")

    def job_name(self, kind: str) -> str:
        """Return the name of one of its jobs: `model-monitoring-202611281300-<24 hex digits>`."""
        digest = hashlib.sha256(f"{kind}|{self.arn}".encode()).hexdigest()[:24]
        return f"{kind}-{self.slot:%Y%m%d%H%M}-{digest}"

    def context(self, row: Resource) -> Context:
        """Return on whose behalf it creates its jobs."""
        return Context(
            account=row.scope.account,
            region=row.scope.region,
            principal=Principal.from_json(self.caller["principal"]),
            request_id=self.caller["request_id"],
            source="in-process",
        )

    def _place(self, *ahead: str) -> S3Uri:
        output = S3Uri.parse(self.definition.output["S3Uri"])
        of = [*ahead, *filter(None, [self.definition.endpoint]), self.schedule]
        return hour_of(output.child(*of), self.window.start)


def name_of(schedule: Resource, slot: datetime) -> str:
    """Return the name of the row of a slot; those of one schedule sort by their slots.

    A schedule that was made again under its name has executions of its own.
    """
    made = hashlib.sha256(str(clock.to_micros(schedule.created_at)).encode()).hexdigest()[:8]
    return f"{schedule.name}/{slot:{_SLOT}}-{made}"


def arn_of(schedule: Resource, slot: datetime) -> str:
    """Return the ARN of the row of a slot."""
    rest = name_of(schedule, slot).partition("/")[2]
    return sagemaker_arn(
        account=schedule.scope.account,
        region=schedule.scope.region,
        kind="monitoring-schedule",
        name=f"{schedule.name}/execution/{rest}",
    )


def spec_of(
    schedule: Resource, slot: datetime, window: Window, definition: Definition
) -> dict[str, Any]:
    """Return what the row of a slot keeps from its beginning on."""
    return {
        "MonitoringScheduleName": schedule.name,
        "MonitoringScheduleArn": schedule.arn,
        "MonitoringType": definition.type.name,
        "MonitoringJobDefinitionName": definition.name,
        "EndpointName": definition.endpoint,
        "ScheduledTime": clock.to_micros(slot),
        "start": clock.to_micros(window.start),
        "end": clock.to_micros(window.end),
        "definition": definition.to_json(),
        "caller": schedule.observed["caller"],
    }


def summary(row: Resource) -> dict[str, Any]:
    """Return a MonitoringExecutionSummary."""
    spec, observed = row.spec, row.observed
    found: Mapping[str, Any] = {
        "MonitoringScheduleName": spec["MonitoringScheduleName"],
        "ScheduledTime": clock.from_micros(spec["ScheduledTime"]),
        "CreationTime": row.created_at,
        "LastModifiedTime": row.modified_at,
        "MonitoringExecutionStatus": row.status,
        "ProcessingJobArn": observed.get("ProcessingJobArn"),
        "EndpointName": spec["EndpointName"],
        "FailureReason": observed.get("failure_reason"),
        "MonitoringJobDefinitionName": spec["MonitoringJobDefinitionName"],
        "MonitoringType": spec["MonitoringType"],
    }
    return {name: value for name, value in found.items() if value is not None}
