"""Run in the SDK v2's environment: quality monitors of a live endpoint, from baseline to deletion.

    python sagemaker_v2_monitors.py ENDPOINT BASELINE_CSV PREDICTIONS_CSV LABELS_PREFIX

Prints one line of JSON at its end.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import sagemaker
from sagemaker.model_monitor import (
    CronExpressionGenerator,
    DefaultModelMonitor,
    EndpointInput,
    ModelQualityMonitor,
)
from sagemaker.model_monitor.dataset_format import DatasetFormat

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"
BUCKET = os.environ["MODELYARD_ASSETS_BUCKET"]
NOW = {
    "schedule_cron_expression": CronExpressionGenerator.now(),
    "data_analysis_start_time": "-PT1H",
    "data_analysis_end_time": "-PT0H",
}
INPUT = "/opt/ml/processing/input_data"


def main(endpoint: str, baseline: str, predictions: str, labels: str) -> None:
    """Make two monitors, let them run, and delete them."""
    session = sagemaker.Session(default_bucket=BUCKET)
    hurry()
    shared: dict[str, Any] = {
        "role": ROLE,
        "instance_type": "ml.m5.large",
        "sagemaker_session": session,
    }
    said = {
        "data": data_quality(shared, endpoint, baseline),
        "model": model_quality(shared, endpoint, predictions, labels),
    }
    print()  # the SDK ends its dots without a line end
    print(json.dumps(said))


def hurry() -> None:
    """Have the SDK look more often than every minute whether something has changed."""
    slept = time.sleep

    def sleep(seconds: Any) -> None:
        slept(min(seconds, 0.5))

    time.sleep = sleep


def data_quality(shared: dict[str, Any], endpoint: str, baseline: str) -> dict[str, Any]:
    monitor = DefaultModelMonitor(**shared)
    monitor.suggest_baseline(
        baseline_dataset=baseline,
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=f"s3://{BUCKET}/sdk/baseline",
        logs=False,
    )
    monitor.create_monitoring_schedule(
        monitor_schedule_name="sdk-data",
        endpoint_input=EndpointInput(endpoint, INPUT),
        output_s3_uri=f"s3://{BUCKET}/sdk/reports",
        statistics=monitor.baseline_statistics(),
        constraints=monitor.suggested_constraints(),
        enable_cloudwatch_metrics=True,
        **NOW,
    )
    execution = await_execution(monitor)
    found = {
        "status": execution["MonitoringExecutionStatus"],
        "rows": monitor.latest_monitoring_statistics().body_dict["dataset"]["item_count"],
        "violations": [
            [one["feature_name"], one["constraint_check_type"]]
            for one in monitor.latest_monitoring_constraint_violations().body_dict["violations"]
        ],
        "executions": len(monitor.list_executions()),
    }
    monitor.update_monitoring_schedule(schedule_cron_expression=CronExpressionGenerator.hourly())
    monitor.stop_monitoring_schedule()
    found["stopped"] = monitor.describe_schedule()["MonitoringScheduleStatus"]
    monitor.start_monitoring_schedule()
    found["started"] = monitor.describe_schedule()["MonitoringScheduleStatus"]
    monitor.delete_monitoring_schedule()
    found["left"] = left()
    return found


def model_quality(
    shared: dict[str, Any], endpoint: str, predictions: str, labels: str
) -> dict[str, Any]:
    monitor = ModelQualityMonitor(**shared, max_runtime_in_seconds=1800)
    monitor.suggest_baseline(
        baseline_dataset=predictions,
        dataset_format=DatasetFormat.csv(header=True),
        problem_type="BinaryClassification",
        probability_attribute="probability",
        ground_truth_attribute="label",
        output_s3_uri=f"s3://{BUCKET}/sdk/quality-baseline",
        wait=True,
    )
    monitor.create_monitoring_schedule(
        monitor_schedule_name="sdk-model",
        endpoint_input=EndpointInput(
            endpoint, INPUT, probability_attribute="0", probability_threshold_attribute=0.5
        ),
        ground_truth_input=labels,
        problem_type="BinaryClassification",
        output_s3_uri=f"s3://{BUCKET}/sdk/reports",
        constraints=monitor.suggested_constraints(),
        **NOW,
    )
    execution = await_execution(monitor)
    statistics = monitor.latest_monitoring_statistics().body_dict
    violations = monitor.latest_monitoring_constraint_violations().body_dict["violations"]
    found = {
        "status": execution["MonitoringExecutionStatus"],
        "reason": execution.get("FailureReason"),
        "rows": statistics["dataset"]["item_count"],
        "violated": sorted(one["metric_name"] for one in violations),
    }
    monitor.delete_monitoring_schedule()
    return found


def await_execution(monitor: Any) -> dict[str, Any]:
    """Return the newest execution of a monitor's schedule, once it has ended."""
    client = monitor.sagemaker_session.sagemaker_client
    for _ in range(240):
        answer = client.list_monitoring_executions(
            MonitoringScheduleName=monitor.monitoring_schedule_name
        )
        newest: dict[str, Any]
        for newest in answer["MonitoringExecutionSummaries"][:1]:
            if newest["MonitoringExecutionStatus"] not in ("Pending", "InProgress", "Stopping"):
                return newest
        time.sleep(0.5)
    raise TimeoutError(f"no execution has ended: {answer}")


def left() -> list[str]:
    """Return the definitions that are left."""
    client = sagemaker.Session(default_bucket=BUCKET).sagemaker_client
    found = client.list_data_quality_job_definitions(NameContains="data-quality")
    return [one["MonitoringJobDefinitionName"] for one in found["JobDefinitionSummaries"]]


if __name__ == "__main__":
    main(*sys.argv[1:])
