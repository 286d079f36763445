"""Monitors of a live endpoint, asked for through boto3."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients.monitors import (
    COLUMNS,
    await_execution,
    baseline,
    captured,
    capturing_endpoint,
    data_quality,
    label_line,
    metrics_page,
    now,
    provisioned,
    send,
)
from tests.clients.test_events import INBOX
from tests.clients.test_sagemaker_v2 import run_script
from tests.data import breast_cancer
from tests.live import ROLE, LiveServer


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose endpoint `tumours` has answered the test rows, one of them mutilated."""
    live = LiveServer(
        tmp_path_factory.mktemp("monitored") / "home",
        environment={"MODELYARD_CAPTURE_FLUSH_SECONDS": "0.2"},
    ).start()
    capturing_endpoint(live, "tumours")
    rows = breast_cancer().test_csv.splitlines()[:40]
    send(live, "tumours", [*rows, "," + rows[0].partition(",")[2]])
    baseline(live, "base")
    yield live
    assert live.stop() == 0, live.log.read_text()


def act_on_alerts(server: LiveServer, schedule: str) -> None:
    """Have the inbox told, and the endpoint taken back, when the alert of a schedule is raised."""
    sagemaker = server.client("sagemaker")
    present = sagemaker.describe_endpoint_config(EndpointConfigName="tumours")
    members = ("ProductionVariants", "DataCaptureConfig")
    former = {name: present[name] for name in members}
    former["DataCaptureConfig"].pop("CaptureStatus", None)
    sagemaker.create_endpoint_config(EndpointConfigName="former", **former)
    events = server.client("events")
    pattern = {
        "source": ["modelyard"],
        "detail-type": ["Modelyard Monitoring Alert State Change"],
        "detail": {"MonitoringScheduleName": [schedule], "AlertStatus": ["InAlert"]},
    }
    events.put_rule(Name="alerts", EventPattern=json.dumps(pattern))
    back = {
        "Id": "back",
        "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:updateEndpoint",
        "RoleArn": ROLE,
        "Input": json.dumps({"EndpointName": "tumours", "EndpointConfigName": "former"}),
    }
    events.put_targets(Rule="alerts", Targets=[{"Id": "inbox", "Arn": INBOX}, back])


