"""Clarify jobs asked for with boto3: which model they ask, and what is said where they cannot."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from tests.clients.analyses import FEATURES, await_analysis, result, start_analysis
from tests.clients.jobs import await_endpoint, endpoint_config
from tests.clients.transforms import model
from tests.live import ROLE, XGBOOST, LiveServer

pytestmark = pytest.mark.slow

#: A script whose answers nobody can read.
NONSENSE = """
def model_fn(folder):
    return None

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    return "as you like it", "text/csv"
"""


def reason(server: LiveServer, name: str) -> str:
    """Return why a job failed."""
    job = await_analysis(server, name)
    assert job["ProcessingJobStatus"] == "Failed", job
    return str(job["FailureReason"])


def tar(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def put(server: LiveServer, key: str, content: bytes) -> str:
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=content)
    return f"s3://{server.bucket}/{key}"


def create_model(server: LiveServer, name: str, archive: str, **environment: str) -> None:
    container: dict[str, Any] = {
        "Image": XGBOOST,
        "ModelDataUrl": archive,
        "Environment": environment,
    }
    server.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container
    )


def test_a_model_that_there_is_not_is_named(server: LiveServer) -> None:
    start_analysis(server, "analysis-none", {"model_name": "nobodys"})
    said = reason(server, "analysis-none")
    assert said.startswith("ClientError: predictor.model_name 'nobodys': Could not find model")


def test_a_role_that_may_not_look_at_the_model_may_not_ask_it(server: LiveServer) -> None:
    model(server, "analysis-guarded")
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
    role = server.client("iam").create_role(
        RoleName="analysis-stranger", AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]["Arn"]
    start_analysis(server, "analysis-refused", {"model_name": "analysis-guarded"}, role=role)
    said = reason(server, "analysis-refused")
    assert "the job's role may not use it" in said
    assert "sagemaker:DescribeModel" in said
    assert "model/analysis-guarded" in said


def test_a_model_that_cannot_be_served_says_why(server: LiveServer) -> None:
    create_model(
        server, "analysis-broken", put(server, "broken.tar.gz", tar("xgboost-model", b"x"))
    )
    start_analysis(server, "analysis-unserved", {"model_name": "analysis-broken"})
    said = reason(server, "analysis-unserved")
    assert said.startswith("ClientError: the model analysis-broken cannot be asked: it ended")
    assert "xgboost-model" in said


def test_a_script_that_answers_nonsense_is_quoted(server: LiveServer) -> None:
    code = put(server, "nonsense-code.tar.gz", tar("inference.py", NONSENSE.encode()))
    create_model(
        server,
        "analysis-nonsense",
        put(server, "nonsense.tar.gz", tar("nothing", b"")),
        SAGEMAKER_PROGRAM="inference.py",
        SAGEMAKER_SUBMIT_DIRECTORY=code,
    )
    start_analysis(server, "analysis-quoted", {"model_name": "analysis-nonsense"})
    said = reason(server, "analysis-quoted")
    assert "as you like it" in said


def test_the_model_of_an_endpoint_is_asked_beside_it(server: LiveServer) -> None:
    model(server, "analysis-served")
    sagemaker = server.client("sagemaker")
    sagemaker.create_endpoint_config(**endpoint_config("analysis-served"))
    sagemaker.create_endpoint(EndpointName="Analysis-Served", EndpointConfigName="analysis-served")
    await_endpoint(server, "analysis-served")
    start_analysis(server, "analysis-endpoint", {"endpoint_name": "analysis-served"})
    assert await_analysis(server, "analysis-endpoint")["ProcessingJobStatus"] == "Completed"
    explained = result(server, "analysis-endpoint")["explanations"]["kernel_shap"]["label0"]
    assert list(explained["global_shap_values"]) == FEATURES
