"""Monitors of bias and of attributions: their baselines ask the model behind a live endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients.monitors import (
    COLUMNS,
    await_execution,
    captured,
    capturing_endpoint,
    label_line,
    metrics_page,
    now,
    provisioned,
    send,
)
from tests.clients.test_sagemaker_v2 import run_script
from tests.data import breast_cancer
from tests.live import LiveServer

ENDPOINT = "tumours"
HEADER = ",".join(["benign", *COLUMNS[1:]])
#: The tumours' mean fractal dimension says nothing of the answer, unlike all the others.
FACET, MEDIAN = "f9", 0.0615
EACH = 30  # rows of each half that ask

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose endpoint was asked of malign tumours above the median, of benign ones below.

    Its answers, and the labels, are right. Only together do they say: whoever is above is ill.
    """
    live = LiveServer(
        tmp_path_factory.mktemp("watched") / "home",
        environment={"MODELYARD_CAPTURE_FLUSH_SECONDS": "0.2"},
    ).start()
    capturing_endpoint(live, ENDPOINT)
    asked = one_sided()
    send(live, ENDPOINT, list(asked))
    ids = captured(live, ENDPOINT)
    lines = [label_line(ids[row][0], label) for row, label in asked.items()]
    hour = datetime.now(UTC)
    put(live, f"labels/{hour:%Y/%m/%d/%H}/labels.jsonl", "\n".join(lines))
    yield live
    assert live.stop() == 0, live.log.read_text()


def one_sided() -> dict[str, int]:
    """Return rows by which the facet decides of the answer, and their labels."""
    split = breast_cancer()
    above = split.x_test[:, COLUMNS.index(FACET) - 1] > MEDIAN
    rows = list(zip(split.test_csv.splitlines(), above, split.y_test, strict=True))
    halves = [
        [row for row, is_above, label in rows if (is_above, label) == half]
        for half in ((True, 0), (False, 1))
    ]
    return {row: label for label, half in enumerate(halves) for row in half[:EACH]}


def put(server: LiveServer, key: str, body: str) -> None:
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=body)


def train_csv() -> str:
    """The training data with a header, the label first."""
    return "\n".join([HEADER, *breast_cancer().train_csv.splitlines()])


def read(server: LiveServer, uri: str) -> Any:
    key = uri.removeprefix(f"s3://{server.bucket}/")
    return json.load(server.client("s3").get_object(Bucket=server.bucket, Key=key)["Body"])


def pipeline(server: LiveServer, kind: str, **attributes: Any) -> dict[str, str]:
    """Deploy a monitor's pipeline; return its stack's outputs."""
    put(server, "tumours/train.csv", train_csv())
    stack = provisioned(
        server,
        pipeline_type=f"byom_model_{kind}_monitor",
        model_name=ENDPOINT,
        endpoint_name=ENDPOINT,
        baseline_data="tumours/train.csv",
        baseline_job_output_location=f"{server.bucket}/baselines",
        data_capture_location=f"{server.bucket}/captured",
        monitoring_output_location=f"{server.bucket}/monitored",
        schedule_expression="cron(0 * ? * * *)",
        problem_type="BinaryClassification",
        monitor_probability_attribute="0",
        probability_threshold_attribute="0.5",
        instance_type="ml.m5.large",
        instance_volume_size="1",
        monitor_max_runtime_seconds="1800",
        **attributes,
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def baseline_ahead_of(server: LiveServer, outputs: dict[str, str]) -> Any:
    """Return the analysis of a baseline that had ended when its schedule was made."""
    sagemaker = server.client("sagemaker")
    schedule = sagemaker.describe_monitoring_schedule(
        MonitoringScheduleName=outputs["MonitoringScheduleJobName"]
    )
    assert schedule["MonitoringScheduleStatus"] == "Scheduled"
    job = sagemaker.describe_processing_job(ProcessingJobName=outputs["BaselineName"])
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ProcessingEndTime"] <= schedule["CreationTime"]
    return read(server, f"{outputs['BaselineJobOutput']}analysis.json")


def look(server: LiveServer, outputs: dict[str, str], type_: str) -> tuple[str, list[Any]]:
    """Have a pipeline's definition look at the last hour; return how it ended, and its findings."""
    sagemaker = server.client("sagemaker")
    schedule = sagemaker.describe_monitoring_schedule(
        MonitoringScheduleName=outputs["MonitoringScheduleJobName"]
    )
    definition = schedule["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"]
    sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=f"at-once-{type_}", MonitoringScheduleConfig=now(definition, type_)
    )
    execution = await_execution(server, f"at-once-{type_}")
    assert "FailureReason" not in execution, execution
    job = sagemaker.describe_processing_job(
        ProcessingJobName=execution["ProcessingJobArn"].rpartition("/")[2]
    )
    report = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    assert report.startswith(f"s3://{server.bucket}/monitored/{ENDPOINT}/at-once-{type_}/")
    violations = read(server, f"{report}/constraint_violations.json")["violations"]
    return execution["MonitoringExecutionStatus"], violations


