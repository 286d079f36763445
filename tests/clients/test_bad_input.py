"""Bad input: each kind has a clear error, and leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.clients.jobs import channel, deploy, train, training_request
from tests.live import ROLE, XGBOOST, LiveServer


def raw(server: LiveServer, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Send a signed request that boto3 itself would refuse to send."""
    url = server.env["AWS_ENDPOINT_URL"] + "/"
    request = AWSRequest(
        method="POST",
        url=url,
        data=body,
        headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"},
    )
    keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(keys, "sagemaker", "us-east-1").add_auth(request)
    prepared = urllib.request.Request(url, data=body, headers=dict(request.headers))
    try:
        with urllib.request.urlopen(prepared) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def put(server: LiveServer, key: str, body: bytes | str) -> str:
    """Upload an object and return its URI."""
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=body)
    return f"s3://{server.bucket}/{key}"


def archive(members: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    """Return a tar.gz of files, and of members of other types."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in special:
            tar.addfile(info)
    return target.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def refusal(server: LiveServer, **overrides: Any) -> str:
    """Return the error of a training job that is refused."""
    request = training_request(server, "refused", **overrides)
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker").create_training_job(**request)
    listed = server.client("sagemaker").list_training_jobs(NameContains="refused")
    assert listed["TrainingJobSummaries"] == []
    return str(caught.value)


def test_malformed_json_is_a_serialization_error(server: LiveServer) -> None:
    status, error = raw(server, "SageMaker.CreateTrainingJob", b'{"TrainingJobName": ')
    assert (status, error["__type"]) == (400, "SerializationException")


def test_every_wrong_member_is_named_at_once(server: LiveServer) -> None:
    body = {"TrainingJobName": "a b" * 40, "RoleArn": 7, "HyperParametres": {}}
    status, error = raw(server, "SageMaker.CreateTrainingJob", json.dumps(body).encode())
    assert (status, error["__type"]) == (400, "ValidationException")
    message = error.get("message") or error["Message"]
    for named in ("trainingJobName", "roleArn", "HyperParametres", "outputDataConfig"):
        assert named in message
    assert "HyperParameters" in message  # what the misspelt one was meant to be


def test_an_operation_that_is_not_offered_says_so(server: LiveServer) -> None:
    with pytest.raises(ClientError, match="CreateNotebookInstance") as caught:
        server.client("sagemaker").create_notebook_instance(
            NotebookInstanceName="n", InstanceType="ml.t3.medium", RoleArn=ROLE
        )
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


def test_a_job_name_that_exists_is_in_use(server: LiveServer) -> None:
    train(server, "taken")
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker").create_training_job(**training_request(server, "taken"))
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_a_role_that_does_not_exist_is_named(server: LiveServer) -> None:
    assert "no-such-role" in refusal(server, RoleArn="arn:aws:iam::123456789012:role/no-such-role")


def test_an_unknown_image_names_what_is_offered(server: LiveServer) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"
    said = refusal(
        server, AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"}
    )
    assert image in said
    assert "xgboost" in said


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("header", "label,a,b\n1,2,3\n0,3,4\n", "header"),
        ("text", "1,2,3\n0,red,4\n", "red"),
        ("ragged", "1,2,3\n0,3\n", "line 2"),
        ("empty", "", "empty"),
    ],
)
def test_a_csv_that_cannot_be_trained_on_says_why(
    server: LiveServer, name: str, data: str, said: str
) -> None:
    uri = put(server, f"bad/{name}.csv", data)
    job = train(server, f"bad-{name}", InputDataConfig=[channel(uri)])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError")
    assert said in job["FailureReason"]


def test_wrong_hyperparameters_are_all_named(server: LiveServer) -> None:
    job = train(
        server,
        "bad-hyperparameters",
        HyperParameters={"num_round": "many", "eta": "7", "deph": "3"},
    )
    assert job["TrainingJobStatus"] == "Failed"
    for named in ("num_round", "eta", "deph"):
        assert named in job["FailureReason"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("escape", archive({"../xgboost-model": b"x"}), ".."),
        ("link", archive({}, special("xgboost-model", tarfile.SYMTYPE, "/etc/passwd")), "link"),
        ("device", archive({}, special("xgboost-model", tarfile.CHRTYPE)), "device"),
        ("pickle", archive({"xgboost-model": pickle.dumps({"a": 1})}), "save_model"),
        ("garbage", b"not an archive", "archive"),
        ("gzip", gzip.compress(b"not a tar"), "archive"),
    ],
)
def test_an_archive_that_is_no_model_fails_the_endpoint(
    server: LiveServer, name: str, data: bytes, said: str
) -> None:
    endpoint = deploy(server, f"bad-{name}", put(server, f"bad/{name}.tar.gz", data))
    assert endpoint["EndpointStatus"] == "Failed"
    assert said in endpoint["FailureReason"]


@pytest.fixture(scope="module")
def endpoint(server: LiveServer) -> str:
    artifact = train(server, "payloads")["ModelArtifacts"]["S3ModelArtifacts"]
    deploy(server, "payloads", artifact)
    return "payloads"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("1,2,3", "30"),
        (",".join(["NaN"] * 30), "NaN"),
        (",".join(["red"] * 30), "red"),
    ],
)
def test_a_payload_that_the_model_cannot_read_says_why(
    server: LiveServer, endpoint: str, body: str, said: str
) -> None:
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Body=body
        )
    assert caught.value.response["Error"]["Code"] == "ModelError"
    response: Mapping[str, Any] = {**caught.value.response}
    assert response["OriginalStatusCode"] == 400
    assert said in response["OriginalMessage"]


@pytest.mark.parametrize("port", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"])
def test_a_payload_of_26_megabytes_is_refused(server: LiveServer, endpoint: str, port: str) -> None:
    with pytest.raises(ClientError, match="25"):
        server.client("sagemaker-runtime", endpoint_url=server.env[port]).invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Body=b"1" * (26 << 20)
        )


def test_of_two_creates_of_one_name_exactly_one_wins(server: LiveServer) -> None:
    request = training_request(server, "twins")

    def create(_: int) -> str:
        try:
            server.client("sagemaker").create_training_job(**request)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "created"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(create, range(8)))
    assert outcomes == ["ResourceInUse"] * 7 + ["created"]


def test_a_resource_of_another_account_is_not_reached(server: LiveServer) -> None:
    arn = "arn:aws:sagemaker:us-east-1:999999999999:training-job/theirs"
    with pytest.raises(ClientError):
        server.client("sagemaker").list_tags(ResourceArn=arn)
    assert "999999999999" in refusal(server, RoleArn="arn:aws:iam::999999999999:role/theirs")


def test_a_model_needs_an_archive_that_exists(server: LiveServer) -> None:
    with pytest.raises(ClientError, match="nothing/model"):
        server.client("sagemaker").create_model(
            ModelName="no-archive",
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": XGBOOST,
                "ModelDataUrl": f"s3://{server.bucket}/nothing/model.tar.gz",
            },
        )


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIASTRANGER00000000"}, "UnrecognizedClientException"),
    ],
)
def test_a_strangers_key_is_refused(
    server: LiveServer, overrides: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker", **overrides).list_models()
    assert caught.value.response["Error"]["Code"] == code
