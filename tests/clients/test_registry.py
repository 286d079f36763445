"""The model registry through boto3 and through the sagemaker SDK v2."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import await_endpoint
from tests.clients.people import DEV, administrator
from tests.data import auc, breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer, clean_environment
from tests.registry.world import booster, model_archive, packed

SCRIPT = Path(__file__).with_name("registry_v2_script.py")
PYTHON = Path(__file__).parents[2] / ".venv-sagemaker-v2/bin/python"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of its own: its root may approve for as long as nobody else is added."""
    live = LiveServer(tmp_path_factory.mktemp("registry") / "home")
    live.start()
    yield live
    assert live.stop() == 0, live.log.read_text()


def put(server: LiveServer, key: str, data: bytes) -> str:
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=data)
    return f"s3://{server.bucket}/{key}"


def register(server: LiveServer, group: str, url: str) -> str:
    answer = server.client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [{"Image": XGBOOST, "ModelDataUrl": url}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    return str(answer["ModelPackageArn"])


def walk_from_registration_to_prediction(server: LiveServer, name: str) -> None:
    """Register, find, be refused, approve, deploy, predict, and be refused what was changed."""
    sagemaker = server.client("sagemaker")
    group = sagemaker.create_model_package_group(ModelPackageGroupName=name)
    assert group["ModelPackageGroupArn"].endswith(f":model-package-group/{name}")
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_model_package_group(ModelPackageGroupName=name)
    url = put(server, f"{name}/model.tar.gz", model_archive())
    arn = register(server, name, url)
    assert arn.endswith(f":model-package/{name}/1")
    found = sagemaker.search(
        Resource="ModelPackage",
        SearchExpression={
            "Filters": [
                {"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": name},
                {"Name": "ModelApprovalStatus", "Value": "PendingManualApproval"},
            ]
        },
    )["Results"]
    assert [one["ModelPackage"]["ModelPackageArn"] for one in found] == [arn]
    container = {"ModelPackageName": arn}
    model = {"ModelName": name, "ExecutionRoleArn": ROLE, "Containers": [container]}
    with pytest.raises(ClientError, match="only an Approved model package"):
        sagemaker.create_model(**model)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=name, ModelApprovalStatus="Approved"
    )["ModelPackageSummaryList"]
    assert [one["ModelPackageVersion"] for one in listed] == [1]
    sagemaker.create_model(**model)
    assert sagemaker.describe_model(ModelName=name)["Containers"] == [container]
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    endpoint = await_endpoint(server, name)
    assert endpoint["EndpointStatus"] == "InService", endpoint
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Body=breast_cancer().test_csv
    )
    scores = [float(one) for one in answer["Body"].read().decode().replace(",", "\n").split()]
    assert auc(breast_cancer().y_test, scores) > 0.9
    # What lies in the bucket now is not what was approved.
    put(
        server, f"{name}/model.tar.gz", packed({"xgboost-model": bytes(booster().save_raw("json"))})
    )
    with pytest.raises(ClientError, match="was changed after it was registered"):
        sagemaker.create_model(**{**model, "ModelName": f"{name}-changed"})
    sagemaker.create_endpoint(EndpointName=f"{name}-changed", EndpointConfigName=name)
    refused = await_endpoint(server, f"{name}-changed")
    assert refused["EndpointStatus"] == "Failed"
    assert "was changed after it was registered" in refused["FailureReason"]


def test_a_version_goes_from_registration_to_prediction(server: LiveServer) -> None:
    walk_from_registration_to_prediction(server, "boto3-walk")


def test_a_request_that_is_sent_again_registers_once(server: LiveServer) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="boto3-again")
    url = put(server, "again/model.tar.gz", model_archive())
    request = {
        "ModelPackageGroupName": "boto3-again",
        "InferenceSpecification": {"Containers": [{"Image": XGBOOST, "ModelDataUrl": url}]},
        "ClientToken": "0f1e2d3c",
    }
    first = sagemaker.create_model_package(**request)["ModelPackageArn"]
    assert sagemaker.create_model_package(**request)["ModelPackageArn"] == first
    with pytest.raises(ClientError, match="was used for another request"):
        sagemaker.create_model_package(**request, ModelPackageDescription="other")
    described = sagemaker.batch_describe_model_package(ModelPackageArnList=[first, f"{first}00"])
    assert list(described["ModelPackageSummaries"]) == [first]
    assert list(described["BatchDescribeModelPackageErrorMap"]) == [f"{first}00"]