def names(server: LiveServer, kind: str, schedule: str) -> set[str]:
    """Return the names of a schedule's metrics, each of which has a value."""
    cloudwatch = server.client("cloudwatch")
    namespace = f"aws/sagemaker/Endpoints/{kind}-metrics"
    dimension = {"Name": "MonitoringSchedule", "Value": schedule}
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=namespace, Dimensions=[dimension]
    )
    found = [metric for page in pages for metric in page["Metrics"]]
    moment = datetime.now(UTC)
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=found[0]["MetricName"],
        Dimensions=found[0]["Dimensions"],
        StartTime=moment - timedelta(hours=3),
        EndTime=moment + timedelta(hours=1),
        Period=3600,
        Statistics=["Average"],
    )
    assert len(answer["Datapoints"]) == 1
    listed = {metric["MetricName"] for metric in found}
    page = metrics_page(server)
    assert listed <= set(re.findall(rf'metric="([^"]+)".*schedule="{schedule}"', page))
    return listed


def test_a_bias_pipeline_asks_the_model_and_then_watches_its_answers(watched: LiveServer) -> None:
    outputs = pipeline(
        watched,
        "bias",
        monitor_ground_truth_input=f"{watched.bucket}/labels/<yyyy>/<mm>/<dd>/<hh>",
        bias_config={
            "label_values_or_threshold": 1,
            "facet_name": FACET,
            "facet_values_or_threshold": MEDIAN,
        },
        model_predicted_label_config={"probability": 0, "probability_threshold": 0.5},
    )
    [facet] = baseline_ahead_of(watched, outputs)["post_training_bias_metrics"]["facets"][FACET]
    found = {metric["name"]: metric["value"] for metric in facet["metrics"]}
    # The model fits the data that it was trained on, in which there is hardly a bias.
    assert abs(found["DPPL"]) < 0.1
    status, violations = look(watched, outputs, "ModelBias")
    assert status == "CompletedWithViolations"
    assert {"DPL", "DPPL"} <= {one["metric_name"] for one in violations}
    assert {one["facet"] for one in violations} == {FACET}
    assert {"bias_metric_DPL", "bias_metric_DPPL"} <= names(watched, "bias", "at-once-ModelBias")


def test_an_explainability_pipeline_asks_the_model_for_its_reasons(watched: LiveServer) -> None:
    first = breast_cancer().train_csv.splitlines()[0].partition(",")[2]
    put(watched, "tumours/first.csv", f"{first}\n")
    outputs = pipeline(
        watched,
        "explainability",
        shap_config={"baseline": "tumours/first.csv", "num_samples": "100", "seed": "7"},
    )
    explanations = baseline_ahead_of(watched, outputs)["explanations"]["kernel_shap"]["label0"]
    assert set(explanations["global_shap_values"]) == set(COLUMNS[1:])
    status, violations = look(watched, outputs, "ModelExplainability")
    # Whose tumours they are has changed, not what the model makes of them.
    assert (status, violations) == ("Completed", [])
    found = names(watched, "explainability", "at-once-ModelExplainability")
    assert found == {"ExpectedValue", *(f"feature_{name}" for name in COLUMNS[1:])}


def test_the_sdks_monitors_of_bias_and_attributions_run_unmodified(
    watched: LiveServer, tmp_path: Path
) -> None:
    (tmp_path / "train.csv").write_text(train_csv())
    said = run_script(
        watched,
        tmp_path,
        "sagemaker_v2_clarify_monitors.py",
        ENDPOINT,
        tmp_path / "train.csv",
        f"s3://{watched.bucket}/labels",
        FACET,
        str(MEDIAN),
    )
    bias, explained = said["bias"], said["explained"]
    for one in (bias, explained):
        assert one["executions"] == 1
        assert (one["stopped"], one["started"], one["left"]) == ("Stopped", "Scheduled", [])
    assert (bias["type"], explained["type"]) == ("ModelBias", "ModelExplainability")
    assert bias["status"] == "CompletedWithViolations"
    assert {"DPL", "DPPL"} <= {one["metric_name"] for one in bias["violations"]}
    assert FACET in bias["baseline"]["post_training_bias_metrics"]["facets"]
    assert (explained["status"], explained["violations"]) == ("Completed", [])
    assert "label0" in explained["baseline"]["explanations"]["kernel_shap"]
