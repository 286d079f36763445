"""What can be asked of definitions, schedules, executions and alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelyard.monitoring.types import TYPES
from modelyard.operations.errors import ResourceInUse, ResourceNotFound, ValidationError
from tests.monitoring.world import ROLE, World, definition

HOUR = timedelta(hours=1)
AGE = {"feature_name": "age", "constraint_check_type": "completeness_check", "description": "x"}


@pytest.mark.parametrize("type_", TYPES)
def test_a_job_definition_is_made_described_listed_and_deleted(world: World, type_: str) -> None:
    world.define(type_, Tags=[{"Key": "team", "Value": "blue"}])
    with pytest.raises(ResourceInUse):
        world.define(type_)
    described = world.call(f"Describe{type_}JobDefinition", JobDefinitionName="definition")
    assert {key: described[key] for key in definition(type_)} == definition(type_)
    kind = TYPES[type_].kind
    assert described["JobDefinitionArn"].endswith(f":{kind}/definition")
    listed = world.call(f"List{type_}JobDefinitions", EndpointName="census")
    [summary] = listed["JobDefinitionSummaries"]
    assert summary["MonitoringJobDefinitionName"] == "definition"
    assert summary["EndpointName"] == "census"
    none = world.call(f"List{type_}JobDefinitions", EndpointName="other")
    assert none == {"JobDefinitionSummaries": []}
    world.call(f"Delete{type_}JobDefinition", JobDefinitionName="definition")
    with pytest.raises(ResourceNotFound, match=f"{type_} job definition definition"):
        world.call(f"Describe{type_}JobDefinition", JobDefinitionName="definition")


def test_definitions_are_listed_in_pages(world: World) -> None:
    for name in ("b", "a", "c"):
        world.define(name=name)
    request: dict[str, Any] = {"SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 2}
    first = world.call("ListDataQualityJobDefinitions", **request)
    rest = world.call("ListDataQualityJobDefinitions", NextToken=first["NextToken"], **request)
    names = [
        one["MonitoringJobDefinitionName"]
        for page in (first, rest)
        for one in page["JobDefinitionSummaries"]
    ]
    assert names == ["a", "b", "c"]
    assert "NextToken" not in rest
    with pytest.raises(ValidationError, match="other filters"):
        world.call("ListDataQualityJobDefinitions", NextToken=first["NextToken"])
    with pytest.raises(ValidationError, match="not one that this server gave"):
        world.call("ListDataQualityJobDefinitions", NextToken="x")


@pytest.mark.parametrize(
    ("type_", "members", "said"),
    [
        ("DataQuality", {"given": {}}, "give either EndpointInput or BatchTransformInput"),
        ("DataQuality", {"endpoint": {"EndpointName": "other"}}, "Could not find endpoint"),
        ("DataQuality", {"endpoint": {"S3InputMode": "Pipe"}}, "Pipe is not offered"),
        ("DataQuality", {"endpoint": {"StartTimeOffset": "-PT1H"}}, "is given alone"),
        (
            "DataQuality",
            {"endpoint": {"StartTimeOffset": "-PT1H", "EndTimeOffset": "-PT2H"}},
            "must lie ahead of",
        ),
        ("ModelQuality", {"app": {"ProblemType": "Regression"}}, "InferenceAttribute must be"),
        ("ModelBias", {"app": {"ConfigUri": "s3://x/y"}}, "is not an S3 URI that can be used"),
        (
            "ModelQuality",
            {
                "given": {
                    "BatchTransformInput": {
                        "DataCapturedDestinationS3Uri": "s3://bucket/batch",
                        "DatasetFormat": {"Parquet": {}},
                        "LocalPath": "/opt/ml/processing/input/data",
                        "ProbabilityAttribute": "0",
                    },
                    "GroundTruthS3Input": {"S3Uri": "s3://bucket/labels"},
                }
            },
            "DatasetFormat Parquet is not offered with ground truth",
        ),
    ],
)
def test_a_definition_that_cannot_work_is_refused(
    world: World, type_: str, members: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=r".") as caught:
        world.define(type_, **members)
    assert said in str(caught.value)


def test_what_a_job_could_not_be_made_of_is_told_of_the_definition(world: World) -> None:
    world.processing.found = ["InstanceType: no"]
    with pytest.raises(ValidationError, match="InstanceType: no"):
        world.define()


def test_a_definition_that_is_used_is_kept(world: World) -> None:
    world.define()
    world.schedule()
    with pytest.raises(ValidationError, match="used by the monitoring schedule hourly"):
        world.call("DeleteDataQualityJobDefinition", JobDefinitionName="definition")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"MonitoringJobDefinitionName": "definition"}, "MonitoringType is missing"),
        ({"MonitoringType": "DataQuality"}, "give either"),
        (
            {"MonitoringJobDefinitionName": "other", "MonitoringType": "DataQuality"},
            "Could not find DataQuality job definition other",
        ),
        (
            {"MonitoringJobDefinitionName": "definition", "MonitoringType": "DataQuality"},
            "MaxRuntimeInSeconds 7200 is more than 3600",
        ),
    ],
)
def test_a_schedule_of_nothing_that_works_is_refused(
    world: World, config: dict[str, str], said: str
) -> None:
    world.define(StoppingCondition={"MaxRuntimeInSeconds": 7200})
    with pytest.raises(ValidationError, match=r".") as caught:
        world.call(
            "CreateMonitoringSchedule",
            MonitoringScheduleName="hourly",
            MonitoringScheduleConfig={
                "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
                **config,
            },
        )
    assert said in str(caught.value)


def test_a_definition_may_stand_within_its_schedule(world: World) -> None:
    output = {"S3Uri": "s3://bucket/reports", "LocalPath": "/opt/ml/processing/output"}
    inline = {
        "MonitoringInputs": [
            {"EndpointInput": {"EndpointName": "census", "LocalPath": "/opt/ml/processing/in"}}
        ],
        "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
        "MonitoringResources": definition()["JobResources"],
        "MonitoringAppSpecification": {"ImageUri": "mine", "ContainerEntrypoint": ["run"]},
        "Environment": {"mine": "1"},
        "RoleArn": ROLE,
    }
    world.call(
        "CreateMonitoringSchedule",
        MonitoringScheduleName="hourly",
        MonitoringScheduleConfig={
            "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
            "MonitoringJobDefinition": inline,
        },
    )
    described = world.call("DescribeMonitoringSchedule", MonitoringScheduleName="hourly")
    assert described["MonitoringType"] == "DataQuality"
    assert described["EndpointName"] == "census"
    world.capture(world.time)
    world.tick(hours=1)
    found = world.carry_out()
    assert found["MonitoringExecutionStatus"] == "Completed"
    assert "MonitoringJobDefinitionName" not in found
    program = world.processing.requests[-1]["AppSpecification"]
    assert program == {"ImageUri": "mine", "ContainerEntrypoint": ["run"]}


def test_schedules_are_listed_filtered_and_sorted(world: World) -> None:
    world.define()
    for name in ("one", "two", "three"):
        world.schedule(name)
    world.call("StopMonitoringSchedule", MonitoringScheduleName="two")

    def listed(**members: Any) -> list[str]:
        answer = world.call("ListMonitoringSchedules", **members)
        return [one["MonitoringScheduleName"] for one in answer["MonitoringScheduleSummaries"]]

    assert listed() == ["three", "two", "one"]
    assert listed(SortBy="Name", SortOrder="Ascending") == ["one", "three", "two"]
    assert listed(StatusEquals="Stopped") == ["two"]
    assert listed(NameContains="t", SortBy="Name") == ["two", "three"]
    assert listed(EndpointName="other") == []
    assert listed(MonitoringTypeEquals="ModelBias") == []
    assert listed(MonitoringJobDefinitionName="definition", MaxResults=1) == ["three"]
    with pytest.raises(ResourceInUse):
        world.schedule("one")


def test_a_changed_schedule_goes_on_from_its_change(world: World) -> None:
    world.define()
    world.schedule()
    world.tick(hours=1)
    world.call(
        "UpdateMonitoringSchedule",
        MonitoringScheduleName="hourly",
        MonitoringScheduleConfig={
            "ScheduleConfig": {"ScheduleExpression": "cron(0 0/2 ? * * *)"},
            "MonitoringJobDefinitionName": "definition",
            "MonitoringType": "DataQuality",
        },
    )
    assert world.tick(hours=2) == 1
    assert len(world.executions()) == 2


def test_a_deleted_schedule_is_not_found_and_its_executions_are(world: World) -> None:
    world.define()
    world.schedule()
    world.tick(hours=1)
    world.call("DeleteMonitoringSchedule", MonitoringScheduleName="hourly")
    with pytest.raises(ResourceNotFound):
        world.call("DescribeMonitoringSchedule", MonitoringScheduleName="hourly")
    assert len(world.executions()) == 1


def test_executions_are_listed_filtered_and_sorted(world: World) -> None:
    world.define()
    world.schedule()
    world.schedule("other")
    times = []
    for violations in ([AGE], [], [AGE]):
        world.capture(world.time)
        world.tick(hours=1)
        times.append(world.time)
        for arn in world.begun[-2:]:
            world.begun.append(arn)
            world.carry_out(*violations)
    by = "CompletedWithViolations"
    assert [one["ScheduledTime"] for one in world.executions()] == times[::-1]
    assert len(world.executions(StatusEquals=by)) == 2
    [first] = world.executions(ScheduledTimeBefore=times[1])
    assert first["ScheduledTime"] == times[0]
    last = world.executions(ScheduledTimeAfter=times[0], SortOrder="Ascending")
    assert [one["ScheduledTime"] for one in last] == times[1:]
    statuses = [
        one["MonitoringExecutionStatus"]
        for one in world.executions(SortBy="Status", SortOrder="Ascending")
    ]
    assert statuses == ["Completed", by, by]
    every = world.call("ListMonitoringExecutions", EndpointName="census", MaxResults=100)
    assert len(every["MonitoringExecutionSummaries"]) == 6
    assert world.executions(EndpointName="elsewhere") == []
    assert world.executions(MonitoringTypeEquals="ModelBias") == []
    assert len(world.executions(MonitoringJobDefinitionName="definition")) == 3


def test_an_alert_counts_n_of_the_last_m_and_remembers(world: World) -> None:
    world.define()
    world.schedule()
    rule = {"MonitoringScheduleName": "hourly", "MonitoringAlertName": "hourly"}
    world.call("UpdateMonitoringAlert", **rule, DatapointsToAlert=2, EvaluationPeriod=3)

    def status() -> str:
        answer = world.call("ListMonitoringAlerts", MonitoringScheduleName="hourly")
        [alert] = answer["MonitoringAlertSummaries"]
        assert (alert["DatapointsToAlert"], alert["EvaluationPeriod"]) == (2, 3)
        return str(alert["AlertStatus"])

    seen = []
    for violations in ([AGE], [], [AGE], None, [], []):
        if violations is not None:
            world.capture(world.time)
        world.tick(hours=1)
        if violations is None:
            world.look()  # nothing was captured: it fails, and counts neither way
        else:
            world.carry_out(*violations)
        seen.append(status())
    assert seen == ["OK", "OK", "InAlert", "InAlert", "OK", "OK"]
    answer = world.call("ListMonitoringAlertHistory", MonitoringScheduleName="hourly")
    history = [one["AlertStatus"] for one in answer["MonitoringAlertHistory"]]
    assert history == ["OK", "InAlert"]
    raised = world.call("ListMonitoringAlertHistory", StatusEquals="InAlert")
    assert len(raised["MonitoringAlertHistory"]) == 1


def test_an_alert_that_cannot_be_is_refused(world: World) -> None:
    world.define()
    world.schedule()
    rule: dict[str, Any] = {"MonitoringScheduleName": "hourly", "EvaluationPeriod": 2}
    with pytest.raises(ValidationError, match="no more can be violated"):
        world.call(
            "UpdateMonitoringAlert", MonitoringAlertName="hourly", DatapointsToAlert=3, **rule
        )
    with pytest.raises(ResourceNotFound, match="a schedule's alert has its name"):
        world.call("UpdateMonitoringAlert", MonitoringAlertName="x", DatapointsToAlert=1, **rule)
    with pytest.raises(ResourceNotFound):
        world.call("ListMonitoringAlerts", MonitoringScheduleName="other")
