"""Registered models under a key, through boto3: only who may use the key registers and deploys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import await_endpoint, endpoint_config
from tests.data import auc, breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer
from tests.registry.world import booster, model_archive

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of its own: its root may approve for as long as nobody else is added."""
    live = LiveServer(tmp_path_factory.mktemp("sealed-models") / "home")
    live.start()
    yield live
    assert live.stop() == 0, live.log.read_text()


def new_key(server: LiveServer) -> str:
    arn: str = server.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def close(server: LiveServer, key: str, principal: str) -> None:
    """Let a key's own policy deny a principal its use."""
    everybody = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = [
        {"Effect": "Allow", "Principal": everybody, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Principal": {"AWS": principal},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    server.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


def put_under(server: LiveServer, key: str, name: str, data: bytes) -> str:
    server.client("s3").put_object(
        Bucket=server.bucket,
        Key=name,
        Body=data,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    return f"s3://{server.bucket}/{name}"


def model_of(arn: str, name: str) -> dict[str, Any]:
    return {
        "ModelName": name,
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"ModelPackageName": arn},
    }


def test_a_registered_model_under_a_key_deploys_while_its_role_may_use_the_key(
    server: LiveServer,
) -> None:
    sagemaker, key = server.client("sagemaker"), new_key(server)
    url = put_under(server, key, "sealed/model.tar.gz", model_archive())
    sagemaker.create_model_package_group(ModelPackageGroupName="sealed")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="sealed",
        InferenceSpecification={"Containers": [{"Image": XGBOOST, "ModelDataUrl": url}]},
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(**model_of(arn, "sealed"))
    sagemaker.create_endpoint_config(**endpoint_config("sealed"))
    sagemaker.create_endpoint(EndpointName="sealed", EndpointConfigName="sealed")
    assert await_endpoint(server, "sealed")["EndpointStatus"] == "InService"
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="sealed", ContentType="text/csv", Body=breast_cancer().test_csv
    )
    scores = [
        float(score)
        for score in answer["Body"].read().decode().replace("\n", ",").split(",")
        if score
    ]
    assert auc(breast_cancer().y_test, scores) > 0.9

    close(server, key, ROLE)
    refusal = f"role {ROLE} may not use key {key}: kms:Decrypt is not allowed"
    with pytest.raises(ClientError, match=refusal):
        sagemaker.create_model(**model_of(arn, "refused"))
    # The model that was made before fails with the same words when an endpoint loads it.
    sagemaker.create_endpoint(EndpointName="late", EndpointConfigName="sealed")
    late = await_endpoint(server, "late")
    assert late["EndpointStatus"] == "Failed"
    assert refusal in late["FailureReason"]


def test_a_model_under_a_key_is_repacked_under_it_and_by_who_may_use_it_only(
    server: LiveServer,
) -> None:
    key, model = new_key(server), bytes(booster().save_raw("ubj"))
    url = put_under(server, key, "sealed/model.ubj", model)
    made = json.loads(server.cli("register", "repacked", url).stdout)
    bucket, _, name = made["ModelDataUrl"].removeprefix("s3://").partition("/")
    assert server.client("s3").head_object(Bucket=bucket, Key=name)["SSEKMSKeyId"] == key
    root = f"arn:aws:iam::{ACCOUNT}:root"
    close(server, key, root)
    refused = server.cli("register", "repacked", url, check=False)
    assert refused.returncode == 1
    assert f"{root} may not use key {key}: kms:Decrypt is not allowed" in refused.stderr
    assert model not in b"".join(
        path.read_bytes() for path in server.home.rglob("*") if path.is_file()
    )