def notified(server: LiveServer) -> str:
    """Return what the inbox was told."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if text := server.cli("inbox").stdout.strip():
            return text
        time.sleep(0.2)
    raise AssertionError("nobody was told")


@pytest.fixture(scope="module")
def execution(monitored: LiveServer) -> dict[str, Any]:
    """The first execution of the schedule `hourly`, whose alert is acted on."""
    sagemaker = monitored.client("sagemaker")
    act_on_alerts(monitored, "hourly")
    folder = f"s3://{monitored.bucket}/base/baseline"
    sagemaker.create_data_quality_job_definition(
        **data_quality(monitored, "quality", endpoint="tumours", baseline=folder)
    )
    sagemaker.create_monitoring_schedule(
        MonitoringScheduleName="hourly", MonitoringScheduleConfig=now("quality")
    )
    return await_execution(monitored, "hourly")


def test_a_schedule_looks_at_captured_traffic_and_reports_violations(
    monitored: LiveServer, execution: dict[str, Any]
) -> None:
    sagemaker, s3 = monitored.client("sagemaker"), monitored.client("s3")
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations", execution
    name = execution["ProcessingJobArn"].rpartition("/")[2]
    job = sagemaker.describe_processing_job(ProcessingJobName=name)
    assert job["MonitoringScheduleArn"].endswith(":monitoring-schedule/hourly")
    assert job["ExitMessage"].startswith("CompletedWithViolations")
    report = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    start = f"s3://{monitored.bucket}/reports/tumours/hourly/"
    assert report.startswith(start)
    assert len(report.removeprefix(start).split("/")) == 4
    key = report.removeprefix(f"s3://{monitored.bucket}/")
    violations = json.loads(
        s3.get_object(Bucket=monitored.bucket, Key=f"{key}/constraint_violations.json")[
            "Body"
        ].read()
    )["violations"]
    assert ("f0", "completeness_check") in {
        (one["feature_name"], one["constraint_check_type"]) for one in violations
    }
    described = sagemaker.describe_monitoring_schedule(MonitoringScheduleName="hourly")
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    last = described["LastMonitoringExecutionSummary"]
    assert last["ProcessingJobArn"] == execution["ProcessingJobArn"]
    [alert] = sagemaker.list_monitoring_alerts(MonitoringScheduleName="hourly")[
        "MonitoringAlertSummaries"
    ]
    assert alert["AlertStatus"] == "InAlert"
    said = notified(monitored)
    assert "The alert of the monitoring schedule hourly is: InAlert." in said
    assert "- f0: completeness_check since" in said


@pytest.mark.usefixtures("execution")
def test_an_alert_takes_an_endpoint_back_by_a_rule(monitored: LiveServer) -> None:
    sagemaker = monitored.client("sagemaker")
    deadline = time.monotonic() + 120
    endpoint: dict[str, Any] = {}
    while time.monotonic() < deadline:
        endpoint = sagemaker.describe_endpoint(EndpointName="tumours")
        settled = endpoint["EndpointStatus"] == "InService"
        if settled and endpoint["EndpointConfigName"] == "former":
            return
        time.sleep(0.2)
    raise AssertionError(f"{endpoint}\n{monitored.log.read_text()}")


def test_a_pipeline_makes_the_baseline_first_and_then_its_schedule(monitored: LiveServer) -> None:
    s3, sagemaker = monitored.client("s3"), monitored.client("sagemaker")
    header = ",".join(["answer", *COLUMNS[1:]])
    s3.put_object(
        Bucket=monitored.bucket,
        Key="census/train.csv",
        Body="\n".join([header, *breast_cancer().train_csv.splitlines()]),
    )
    stack = provisioned(
        monitored,
        pipeline_type="byom_data_quality_monitor",
        model_name="tumours",
        endpoint_name="tumours",
        baseline_data="census/train.csv",
        baseline_job_output_location=f"{monitored.bucket}/baselines",
        data_capture_location=f"{monitored.bucket}/captured",
        monitoring_output_location=f"{monitored.bucket}/monitored/",
        schedule_expression="cron(0 * ? * * *)",
        instance_type="ml.m5.large",
        instance_volume_size="1",
        monitor_max_runtime_seconds="3300",
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    name = outputs["BaselineName"]
    folder = f"s3://{monitored.bucket}/baselines/{name}/"
    assert outputs["BaselineJobOutput"] == folder
    schedule = outputs["MonitoringScheduleJobName"]
    assert name != schedule
    described = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=schedule)
    job = sagemaker.describe_processing_job(ProcessingJobName=name)
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ProcessingEndTime"] <= described["CreationTime"]
    assert outputs["MonitoringScheduleOutput"] == (
        f"s3://{monitored.bucket}/monitored/tumours/{schedule}/"
    )
    definition = sagemaker.describe_data_quality_job_definition(
        JobDefinitionName=described["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"]
    )
    constraints = definition["DataQualityBaselineConfig"]["ConstraintsResource"]["S3Uri"]
    assert constraints == f"{folder}constraints.json"
    key = constraints.removeprefix(f"s3://{monitored.bucket}/")
    assert s3.head_object(Bucket=monitored.bucket, Key=key)["ContentLength"] > 0


def test_a_model_quality_pipeline_watches_answers_and_labels(monitored: LiveServer) -> None:
    s3, sagemaker = monitored.client("s3"), monitored.client("sagemaker")
    labels = [int(label) for label in breast_cancer().y_test]
    judged = [f"{0.1 + 0.8 * label + 0.001 * n},{label}" for n, label in enumerate(labels[:90])]
    s3.put_object(
        Bucket=monitored.bucket,
        Key="census/judged.csv",
        Body="\n".join(["probability,label", *judged]),
    )
    stack = provisioned(
        monitored,
        pipeline_type="byom_model_quality_monitor",
        model_name="tumours",
        endpoint_name="tumours",
        baseline_data="census/judged.csv",
        baseline_job_output_location=f"{monitored.bucket}/baselines",
        data_capture_location=f"{monitored.bucket}/captured",
        monitoring_output_location=f"{monitored.bucket}/monitored",
        monitor_ground_truth_input=f"{monitored.bucket}/labels/<yyyy>/<mm>/<dd>/<hh>",
        schedule_expression="cron(0 0 ? * * *)",
        problem_type="BinaryClassification",
        baseline_probability_attribute="probability",
        baseline_ground_truth_attribute="label",
        probability_threshold_attribute="0.5",
        monitor_probability_attribute="0",
        instance_type="ml.m5.large",
        instance_volume_size="1",
        monitor_max_runtime_seconds="1800",
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    assert outputs["MonitoringScheduleType"] == "ModelQuality"
    schedule = sagemaker.describe_monitoring_schedule(
        MonitoringScheduleName=outputs["MonitoringScheduleJobName"]
    )
    definition = sagemaker.describe_model_quality_job_definition(
        JobDefinitionName=schedule["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"]
    )
    given = definition["ModelQualityJobInput"]
    assert given["GroundTruthS3Input"]["S3Uri"] == f"s3://{monitored.bucket}/labels"
    assert given["EndpointInput"]["ProbabilityThresholdAttribute"] == 0.5
    assert "InferenceAttribute" not in given["EndpointInput"]


@pytest.mark.usefixtures("execution")
def test_metrics_are_seen_through_cloudwatch_and_on_the_metrics_page(
    monitored: LiveServer,
) -> None:
    cloudwatch = monitored.client("cloudwatch")
    namespace = "aws/sagemaker/Endpoints/data-metrics"
    dimensions = [
        {"Name": "Endpoint", "Value": "tumours"},
        {"Name": "MonitoringSchedule", "Value": "hourly"},
    ]
    found = cloudwatch.list_metrics(Namespace=namespace, Dimensions=dimensions)["Metrics"]
    names = {one["MetricName"] for one in found}
    assert any("f0" in name for name in names), names
    moment = datetime.now(UTC)
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=sorted(names)[0],
        Dimensions=dimensions,
        StartTime=moment - timedelta(hours=3),
        EndTime=moment + timedelta(hours=1),
        Period=3600,
        Statistics=["Average"],
    )
    assert len(answer["Datapoints"]) == 1
    with pytest.raises(cloudwatch.exceptions.ClientError, match="multiple of 60") as caught:
        cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName="x",
            StartTime=moment,
            EndTime=moment + timedelta(hours=1),
            Period=61,
            Statistics=["Average"],
        )
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    page = metrics_page(monitored)
    assert 'modelyard_monitoring_alert{account="123456789012"' in page
    assert 'endpoint="tumours"' in page


@pytest.mark.slow
def test_the_sdks_monitors_of_quality_run_unmodified(monitored: LiveServer, tmp_path: Path) -> None:
    baseline, predictions = tmp_path / "train.csv", tmp_path / "predictions.csv"
    header = ",".join(["answer", *COLUMNS[1:]])
    baseline.write_text("\n".join([header, *breast_cancer().train_csv.splitlines()]))
    answers = captured(monitored, "tumours")
    known = dict(zip(breast_cancer().test_csv.splitlines(), breast_cancer().y_test, strict=True))
    rows = [(answers[row][1], int(label)) for row, label in known.items() if row in answers]
    assert len(rows) == 40
    lines = [f"{probability},{label}" for probability, label in rows]
    predictions.write_text("\n".join(["probability,label", *lines]))
    # Labels that are wrong, one of an invocation that never was, and a line that was cut.
    wrong = [label_line(answers[row][0], 1 - int(known[row])) for row in known if row in answers]
    text = "\n".join([*wrong, label_line("never-was", 1), wrong[0][:30]])
    hour = datetime.now(UTC)
    monitored.client("s3").put_object(
        Bucket=monitored.bucket, Key=f"labels/{hour:%Y/%m/%d/%H}/labels.jsonl", Body=text
    )
    said = run_script(
        monitored,
        tmp_path,
        "sagemaker_v2_monitors.py",
        "tumours",
        baseline,
        predictions,
        f"s3://{monitored.bucket}/labels",
    )
    data = said["data"]
    assert data["status"] == "CompletedWithViolations"
    assert data["rows"] == 41
    assert ["f0", "completeness_check"] in data["violations"]
    assert data["executions"] == 1
    assert (data["stopped"], data["started"], data["left"]) == ("Stopped", "Scheduled", [])
    model = said["model"]
    assert model["status"] == "CompletedWithViolations", model
    assert model["rows"] == 40
    assert "auc" in model["violated"]


def test_a_server_that_was_killed_finishes_what_it_began_once(monitored: LiveServer) -> None:
    sagemaker = monitored.client("sagemaker")
    folder = f"s3://{monitored.bucket}/base/baseline"
    sagemaker.create_data_quality_job_definition(
        **data_quality(monitored, "killed", endpoint="tumours", baseline=folder)
    )
    sagemaker.create_monitoring_schedule(
        MonitoringScheduleName="killed", MonitoringScheduleConfig=now("killed")
    )
    deadline = time.monotonic() + 60
    found: list[Any] = []
    while not found and time.monotonic() < deadline:
        answer = sagemaker.list_monitoring_executions(MonitoringScheduleName="killed")
        found = answer["MonitoringExecutionSummaries"]
    monitored.kill()
    monitored.start()
    assert await_execution(monitored, "killed")["MonitoringExecutionStatus"] == (
        "CompletedWithViolations"
    )
    sagemaker = monitored.client("sagemaker")
    jobs = sagemaker.list_processing_jobs(NameContains="model-monitoring", MaxResults=100)
    of_this = [
        job["ProcessingJobName"]
        for job in jobs["ProcessingJobSummaries"]
        if sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"])[
            "MonitoringScheduleArn"
        ].endswith("/killed")
    ]
    assert len(of_this) == 1
    answer = sagemaker.list_monitoring_executions(MonitoringScheduleName="killed")
    assert len(answer["MonitoringExecutionSummaries"]) == 1
