"""An execution's life: what it looks at, how it ends, and what a crash leaves of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.store.s3_uris import S3Uri
from tests.monitoring.world import World, definition, environment, now_config

HOUR = timedelta(hours=1)
BATCH: dict[str, Any] = {
    "BatchTransformInput": {
        "DataCapturedDestinationS3Uri": "s3://bucket/batch",
        "DatasetFormat": {"Csv": {"Header": False}},
        "LocalPath": "/opt/ml/processing/input/data",
    }
}
MISSING = {"feature_name": "age", "constraint_check_type": "completeness_check"}


@pytest.fixture
def hourly(world: World) -> World:
    """A world with a schedule that is due every hour, on the hour."""
    world.define()
    world.schedule()
    return world


def test_an_execution_looks_at_exactly_the_hour_ahead_of_its_slot(hourly: World) -> None:
    before, start = hourly.time - HOUR, hourly.time
    hourly.capture(before)
    expected = [hourly.capture(start), hourly.capture(start, "b.jsonl", "Canary")]
    hourly.capture(start + HOUR)
    assert hourly.tick(hours=1) == 1
    hourly.look()
    assert sorted(hourly.manifest()) == sorted(expected)
    said = environment(hourly.processing.requests[-1])
    assert said["start_time"] == f"{start:%Y-%m-%dT%H:00:00Z}"
    assert said["end_time"] == f"{start + HOUR:%Y-%m-%dT%H:00:00Z}"
    assert said["sagemaker_endpoint_name"] == "census"
    assert said["sagemaker_monitoring_schedule_name"] == "hourly"
    assert said["publish_cloudwatch_metrics"] == "Enabled"
    assert said["baseline_constraints"] == "/opt/ml/processing/constraints/constraints.json"
    [output] = hourly.processing.requests[-1]["ProcessingOutputConfig"]["Outputs"]
    report = f"s3://bucket/reports/census/hourly/{start:%Y/%m/%d/%H}"
    assert output["S3Output"]["S3Uri"] == report


def test_the_jobs_of_an_execution_have_the_schedules_tags(world: World) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    world.define()
    world.schedule(Tags=tags)
    world.capture(world.time)
    world.tick(hours=1)
    world.look()
    assert world.processing.requests[-1]["Tags"] == tags


def test_an_execution_ends_as_its_job_does(hourly: World) -> None:
    hourly.capture(hourly.time)
    hourly.tick(hours=1)
    assert hourly.executions()[0]["MonitoringExecutionStatus"] == "Pending"
    hourly.look()
    [found] = hourly.executions()
    assert found["MonitoringExecutionStatus"] == "InProgress"
    assert found["ProcessingJobArn"].endswith(hourly.processing.requests[0]["ProcessingJobName"])
    assert hourly.carry_out()["MonitoringExecutionStatus"] == "Completed"
    described = hourly.call("DescribeMonitoringSchedule", MonitoringScheduleName="hourly")
    last = described["LastMonitoringExecutionSummary"]
    assert last["MonitoringExecutionStatus"] == "Completed"
    assert last["ScheduledTime"] == hourly.time


def test_violations_are_kept_with_what_where_how_much_and_since_when(hourly: World) -> None:
    first = hourly.time
    for _ in range(2):
        hourly.capture(hourly.time)
        hourly.tick(hours=1)
        found = hourly.carry_out({**MISSING, "description": "80 % of the cells are there"})
        assert found["MonitoringExecutionStatus"] == "CompletedWithViolations"
    with hourly.store.read() as snapshot:
        row = snapshot.get_by_arn(hourly.begun[-1])
    [kept] = row.observed["Violations"]
    assert kept == {
        "What": "completeness_check",
        "Where": "age",
        "HowMuch": "80 % of the cells are there",
        "Since": int(first.timestamp() * 1e6),
    }


def test_a_window_without_data_says_so_and_the_schedule_goes_on(hourly: World) -> None:
    hourly.tick(hours=1)
    assert hourly.look()
    [found] = hourly.executions()
    assert found["MonitoringExecutionStatus"] == "Failed"
    assert found["FailureReason"].startswith("no captured data between ")
    assert "ProcessingJobArn" not in found
    hourly.capture(hourly.time)
    assert hourly.tick(hours=1) == 1
    assert hourly.carry_out()["MonitoringExecutionStatus"] == "Completed"


def test_what_the_analyzer_says_of_its_failure_is_the_reason(hourly: World) -> None:
    hourly.capture(hourly.time)
    hourly.tick(hours=1)
    hourly.look()
    hourly.processing.end(
        "Failed", message="Error: no captured data between a and b", reason="AlgorithmError: …"
    )
    assert hourly.look()
    assert hourly.executions()[0]["FailureReason"] == "no captured data between a and b"


def test_a_deleted_endpoint_fails_its_executions_and_nothing_else(hourly: World) -> None:
    hourly.endpoints.clear()
    hourly.tick(hours=1)
    assert hourly.look()
    assert "Could not find endpoint 'census'" in hourly.executions()[0]["FailureReason"]
    hourly.endpoints.add("census")
    hourly.capture(hourly.time)
    hourly.tick(hours=1)
    assert hourly.carry_out()["MonitoringExecutionStatus"] == "Completed"


def test_who_may_not_create_processing_jobs_reads_so(hourly: World) -> None:
    hourly.capture(hourly.time)
    hourly.tick(hours=1)
    hourly.processing.refuse = AccessDenied("you may not")
    assert hourly.look()
    reason = hourly.executions()[0]["FailureReason"]
    assert reason == "the processing job cannot be created: you may not"


def test_a_run_that_was_killed_behind_its_job_finds_it_again(
    hourly: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly.capture(hourly.time)
    hourly.tick(hours=1)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hourly.steps, "_note", die)
        with pytest.raises(KeyboardInterrupt):
            hourly.look()
    assert hourly.carry_out()["MonitoringExecutionStatus"] == "Completed"
    assert len(hourly.processing.requests) == 1


def test_a_job_that_was_deleted_is_not_made_again(hourly: World) -> None:
    hourly.capture(hourly.time)
    hourly.tick(hours=1)
    hourly.look()
    job = hourly.processing.job(hourly.processing.requests[0]["ProcessingJobName"])
    with hourly.store.write() as transaction:
        transaction.delete(job)
    assert hourly.look()
    assert "was deleted" in hourly.executions()[0]["FailureReason"]


@pytest.mark.parametrize("operation", ["StopMonitoringSchedule", "DeleteMonitoringSchedule"])
def test_a_schedule_that_ends_ends_what_it_has_begun(hourly: World, operation: str) -> None:
    hourly.capture(hourly.time)
    hourly.tick(hours=1)
    hourly.look()
    hourly.call(operation, MonitoringScheduleName="hourly")
    assert hourly.executions()[0]["MonitoringExecutionStatus"] == "Stopping"
    assert not hourly.look()
    hourly.processing.end("Stopped")
    assert hourly.look()
    assert hourly.executions()[0]["MonitoringExecutionStatus"] == "Stopped"
    assert hourly.tick(hours=5) == 0


def test_model_quality_is_given_labels_and_invocations_as_far_back_as_labels_may_be_late(
    world: World,
) -> None:
    world.define("ModelQuality")
    world.schedule(type_="ModelQuality")
    start = world.time
    captured = [world.capture(start - 3 * HOUR), world.capture(start)]
    world.capture(start - 30 * HOUR)
    labels = [world.label(start - HOUR), world.label(start)]
    world.tick(hours=1)
    world.look()
    assert world.manifest(0) == captured
    assert world.manifest(1) == labels
    said = environment(world.processing.requests[-1])
    assert said["analysis_type"] == "MODEL_QUALITY"
    assert said["problem_type"] == "BinaryClassification"
    assert said["probability_attribute"] == "0"
    assert said["ground_truth_source"] == "/opt/ml/processing/ground_truth"
    assert world.carry_out()["MonitoringExecutionStatus"] == "Completed"


def test_without_labels_model_quality_says_where_they_belong(world: World) -> None:
    world.define("ModelQuality")
    world.schedule(type_="ModelQuality")
    world.capture(world.time)
    world.tick(hours=1)
    assert world.look()
    reason = world.executions()[0]["FailureReason"]
    assert reason.startswith("no ground truth between")
    assert "s3://bucket/labels" in reason


def test_bias_merges_labels_first_and_then_looks_at_what_was_merged(world: World) -> None:
    world.define("ModelBias")
    world.schedule(type_="ModelBias")
    start = world.time
    world.capture(start)
    world.label(start)
    world.tick(hours=1)
    world.look()
    merge = world.processing.requests[-1]
    assert merge["ProcessingJobName"].startswith("groundtruth-merge-")
    assert merge["AppSpecification"] == {"ImageUri": "analyzer"}
    assert environment(merge)["analysis_type"] == "MERGE"
    world.processing.end()
    assert not world.look()
    assert not world.look()
    analysis = world.processing.requests[-1]
    assert analysis["ProcessingJobName"].startswith("model-monitoring-")
    inputs = {
        given["InputName"]: given["S3Input"]["S3Uri"] for given in analysis["ProcessingInputs"]
    }
    merged = f"s3://bucket/reports/merge/census/hourly/{start:%Y/%m/%d/%H}/merged.jsonl"
    assert inputs["endpoint_input_1"] == merged
    assert inputs["analysis_config"] == "s3://bucket/monitor/analysis_config.json"
    said = environment(analysis)
    assert said["analysis_config"] == "/opt/ml/processing/input/config/analysis_config.json"
    assert world.carry_out()["MonitoringExecutionStatus"] == "Completed"


def test_batch_jobs_inputs_are_looked_at_each_once(world: World) -> None:
    world.define(given=BATCH)
    world.schedule()
    for key in ("data/one.csv", "data/two.csv"):
        world.objects.put_bytes(S3Uri("bucket", key), b"1\n")
    manifest = b'[{"prefix": "s3://bucket/data/"}, "one.csv", "two.csv", "gone.csv"]'
    hour = f"{world.time:%Y/%m/%d/%H}"
    for name in ("job", "again"):
        world.objects.put_bytes(S3Uri("bucket", f"batch/input/{hour}/{name}.json"), manifest)
    world.objects.put_bytes(S3Uri("bucket", f"batch/input/{hour}/torn.json"), manifest[:20])
    world.tick(hours=1)
    world.look()
    assert world.manifest() == ["data/one.csv", "data/two.csv"]
    said = environment(world.processing.requests[-1])
    assert said["dataset_format"] == '{"csv": {"header": false}}'
    assert "sagemaker_endpoint_name" not in said
    [output] = world.processing.requests[-1]["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == f"s3://bucket/reports/hourly/{hour}"


@pytest.mark.parametrize("type_", ["ModelQuality", "ModelBias"])
def test_batch_jobs_outputs_meet_their_labels(world: World, type_: str) -> None:
    truth = {"GroundTruthS3Input": {"S3Uri": "s3://bucket/labels"}}
    place = {"ProbabilityAttribute": "0"}
    batch = {"BatchTransformInput": {**BATCH["BatchTransformInput"], **place}}
    world.define(type_, given={**batch, **truth})
    world.schedule(type_=type_)
    world.objects.put_bytes(S3Uri("bucket", "out/one.csv.out"), b"0.5,id,time\n")
    manifest = b'[{"prefix": "s3://bucket/out/"}, "one.csv.out"]'
    # Labels may come a day late, so what was transformed before the window is looked at, too.
    earlier = world.time - 5 * HOUR
    key = f"batch/output/{earlier:%Y/%m/%d/%H}/job.json"
    world.objects.put_bytes(S3Uri("bucket", key), manifest)
    labels = [world.label(world.time)]
    world.tick(hours=1)
    world.look()
    request = world.processing.requests[-1]
    assert world.manifest(0) == ["out/one.csv.out"]
    assert world.manifest(1) == labels
    assert environment(request)["dataset_format"] == '{"csv": {"header": false}}'
    if type_ == "ModelBias":
        assert environment(request)["analysis_type"] == "MERGE"
        world.processing.end()
        assert not world.look()
        assert not world.look()
        request = world.processing.requests[-1]
        # What was merged are captured lines, whatever was transformed.
        assert "sagemakerCaptureJson" in environment(request)["dataset_format"]
    assert environment(request)["probability_attribute"] == "0"
    assert world.carry_out()["MonitoringExecutionStatus"] == "Completed"


def test_role_environment_network_and_limits_are_passed_on(world: World) -> None:
    world.define(
        app={"Environment": {"mine": "1", "dataset_source": "elsewhere"}},
        NetworkConfig={"EnableNetworkIsolation": True},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    world.schedule()
    world.capture(world.time)
    world.tick(hours=1)
    world.look()
    request = world.processing.requests[-1]
    assert environment(request)["mine"] == "1"
    assert environment(request)["dataset_source"] == "/opt/ml/processing/input/data"
    assert request["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 600}
    assert request["RoleArn"] == definition()["RoleArn"]


def test_now_runs_once_over_the_hours_that_it_names(world: World) -> None:
    world.define()
    before = [world.capture(world.time - 2 * HOUR), world.capture(world.time - HOUR)]
    world.capture(world.time)
    world.call(
        "CreateMonitoringSchedule",
        MonitoringScheduleName="hourly",
        MonitoringScheduleConfig=now_config(DataAnalysisStartTime="-PT2H"),
    )
    assert world.tick() == 1
    assert world.tick(hours=30) == 0
    world.look()
    assert world.manifest() == before


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"DataAnalysisStartTime": "-P2D"}, "24 hours apart at most"),
        ({"DataAnalysisStartTime": "-1H"}, "is no duration"),
        ({"DataAnalysisEndTime": "-PT2H"}, "must lie ahead of"),
        ({"ScheduleExpression": "cron(0 0 31 2 ? *)"}, "its time never comes"),
        ({"ScheduleExpression": "cron(0 * ? * * 2020)"}, "its time never comes"),
        ({"ScheduleExpression": "cron(0,30 * ? * * *)"}, "more often than once an hour"),
        ({"ScheduleExpression": "rate(30 minutes)"}, "more often than once an hour"),
        ({"ScheduleExpression": "hourly"}, "neither rate"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(
    world: World, members: dict[str, str], said: str
) -> None:
    world.define()
    with pytest.raises(ValidationError, match=r".") as caught:
        world.call(
            "CreateMonitoringSchedule",
            MonitoringScheduleName="hourly",
            MonitoringScheduleConfig=now_config(**members),
        )
    assert said in str(caught.value)
