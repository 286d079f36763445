"""Monitors: `AWS::SageMaker::DataQualityJobDefinition` and its like, and their schedules."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.monitoring.types import MonitorType
from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources._base import SETTLED, WORKING, Progress
from modelyard.orchestrator.stacks.resources.calls import Calls
from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource
from modelyard.store.resources import Json


class JobDefinition(SageMakerResource):
    """The job definitions of one type of monitor."""

    name_property = "JobDefinitionName"
    attributes = ("JobDefinitionName",)

    def __init__(self, calls: Calls, monitor: MonitorType) -> None:
        super().__init__(calls)
        self.noun = f"{monitor.name}JobDefinition"
        self.type = f"AWS::SageMaker::{self.noun}"
        self.arn_kind = monitor.kind

    def tags(self, context: Context, description: Json) -> Mapping[str, str]:
        named = {**description, f"{self.noun}Arn": description["JobDefinitionArn"]}
        return super().tags(context, named)


class MonitoringSchedule(SageMakerResource):
    type = "AWS::SageMaker::MonitoringSchedule"
    noun = "MonitoringSchedule"
    arn_kind = "monitoring-schedule"
    name_property = "MonitoringScheduleName"
    attributes = ("MonitoringScheduleName",)
    updatable = ("MonitoringScheduleConfig", "Tags")

    def update(self, context: Context, name: str, before: Json, after: Json) -> None:
        super().update(context, name, before, after)
        description = self.find(context, name) or {}
        config = after["MonitoringScheduleConfig"]
        if description.get("MonitoringScheduleConfig") != config:
            self._call(context, "Update", name, MonitoringScheduleConfig=config)

    def progress(self, description: Json, properties: Json) -> Progress:
        status = description["MonitoringScheduleStatus"]
        if status == "Pending":
            return WORKING
        if status == "Failed":
            reason = description.get("FailureReason") or "no reason was given"
            return Progress(failure=f"the schedule is {status}: {reason}")
        return SETTLED
