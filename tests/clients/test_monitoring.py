"""Monitors of a live endpoint, asked for through boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.clients.monitors import (
    await_execution,
    baseline,
    capturing_endpoint,
    data_quality,
    now,
    send,
)
from tests.data import breast_cancer
from tests.live import LiveServer


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


def test_a_schedule_looks_at_captured_traffic_and_reports_violations(
    monitored: LiveServer,
) -> None:
    sagemaker, s3 = monitored.client("sagemaker"), monitored.client("s3")
    folder = f"s3://{monitored.bucket}/base/baseline"
    sagemaker.create_data_quality_job_definition(
        **data_quality(monitored, "quality", endpoint="tumours", baseline=folder)
    )
    sagemaker.create_monitoring_schedule(
        MonitoringScheduleName="hourly", MonitoringScheduleConfig=now("quality")
    )
    execution = await_execution(monitored, "hourly")
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
