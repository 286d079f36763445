"""What tests of monitors ask of a live server: an endpoint that captures, baselines, schedules."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from tests.clients.jobs import await_endpoint, train
from tests.clients.test_orchestrator import post
from tests.data import breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer

ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
ENDED = ("Completed", "CompletedWithViolations", "Failed", "Stopped")
COLUMNS = ["malign", *(f"f{number}" for number in range(30))]


def capturing_endpoint(server: LiveServer, name: str) -> None:
    """Train a model, and put it behind an endpoint that captures all there is."""
    sagemaker = server.client("sagemaker")
    model = train(server, f"{name}-training")
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": XGBOOST,
            "ModelDataUrl": model["ModelArtifacts"]["S3ModelArtifacts"],
        },
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
        ],
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{server.bucket}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        },
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert await_endpoint(server, name)["EndpointStatus"] == "InService"


def send(server: LiveServer, endpoint: str, rows: list[str]) -> None:
    """Send rows, one to a request, and return once they are captured."""
    runtime, s3 = server.client("sagemaker-runtime"), server.client("s3")
    for row in rows:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=row)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = s3.list_objects_v2(Bucket=server.bucket, Prefix=f"captured/{endpoint}/")
        lines = 0
        for entry in found.get("Contents", []):
            body = s3.get_object(Bucket=server.bucket, Key=entry["Key"])["Body"].read()
            lines += body.count(b"\n")
        if lines >= len(rows):
            return
        time.sleep(0.2)
    raise AssertionError("what was sent was not captured")


def baseline(server: LiveServer, name: str) -> str:
    """Suggest a baseline of the training data, with the model's answers; return its folder."""
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    header = ",".join(["answer", *COLUMNS[1:]])
    rows = breast_cancer().train_csv.splitlines()
    folder = f"s3://{server.bucket}/{name}/baseline"
    s3.put_object(
        Bucket=server.bucket, Key=f"{name}/data/train.csv", Body="\n".join([header, *rows])
    )
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        AppSpecification={"ImageUri": ANALYZER},
        RoleArn=ROLE,
        ProcessingResources={"ClusterConfig": CLUSTER},
        ProcessingInputs=[
            {
                "InputName": "baseline_dataset_input",
                "S3Input": {
                    "S3Uri": f"s3://{server.bucket}/{name}/data",
                    "LocalPath": "/opt/ml/processing/input/baseline_dataset_input",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "monitoring_output",
                    "S3Output": {
                        "S3Uri": folder,
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        Environment={
            "dataset_format": '{"csv": {"header": true}}',
            "dataset_source": "/opt/ml/processing/input/baseline_dataset_input",
            "output_path": "/opt/ml/processing/output",
            "publish_cloudwatch_metrics": "Disabled",
        },
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        job = sagemaker.describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] in ("Completed", "Failed"):
            assert job["ProcessingJobStatus"] == "Completed", job
            return folder
        time.sleep(0.2)
    raise AssertionError("the baseline job does not end")


def data_quality(
    server: LiveServer, name: str, *, endpoint: str, baseline: str, **members: Any
) -> dict[str, Any]:
    """Return a CreateDataQualityJobDefinition request."""
    whole = {
        "JobDefinitionName": name,
        "DataQualityBaselineConfig": {
            "ConstraintsResource": {"S3Uri": f"{baseline}/constraints.json"},
            "StatisticsResource": {"S3Uri": f"{baseline}/statistics.json"},
        },
        "DataQualityAppSpecification": {"ImageUri": ANALYZER},
        "DataQualityJobInput": {
            "EndpointInput": {
                "EndpointName": endpoint,
                "LocalPath": "/opt/ml/processing/input/endpoint",
            }
        },
        "DataQualityJobOutputConfig": {
            "MonitoringOutputs": [
                {
                    "S3Output": {
                        "S3Uri": f"s3://{server.bucket}/reports",
                        "LocalPath": "/opt/ml/processing/output",
                    }
                }
            ]
        },
        "JobResources": {"ClusterConfig": CLUSTER},
        "RoleArn": ROLE,
    }
    return {**whole, **members}


def now(name: str, type_: str = "DataQuality") -> dict[str, Any]:
    """Return a MonitoringScheduleConfig that looks at the last hour at once."""
    return {
        "ScheduleConfig": {
            "ScheduleExpression": "NOW",
            "DataAnalysisStartTime": "-PT1H",
            "DataAnalysisEndTime": "-PT0H",
        },
        "MonitoringJobDefinitionName": name,
        "MonitoringType": type_,
    }


def await_execution(server: LiveServer, schedule: str, seconds: float = 120) -> dict[str, Any]:
    """Return the newest execution of a schedule, once it has ended."""
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + seconds
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        answer = sagemaker.list_monitoring_executions(MonitoringScheduleName=schedule)
        found = answer["MonitoringExecutionSummaries"]
        if found and found[0]["MonitoringExecutionStatus"] in ENDED:
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"no execution of {schedule} has ended: {found}\n{server.log.read_text()}")


def provisioned(server: LiveServer, **body: Any) -> dict[str, Any]:
    """Provision a pipeline; return its stack's description, once that has settled."""
    status, answer = post(server, "/provisionpipeline", body)
    assert status == 200, answer
    name = f"mlops-pipeline-{body['model_name']}-{body['pipeline_type']}".replace("_", "")
    cloudformation = server.client("cloudformation")
    deadline = time.monotonic() + 120
    stack: dict[str, Any] = {}
    while time.monotonic() < deadline:
        try:
            [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except cloudformation.exceptions.ClientError:
            stack = {}  # the pipeline has not begun with it
        if stack and not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(0.2)
    raise AssertionError(f"{name} does not settle: {stack}\n{server.log.read_text()}")


def metrics_page(server: LiveServer) -> str:
    request = urllib.request.Request(
        f"{server.env['AWS_ENDPOINT_URL']}/metrics",
        headers={"Authorization": f"Bearer {server.env['MODELYARD_TOKEN']}"},
    )
    with urllib.request.urlopen(request) as answer:
        return str(answer.read().decode())


def captured(server: LiveServer, endpoint: str) -> dict[str, tuple[str, str]]:
    """Return the event ids and the answers of an endpoint's captured requests."""
    s3 = server.client("s3")
    listed = s3.list_objects_v2(Bucket=server.bucket, Prefix=f"captured/{endpoint}/")
    found = {}
    for entry in listed["Contents"]:
        body = s3.get_object(Bucket=server.bucket, Key=entry["Key"])["Body"].read()
        for line in body.decode().splitlines():
            record = json.loads(line)
            data = record["captureData"]
            found[data["endpointInput"]["data"]] = (
                record["eventMetadata"]["eventId"],
                data["endpointOutput"]["data"].strip(),
            )
    return found


def label_line(event_id: str, label: int) -> str:
    return json.dumps(
        {
            "groundTruthData": {"data": str(label), "encoding": "CSV"},
            "eventMetadata": {"eventId": event_id},
            "eventVersion": "0",
        }
    )
