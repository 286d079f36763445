"""Container images through real clients: built of a Dockerfile, trained in, served, transformed."""

from __future__ import annotations

import io
import json
import re
import tarfile
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import await_endpoint, await_job, channel
from tests.clients.test_orchestrator import await_state, post
from tests.clients.transforms import await_transform, outputs, put, transform_request
from tests.container_images import make_context, require_buildah, zipped
from tests.live import ROLE, LiveServer

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = f"{REGISTRY}/toys/mean:v1.0"
BUILD_SECONDS = 240.0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    require_buildah()
    return zipped(make_context(tmp_path_factory.mktemp("context")))


def builder(key: str, repository: str, tag: str) -> dict[str, Any]:
    return {
        "pipeline_type": "byom_image_builder",
        "custom_algorithm_docker": key,
        "ecr_repo_name": repository,
        "image_tag": tag,
    }


def build(server: LiveServer, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer to a request and the state that its pipeline comes to rest in."""
    status, answer = post(server, "/provisionpipeline", body)
    assert status == 200, answer
    return answer, await_state(server, answer["pipeline_id"], seconds=BUILD_SECONDS)


@pytest.fixture(scope="module")
def image(server: LiveServer, archive: bytes) -> str:
    put(server, "images/mean.zip", archive)
    answer, state = build(server, builder("images/mean.zip", "toys/mean", "v1.0"))
    assert answer["message"] == "success: stack creation started"
    assert [stage["latestExecution"]["status"] for stage in state["stageStates"]] == [
        "Succeeded",
        "Succeeded",
    ], state
    return IMAGE


@pytest.fixture(scope="module")
def model(server: LiveServer, image: str) -> str:
    """The archive of a model that was trained in the image."""
    put(server, "mean/rows.csv", "1\n2\n6\n")
    server.client("sagemaker").create_training_job(**training(server, "in-an-image", image))
    job = await_job(server, "in-an-image")
    assert job["TrainingJobStatus"] == "Completed", job
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


def training(server: LiveServer, name: str, image: str, **told: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "mean", "Regex": "validation:mean=([0-9.]+);"}],
        },
        "RoleArn": ROLE,
        "HyperParameters": told,
        "InputDataConfig": [channel(f"s3://{server.bucket}/mean/")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{server.bucket}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 5,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def log_of(server: LiveServer, group: str) -> str:
    logs = server.client("logs")
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    return "\n".join(
        event["message"]
        for stream in streams
        for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    )


def test_a_pipeline_builds_an_image_of_a_dockerfile(server: LiveServer, image: str) -> None:
    stack = "mlops-pipeline-v1-0-byompipelineimagebuilder"
    found = server.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    made = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    assert made["CustomAlgorithmImageURI"] == image
    assert made["ImageDigest"].startswith("sha256:")
    _, state = post(server, "/pipelinestatus", {"pipeline_id": found["StackId"]})
    names = [
        (stage["stageName"], stage["actionStates"][0]["actionName"])
        for stage in state["stageStates"]
    ]
    assert names == [("Source", "S3Source"), ("Build", "CodeBuild")]
    log = log_of(server, f"/aws/codebuild/{state['pipelineName']}")
    assert "STEP 1/6: FROM scratch" in log
    assert "Successfully tagged" in log


def test_an_image_has_a_list_of_its_software(server: LiveServer, image: str) -> None:
    stack = "mlops-pipeline-v1-0-byompipelineimagebuilder"
    found = server.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    made = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    bucket, _, key = made["SoftwareBillOfMaterials"].removeprefix("s3://").partition("/")
    document = json.load(server.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["version"] == made["ImageDigest"]
    assert [part.get("purl", part["bom-ref"]) for part in document["components"]] == [
        "os:toy:7",
        "pkg:deb/toy/toylib@2.0-1?arch=amd64",
        "pkg:pypi/toy-mean@1.2",
    ]


def test_the_same_archive_is_not_built_again_and_a_changed_one_is(
    server: LiveServer, image: str, archive: bytes
) -> None:
    body = builder("images/mean.zip", "toys/mean", "v1.0")
    stack = "mlops-pipeline-v1-0-byompipelineimagebuilder"
    _, same = post(server, "/provisionpipeline", body)
    assert same["message"] == (
        f"Pipeline {stack} is already provisioned. No updates are to be performed."
    )
    small = archive_of({"Dockerfile": "FROM scratch\nCOPY a /a\n", "a": "1"})
    put(server, "images/small.zip", small)
    first, _ = build(server, builder("images/small.zip", "toys/small", "changing"))
    again = archive_of({"Dockerfile": "FROM scratch\nCOPY a /a\n", "a": "2"})
    put(server, "images/small.zip", again)
    second, state = build(server, builder("images/small.zip", "toys/small", "changing"))
    assert second["pipeline_id"] == first["pipeline_id"]
    assert second["message"].endswith(" is being updated.")
    assert state["stageStates"][1]["latestExecution"]["status"] == "Succeeded"


def archive_of(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_job_trains_in_an_image(server: LiveServer, model: str) -> None:
    job = server.client("sagemaker").describe_training_job(TrainingJobName="in-an-image")
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(3.0)
    log = log_of(server, "/aws/sagemaker/TrainingJobs")
    assert "rows: 3 in in-an-image" in log
    assert "could write" not in log
    key = model.removeprefix(f"s3://{server.bucket}/")
    body = server.client("s3").get_object(Bucket=server.bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        found = tar.extractfile("model.json")
        assert found is not None
        assert json.load(found) == {"mean": 3.0}


def test_a_job_that_fails_in_an_image_says_why(server: LiveServer, model: str, image: str) -> None:
    request = training(server, "fails-in-an-image", image, fail="no such thing")
    server.client("sagemaker").create_training_job(**request)
    job = await_job(server, "fails-in-an-image")
    assert job["TrainingJobStatus"] == "Failed"
    assert "no such thing" in job["FailureReason"]


def test_a_processing_job_runs_in_an_image(server: LiveServer, image: str) -> None:
    put(server, "sums/rows.csv", "1\n2\n3.5\n")
    client = server.client("sagemaker")
    client.create_processing_job(
        ProcessingJobName="in-an-image",
        AppSpecification={
            "ImageUri": image,
            "ContainerEntrypoint": ["run", "process"],
        },
        RoleArn=ROLE,
        ProcessingInputs=[
            {
                "InputName": "rows",
                "S3Input": {
                    "S3Uri": f"s3://{server.bucket}/sums/",
                    "LocalPath": "/opt/ml/processing/input",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "sum",
                    "S3Output": {
                        "S3Uri": f"s3://{server.bucket}/summed",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        ProcessingResources={
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 5,
            }
        },
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        job = client.describe_processing_job(ProcessingJobName="in-an-image")
        if job["ProcessingJobStatus"] != "InProgress":
            break
        time.sleep(0.2)
    assert job["ProcessingJobStatus"] == "Completed", job
    found = server.client("s3").get_object(Bucket=server.bucket, Key="summed/sum.txt")
    assert found["Body"].read() == b"6.5"


@pytest.fixture(scope="module")
def pipeline(server: LiveServer, model: str, image: str) -> Iterator[dict[str, Any]]:
    body = {
        "pipeline_type": "byom_realtime_custom",
        "model_name": "mean",
        "custom_image_uri": image,
        "model_artifact_location": model.removeprefix(f"s3://{server.bucket}/"),
        "inference_instance": "ml.m5.large",
        "data_capture_location": f"{server.bucket}/captured",
        "endpoint_name": "mean",
    }
    answer, state = build(server, body)
    assert state["stageStates"][1]["latestExecution"]["status"] == "Succeeded", state
    yield state
    # Other tests of this server look at every socket that there is: its own goes with it.
    server.cli("delete", answer["pipeline_id"])
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + 60
    while sagemaker.list_endpoints(NameContains="mean")["Endpoints"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_pipeline_serves_a_model_in_an_image(
    server: LiveServer, pipeline: dict[str, Any], image: str
) -> None:
    endpoint = await_endpoint(server, "mean")
    assert endpoint["EndpointStatus"] == "InService", endpoint
    deployed = endpoint["ProductionVariants"][0]["DeployedImages"][0]
    assert deployed["SpecifiedImage"] == image
    assert deployed["ResolvedImage"].startswith(f"{REGISTRY}/toys/mean@sha256:")
    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="mean", ContentType="text/csv", Body=b"3\n5\n")
    assert answer["Body"].read() == b"0\n2\n"
    with pytest.raises(ClientError, match="could not convert"):
        runtime.invoke_endpoint(EndpointName="mean", ContentType="text/csv", Body=b"x")


def test_a_pipeline_transforms_with_an_image(server: LiveServer, model: str, image: str) -> None:
    put(server, "batch/rows.csv", "4\n5\n")
    body = {
        "pipeline_type": "byom_batch_custom",
        "model_name": "mean-batch",
        "custom_image_uri": image,
        "model_artifact_location": model.removeprefix(f"s3://{server.bucket}/"),
        "inference_instance": "ml.m5.large",
        "batch_inference_data": f"{server.bucket}/batch/rows.csv",
        "batch_job_output_location": f"{server.bucket}/batch-out",
    }
    _, state = build(server, body)
    name = state["jobs"][0]["jobName"]
    job = await_transform(server, name)
    assert job["TransformJobStatus"] == "Completed", job
    prefix = job["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{server.bucket}/")
    found = server.client("s3").get_object(
        Bucket=server.bucket, Key=f"{prefix.rstrip('/')}/rows.csv.out"
    )
    assert found["Body"].read().split() == [b"1", b"2"]


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        ("climbing", {"Dockerfile": "FROM scratch\n", "../x": "1"}, "leads out of the archive"),
        ("empty", {"docker/Dockerfile": "FROM scratch\n"}, "no Dockerfile at its top"),
        (
            "failing",
            {"Dockerfile": 'FROM scratch\nCOPY a /a\nRUN ["/nothing"]\n', "a": "1"},
            r'STEP 3/3: RUN \["/nothing"\] failed\. Its last lines: .*no such file',
        ),
        ("outside", {"Dockerfile": "FROM python:3.12\n"}, "not pulled from docker.io.*image_reg"),
        ("unbuilt", {"Dockerfile": f"FROM {REGISTRY}/no/such:1\n"}, "no such image here"),
    ],
)
def test_what_cannot_be_built_says_why_and_leaves_nothing(
    server: LiveServer, archive: bytes, name: str, files: dict[str, str], said: str
) -> None:
    put(server, f"images/{name}.zip", archive_of(files))
    _, state = build(server, builder(f"images/{name}.zip", "toys/broken", name))
    failed = [
        stage["actionStates"][0]["latestExecution"]["errorDetails"]["message"]
        for stage in state["stageStates"]
        if stage.get("latestExecution", {}).get("status") == "Failed"
    ]
    assert len(failed) == 1, state
    assert re.search(said, failed[0], re.DOTALL), failed[0]
    images = server.home / "images"
    assert not list((images / ".building").iterdir())
    with pytest.raises(ClientError, match="Nor is it one that was built here"):
        server.client("sagemaker").create_training_job(
            **training(server, f"broken-{name}", f"{REGISTRY}/toys/broken:{name}")
        )


def test_a_pipeline_for_an_image_that_is_not_there_is_refused(
    server: LiveServer, model: str
) -> None:
    body = {
        "pipeline_type": "byom_realtime_custom",
        "model_name": "absent",
        "custom_image_uri": f"{REGISTRY}/toys/absent:1",
        "model_artifact_location": model.removeprefix(f"s3://{server.bucket}/"),
        "inference_instance": "ml.m5.large",
        "data_capture_location": f"{server.bucket}/captured",
    }
    status, answer = post(server, "/provisionpipeline", body)
    assert status == 400
    assert "build it with the pipeline type byom_image_builder" in answer["detailedMessage"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ecr_repo_name": "Upper"}, "ecr_repo_name: 'Upper' must match"),
        ({"image_tag": ".x"}, "image_tag: '.x' must match"),
        ({"custom_algorithm_docker": "x.tar"}, "custom_algorithm_docker: 'x.tar' must match"),
        ({"custom_algorithm_docker": "no.zip"}, "there is no object"),
        ({"model_name": "x"}, "model_name: is not an attribute of byom_image_builder"),
    ],
)
def test_a_builder_that_cannot_be_is_refused(
    server: LiveServer, changes: dict[str, str], said: str
) -> None:
    put(server, "images/any.zip", archive_of({"Dockerfile": "FROM scratch"}))
    body = {**builder("images/any.zip", "toys/any", "any"), **changes}
    status, answer = post(server, "/provisionpipeline", body)
    assert status == 400
    assert said in answer["detailedMessage"]


def test_a_deleted_builder_is_gone_and_its_image_stays(server: LiveServer, image: str) -> None:
    put(
        server, "images/going.zip", archive_of({"Dockerfile": "FROM scratch\nCOPY a /a\n", "a": ""})
    )
    answer, state = build(server, builder("images/going.zip", "toys/going", "going"))
    assert state["stageStates"][1]["latestExecution"]["status"] == "Succeeded"
    server.cli("delete", answer["pipeline_id"])
    deadline = time.monotonic() + 60
    while post(server, "/pipelinestatus", {"pipeline_id": answer["pipeline_id"]})[0] == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    put(server, "images/going.tar.gz", b"nothing yet")
    server.client("sagemaker").create_model(
        ModelName="of-a-deleted-builder",
        PrimaryContainer={
            "Image": f"{REGISTRY}/toys/going:going",
            "ModelDataUrl": f"s3://{server.bucket}/images/going.tar.gz",
        },
        ExecutionRoleArn=ROLE,
    )


def test_image_transforms_by_boto3(server: LiveServer, model: str, image: str) -> None:
    client = server.client("sagemaker")
    client.create_model(
        ModelName="mean-by-boto3",
        PrimaryContainer={"Image": image, "ModelDataUrl": model},
        ExecutionRoleArn=ROLE,
    )
    put(server, "by-boto3/a.csv", "3\n4\n")
    client.create_transform_job(
        **transform_request(server, "by-boto3", "mean-by-boto3", "by-boto3/")
    )
    assert await_transform(server, "by-boto3")["TransformJobStatus"] == "Completed"
    assert outputs(server, "by-boto3")["a.csv.out"].split() == ["0", "1"]


def test_an_image_of_another_account_takes_leave(server: LiveServer) -> None:
    """Nobody has given any, and so it is not told either whether there is such an image."""
    uri = "210987654321.dkr.ecr.us-east-1.amazonaws.com/toys/mean:v1.0"
    with pytest.raises(ClientError, match="runs another account's image"):
        server.client("sagemaker").create_training_job(**training(server, "of-others", uri))
