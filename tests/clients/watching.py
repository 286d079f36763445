"""Monitors of watched models: baselines, definitions, a look at an hour, and what it found."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.clients.monitors import ANALYZER, CLUSTER, await_execution, metrics_page, provisioned
from tests.clients.watched import client, get, put
from tests.live import ROLE, LiveServer

BINARY = "BinaryClassification"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
FOLDER = "/opt/ml/processing"


def suggest(server: LiveServer, name: str, table: str, **environment: str) -> None:
    """Begin a job that makes a baseline of a table, below `<name>/baseline`."""
    put(server, f"{name}/data/table.csv", table)
    given = {
        "dataset_format": '{"csv": {"header": true}}',
        "dataset_source": f"{FOLDER}/input/data",
        "output_path": f"{FOLDER}/output",
    }
    _process(server, name, ANALYZER, ["data"], {**given, **environment})


def suggest_bias(server: LiveServer, name: str, table: str, config: Mapping[str, Any]) -> None:
    """Begin a job that looks for bias in the answers of a table, below `<name>/baseline`.

    Args:
        config: what executions are told, too; the last header is that of the answers.
    """
    put(server, f"{name}/data/table.csv", table)
    methods = {stage: {"methods": "all"} for stage in ("pre_training_bias", "post_training_bias")}
    more = {
        "dataset_type": "text/csv",
        "methods": methods,
        "predicted_label": config["headers"][-1],
    }
    put(server, f"{name}/config/analysis_config.json", json.dumps({**config, **more}))
    watched = {**config, "headers": config["headers"][:-1]}
    put(server, f"{name}/monitor/analysis_config.json", json.dumps(watched))
    _process(server, name, CLARIFY, ["data", "config"], {})


def _process(
    server: LiveServer,
    name: str,
    image: str,
    inputs: Sequence[str],
    environment: Mapping[str, str],
) -> None:
    def place(part: str, folder: str) -> dict[str, str]:
        return {"S3Uri": f"s3://{server.bucket}/{name}/{part}", "LocalPath": folder}

    kind = {"S3DataType": "S3Prefix", "S3InputMode": "File"}
    target = {**place("baseline", f"{FOLDER}/output"), "S3UploadMode": "EndOfJob"}
    client(server, "sagemaker").create_processing_job(
        ProcessingJobName=name,
        AppSpecification={"ImageUri": image},
        RoleArn=ROLE,
        ProcessingResources={"ClusterConfig": CLUSTER},
        ProcessingInputs=[
            {"InputName": part, "S3Input": {**place(part, f"{FOLDER}/input/{part}"), **kind}}
            for part in inputs
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": target}]},
        Environment=dict(environment),
    )


def suggested(server: LiveServer, name: str, seconds: float = 180) -> None:
    """Return once a baseline is made."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = client(server, "sagemaker").describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] in ("Completed", "Failed"):
            assert job["ProcessingJobStatus"] == "Completed", job
            return
        time.sleep(0.3)
    raise AssertionError(f"the baseline {name} is not made")


def define(server: LiveServer, type_: str, name: str, given: Mapping[str, Any], **app: str) -> None:
    """Create a job definition that compares with the baseline of its name."""
    folder = f"s3://{server.bucket}/{name}"
    constraints = "analysis.json" if type_ == "ModelBias" else "constraints.json"
    files = {"ConstraintsResource": {"S3Uri": f"{folder}/baseline/{constraints}"}}
    if type_ == "DataQuality":
        files["StatisticsResource"] = {"S3Uri": f"{folder}/baseline/statistics.json"}
    program = {"ImageUri": ANALYZER}
    if type_ == "ModelBias":
        config = f"{folder}/monitor/analysis_config.json"
        program = {"ImageUri": CLARIFY, "ConfigUri": config}
    target = {"S3Uri": f"s3://{server.bucket}/reports", "LocalPath": f"{FOLDER}/output"}
    snake = re.sub(r"(?<!^)([A-Z])", r"_\1", type_).lower()
    create = getattr(client(server, "sagemaker"), f"create_{snake}_job_definition")
    create(
        **{
            "JobDefinitionName": name,
            f"{type_}BaselineConfig": files,
            f"{type_}AppSpecification": {**program, **app},
            f"{type_}JobInput": given,
            f"{type_}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": target}]},
            "JobResources": {"ClusterConfig": CLUSTER},
            "RoleArn": ROLE,
        }
    )