def test_a_shared_group_is_used_from_another_account(server: LiveServer) -> None:
    hub, dev = server.client("sagemaker"), administrator(server, DEV).client("sagemaker")
    group = hub.create_model_package_group(ModelPackageGroupName="hub")["ModelPackageGroupArn"]
    url = put(server, "hub/model.tar.gz", model_archive())
    arn = register(server, "hub", url)
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.describe_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.describe_model_package(ModelPackageName=arn)
    actions = ("DescribeModelPackageGroup", "DescribeModelPackage", "CreateModelPackage")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"},
        "Action": [f"sagemaker:{action}" for action in actions],
        "Resource": [group, f"{arn.rpartition('/')[0]}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    hub.put_model_package_group_policy(ModelPackageGroupName="hub", ResourcePolicy=policy)
    assert dev.describe_model_package(ModelPackageName=arn)["ModelPackageVersion"] == 1
    listed = dev.list_model_package_groups(CrossAccountFilterOption="CrossAccount")
    assert [one["ModelPackageGroupArn"] for one in listed["ModelPackageGroupSummaryList"]] == [
        group
    ]
    specification = {"Containers": [{"Image": XGBOOST, "ModelDataUrl": url}]}
    second = dev.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=specification
    )["ModelPackageArn"]
    assert second == f"{arn.rpartition('/')[0]}/2"
    assert hub.describe_model_package(ModelPackageName=second)["ModelPackageVersion"] == 2
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Approved")


def test_the_command_line_registers_lists_shows_and_approves(server: LiveServer) -> None:
    url = put(server, "cli/model.ubj", bytes(booster().save_raw("ubj")))
    made = json.loads(server.cli("register", "by-cli", url, "--run-id", "r1").stdout)
    assert made["ModelPackageArn"].endswith(":model-package/by-cli/1")
    assert "by-cli/1" in server.cli("models", "list", "by-cli").stdout
    approved = json.loads(server.cli("models", "approve", "by-cli/1", "-r", "fine").stdout)
    assert approved["ModelApprovalStatus"] == "Approved"
    shown = json.loads(server.cli("models", "show", "by-cli/1").stdout)
    assert shown["CustomerMetadataProperties"] == {"run_id": "r1"}
    assert shown["Approval"]["Approvals"][0]["Reason"] == "fine"


@pytest.mark.slow
def test_the_sdk_registers_approves_deploys_and_shares(hub: LiveServer, tmp_path: Path) -> None:
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail("CI must have the SDK's environment: make sagemaker-v2")
        pytest.skip("the SDK v2 has an environment of its own: make sagemaker-v2")
    url = put(hub, "sdk-v2/model.tar.gz", model_archive())
    exports = administrator(hub, DEV).exports
    foreign = {
        "account": DEV,
        **{
            name.lower(): value
            for name, value in exports.items()
            if (name.startswith("AWS_") and "KEY" in name) or name == "AWS_SESSION_TOKEN"
        },
    }
    rows = tmp_path / "rows.csv"
    rows.write_text(breast_cancer().test_csv)
    exported = {
        name: value
        for name, value in hub.env.items()
        if name != "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"  # one port serves everything
    }
    ran = subprocess.run(
        [PYTHON, SCRIPT, url, XGBOOST, ROLE, hub.bucket, rows, json.dumps(foreign)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**clean_environment(), **exported, "HOME": str(tmp_path)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert [arn.rpartition("/")[2] for arn in said["arns"]] == ["1", "2"]
    assert said["seen"] == said["arns"][0]
    assert (said["before"], said["after"]) == ("PendingManualApproval", "Approved")
    assert said["metadata"] == {"owner": "sdk", "deployed": "yes"}
    assert auc(breast_cancer().y_test, said["scores"]) > 0.9
