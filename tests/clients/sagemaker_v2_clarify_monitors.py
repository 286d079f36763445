"""Run in the SDK v2's environment: what bias and attributions a live endpoint's model shows.

    python sagemaker_v2_clarify_monitors.py ENDPOINT TRAIN_CSV LABELS_PREFIX FACET VALUE

The endpoint's model has its name; the training data have a header and the label first. What is
captured are requests of the last hour. Prints one line of JSON at its end.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import sagemaker
from sagemaker.clarify import (
    BiasConfig,
    DataConfig,
    ModelConfig,
    ModelPredictedLabelConfig,
    SHAPConfig,
)
from sagemaker.model_monitor import (
    CronExpressionGenerator,
    EndpointInput,
    ModelBiasMonitor,
    ModelExplainabilityMonitor,
)
from sagemaker.s3 import S3Uploader
from sagemaker_v2_monitors import BUCKET, INPUT, NOW, ROLE, await_execution, hurry


class Watched:
    """An endpoint, and the data that its model was trained on."""

    def __init__(self, endpoint: str, train: str) -> None:
        self.endpoint = endpoint
        self.session = sagemaker.Session(default_bucket=BUCKET)
        with Path(train).open(encoding="utf-8", newline="") as file:
            self.headers, *self.rows = csv.reader(file)
        self.data = S3Uploader.upload(train, f"s3://{BUCKET}/sdk/data", None, self.session)
        self.model = ModelConfig(
            model_name=endpoint,
            instance_count=1,
            instance_type="ml.m5.large",
            accept_type="text/csv",
            content_type="text/csv",
        )
        self.given: dict[str, Any] = {
            "role": ROLE,
            "instance_type": "ml.m5.large",
            "sagemaker_session": self.session,
        }

    def at(self, name: str) -> DataConfig:
        """Return the data's description, with an output of its own."""
        return DataConfig(
            s3_data_input_path=self.data,
            s3_output_path=f"s3://{BUCKET}/sdk/{name}",
            label=self.headers[0],
            headers=self.headers,
            dataset_type="text/csv",
        )


def main(endpoint: str, train: str, labels: str, facet: str, value: str) -> None:
    """Have both monitors look once, and take them through the rest of their lives."""
    hurry()
    watched = Watched(endpoint, train)
    bias, explained = ModelBiasMonitor(**watched.given), ModelExplainabilityMonitor(**watched.given)
    suggest(watched, bias, explained, facet, value)
    bias.create_monitoring_schedule(
        monitor_schedule_name="sdk-bias",
        endpoint_input=EndpointInput(endpoint, INPUT, probability_attribute="0"),
        ground_truth_input=labels,
        output_s3_uri=f"s3://{BUCKET}/sdk/reports",
        **NOW,
    )
    explained.create_monitoring_schedule(
        monitor_schedule_name="sdk-explained",
        endpoint_input=EndpointInput(endpoint, INPUT),
        output_s3_uri=f"s3://{BUCKET}/sdk/reports",
        **NOW,
    )
    said = {"bias": told(bias), "explained": told(explained)}
    print()  # the SDK ends its dots without a line end
    print(json.dumps(said))


def suggest(
    watched: Watched,
    bias: ModelBiasMonitor,
    explained: ModelExplainabilityMonitor,
    facet: str,
    value: str,
) -> None:
    """Make both baselines at the same time."""
    bias.suggest_baseline(
        watched.at("bias"),
        BiasConfig(
            label_values_or_threshold=[1], facet_name=facet, facet_values_or_threshold=[value]
        ),
        watched.model,
        ModelPredictedLabelConfig(probability_threshold=0.5),
    )
    row = [float(cell) if cell.isdecimal() else cell for cell in watched.rows[0][1:]]
    explained.suggest_baseline(
        watched.at("explained"),
        SHAPConfig(baseline=[row], num_samples=100, agg_method="mean_abs", seed=7),
        watched.model,
    )
    # A schedule that begins at once finds its baseline made.
    for monitor in (bias, explained):
        monitor.latest_baselining_job.wait(logs=False)


def told(monitor: Any) -> dict[str, Any]:
    """Return what a monitor's execution came to, once it has ended; stop, start and delete it."""
    execution = await_execution(monitor)
    if "FailureReason" in execution:
        raise RuntimeError(execution["FailureReason"])
    found = {
        "status": execution["MonitoringExecutionStatus"],
        "executions": len(monitor.list_executions()),
        "violations": monitor.latest_monitoring_constraint_violations().body_dict["violations"],
        "baseline": monitor.suggested_constraints().body_dict,
    }
    monitor.update_monitoring_schedule(schedule_cron_expression=CronExpressionGenerator.hourly())
    monitor.stop_monitoring_schedule()
    found["stopped"] = monitor.describe_schedule()["MonitoringScheduleStatus"]
    monitor.start_monitoring_schedule()
    found["started"] = monitor.describe_schedule()["MonitoringScheduleStatus"]
    found["type"] = monitor.describe_schedule()["MonitoringType"]
    monitor.delete_monitoring_schedule()
    found["left"] = left(monitor)
    return found


def left(monitor: Any) -> list[str]:
    """Return the SDK's schedules that are left of a monitor's type."""
    client = monitor.sagemaker_session.sagemaker_client
    found = client.list_monitoring_schedules(MonitoringTypeEquals=monitor.monitoring_type())
    names = [one["MonitoringScheduleName"] for one in found["MonitoringScheduleSummaries"]]
    return [name for name in names if name.startswith("sdk-")]


if __name__ == "__main__":
    main(*sys.argv[1:])