def look_at(server: LiveServer, schedule: str, definition: str, type_: str, hour: datetime) -> None:
    """Have a definition look at what came in an hour."""
    present = datetime.now(UTC)
    ends = (hour + timedelta(minutes=5), hour + timedelta(minutes=55))
    begin, end = (f"-PT{int((present - moment).total_seconds())}S" for moment in ends)
    client(server, "sagemaker").create_monitoring_schedule(
        MonitoringScheduleName=schedule,
        MonitoringScheduleConfig={
            "ScheduleConfig": {
                "ScheduleExpression": "NOW",
                "DataAnalysisStartTime": begin,
                "DataAnalysisEndTime": end,
            },
            "MonitoringJobDefinitionName": definition,
            "MonitoringType": type_,
        },
    )


def pipeline(server: LiveServer, kind: str, **attributes: Any) -> dict[str, str]:
    """Deploy a monitor's pipeline; return its stack's outputs."""
    stack = provisioned(
        server,
        pipeline_type=f"byom_model_{kind}_monitor",
        model_name="census",
        endpoint_name="census",
        baseline_job_output_location=f"{server.bucket}/baselines",
        data_capture_location=f"{server.bucket}/captured",
        monitoring_output_location=f"{server.bucket}/reports",
        schedule_expression="cron(0 0 1 1 ? *)",
        problem_type=BINARY,
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
    sagemaker = client(server, "sagemaker")
    schedule = sagemaker.describe_monitoring_schedule(
        MonitoringScheduleName=outputs["MonitoringScheduleJobName"]
    )
    assert schedule["MonitoringScheduleStatus"] == "Scheduled"
    job = sagemaker.describe_processing_job(ProcessingJobName=outputs["BaselineName"])
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ProcessingEndTime"] <= schedule["CreationTime"]
    key = outputs["BaselineJobOutput"].removeprefix(f"s3://{server.bucket}/")
    return json.loads(get(server, f"{key}analysis.json"))


def definition_of(server: LiveServer, outputs: dict[str, str]) -> str:
    schedule = client(server, "sagemaker").describe_monitoring_schedule(
        MonitoringScheduleName=outputs["MonitoringScheduleJobName"]
    )
    return str(schedule["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"])


def found(server: LiveServer, endpoint: str, schedule: str, hour: datetime) -> set[tuple[str, str]]:
    """Return what the report about an hour says is violated."""
    execution = await_execution(server, schedule, 900)
    assert "FailureReason" not in execution, execution
    report = f"reports/{endpoint}/{schedule}/{hour:%Y/%m/%d/%H}"
    violations = json.loads(get(server, f"{report}/constraint_violations.json"))["violations"]
    violated = execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert violated == bool(violations), execution
    assert {one["facet_value"] for one in violations if "facet" in one} <= {"Female"}
    return {
        (one.get("feature_name") or one["metric_name"], one["constraint_check_type"])
        for one in violations
    }


def said(server: LiveServer, schedule: str) -> str:
    """Return the message of the job of a schedule's execution."""
    execution = await_execution(server, schedule)
    name = execution["ProcessingJobArn"].rpartition("/")[2]
    job = client(server, "sagemaker").describe_processing_job(ProcessingJobName=name)
    return str(job["ExitMessage"])


def metric_names(server: LiveServer, kind: str, schedule: str, hour: datetime) -> set[str]:
    """Return the names of a schedule's metrics, which have a value in the hour."""
    cloudwatch = client(server, "cloudwatch")
    namespace = f"aws/sagemaker/Endpoints/{kind}-metrics"
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=namespace, Dimensions=[{"Name": "MonitoringSchedule", "Value": schedule}]
    )
    listed = [metric for page in pages for metric in page["Metrics"]]
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=listed[0]["MetricName"],
        Dimensions=listed[0]["Dimensions"],
        StartTime=hour,
        EndTime=hour + timedelta(hours=1),
        Period=3600,
        Statistics=["Average"],
    )
    assert len(answer["Datapoints"]) == 1
    names = {str(metric["MetricName"]) for metric in listed}
    page = metrics_page(server)
    assert names <= set(re.findall(rf'metric="([^"]+)".*schedule="{schedule}"', page))
    return names
