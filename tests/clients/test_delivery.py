"""A model's way from dev through staging to prod, by people who each do their part."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError

from tests.clients.deliveries import Team
from tests.clients.jobs import train
from tests.clients.people import DEV, ORCHESTRATOR, PROD, STAGING, administrator
from tests.data import auc, breast_cancer
from tests.live import XGBOOST, LiveServer

ACCOUNTS = {"dev": DEV, "staging": STAGING, "prod": PROD}


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(
        tmp_path_factory.mktemp("stages") / "home", options=["--multi-account"]
    ).start()
    yield live
    assert live.stop() == 0, live.log.read_text()


@pytest.fixture(scope="module")
def team(stages: LiveServer) -> Team:
    return Team(stages)


@pytest.fixture(scope="module")
def artifact(stages: LiveServer) -> str:
    """The key of a model's archive in the orchestrator's assets bucket."""
    found = train(stages, "delivered")["ModelArtifacts"]["S3ModelArtifacts"]
    return str(found).removeprefix(f"s3://{stages.bucket}/")


def body(name: str, artifact: str, **changes: Any) -> dict[str, Any]:
    request = {
        "pipeline_type": "byom_realtime_builtin",
        "model_name": name,
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "model_artifact_location": artifact,
        "inference_instance": "ml.m5.large",
        "data_capture_location": {
            stage: f"modelyard-assets-{account}/captured" for stage, account in ACCOUNTS.items()
        },
        "endpoint_name": {stage: f"{name}-{stage}" for stage in ACCOUNTS},
    }
    return {key: value for key, value in {**request, **changes}.items() if value is not ...}


def tell(server: LiveServer) -> None:
    """Have the inbox told of what becomes of pipelines."""
    events = server.client("events")
    events.put_rule(Name="deliveries", EventPattern=json.dumps({"source": ["aws.codepipeline"]}))
    topic = f"arn:aws:sns:us-east-1:{ORCHESTRATOR}:inbox"
    put = events.put_targets(Rule="deliveries", Targets=[{"Id": "inbox", "Arn": topic}])
    assert put["FailedEntryCount"] == 0, put


@pytest.mark.slow
def test_a_model_goes_through_all_stages_with_two_approvals(
    stages: LiveServer, team: Team, artifact: str
) -> None:
    tell(stages)
    delivery = team.provisioned(body("churn", artifact))
    delivery.token("DeployDev", "DeployStaging")
    text = delivery.action("DeployDev", "DeployStaging")["summary"]
    assert text.startswith("Please approve to deploy to staging account")
    assert delivery.statuses() == ["Succeeded", "InProgress", None, None]

    # Neither who provisioned it, nor who may for another stage only.
    with pytest.raises(ClientError, match="codepipeline:PutApprovalResult"):
        delivery.decide(team.dana, "DeployDev", "DeployStaging")
    delivery.decide(team.mia, "DeployDev", "DeployStaging")
    delivery.token("DeployStaging", "DeployProd")
    with pytest.raises(ClientError, match="may not approve or reject the stage Production"):
        delivery.decide(team.mia, "DeployStaging", "DeployProd")
    delivery.decide(team.gwen, "DeployStaging", "DeployProd")
    delivery.until_statuses("Succeeded", "Succeeded", "Succeeded", "Succeeded")

    state = delivery.state()
    unique = delivery.id.rpartition("/")[2][:8]
    for shown, (stage, account) in zip(state["stacks"], ACCOUNTS.items(), strict=True):
        assert shown["stackName"] == (
            f"mlops-pipeline-churn-byompipelinerealtimebuiltin-{stage}-{unique}"
        )
        assert shown["account"] == account
        assert shown["outputs"]["SageMakerEndpointName"] == f"churn-{stage}"
    answer = (
        administrator(stages, PROD)
        .client("sagemaker-runtime")
        .invoke_endpoint(
            EndpointName="churn-prod", ContentType="text/csv", Body=breast_cancer().test_csv
        )
    )
    scores = [float(one) for one in answer["Body"].read().decode().replace(",", "\n").split()]
    assert auc(breast_cancer().y_test, scores) > 0.98
    for text in (
        "Please approve to deploy to staging account",
        "Please approve to deploy to production account",
        f"DeployProd action DeployProdStackSet in the Pipeline {delivery.name} finished executing. "
        "Action execution result is SUCCEEDED",
        f"Pipeline {delivery.name} finished executing. Pipeline execution result is SUCCEEDED",
    ):
        delivery.until(lambda text=text: text in stages.cli("inbox").stdout)  # type: ignore[misc]


def register(server: LiveServer, artifact: str) -> str:
    """Register a model in a group that all stages may deploy from; return the version's ARN."""
    sagemaker = server.client("sagemaker")
    group = sagemaker.create_model_package_group(ModelPackageGroupName="risk")
    versions = f"arn:aws:sagemaker:us-east-1:{ORCHESTRATOR}:model-package/risk/*"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in ACCOUNTS.values()]},
        "Action": ["sagemaker:CreateModel", "sagemaker:DescribeModelPackage"],
        "Resource": [group["ModelPackageGroupArn"], versions],
    }
    sagemaker.put_model_package_group_policy(
        ModelPackageGroupName="risk",
        ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    made = sagemaker.create_model_package(
        ModelPackageGroupName="risk",
        InferenceSpecification={
            "Containers": [{"Image": XGBOOST, "ModelDataUrl": f"s3://{server.bucket}/{artifact}"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="PendingManualApproval",
    )
    return str(made["ModelPackageArn"])


def expected(server: LiveServer, artifact: str, rows: str) -> list[float]:
    """Return what the model itself says of rows, without any server."""
    archive = server.client("s3").get_object(Bucket=server.bucket, Key=artifact)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
        member = files.extractfile("xgboost-model")
        assert member is not None
        booster = xgboost.Booster(model_file=bytearray(member.read()))
    values = np.array([[float(cell) for cell in row.split(",")] for row in rows.splitlines()])
    return [float(score) for score in booster.predict(xgboost.DMatrix(values))]


@pytest.mark.slow
def test_a_registered_model_is_tested_in_each_stage_and_the_results_are_its_evidence(
    stages: LiveServer, team: Team, artifact: str
) -> None:
    version = register(stages, artifact)
    rows = "\n".join(breast_cancer().test_csv.splitlines()[:3])
    case = {"payload": rows, "expected": expected(stages, artifact, rows), "tolerance": 1e-4}
    stages.client("s3").put_object(
        Bucket=stages.bucket, Key="tests/risk/rows.json", Body=json.dumps(case)
    )
    request = body(
        "risk",
        artifact,
        model_framework=...,
        model_framework_version=...,
        model_artifact_location=...,
        model_package_name=version,
        integration_tests="tests/risk",
    )
    delivery = team.provisioned(request)
    # Nobody has approved the version itself yet: the stage says so, and can be retried.
    delivery.until_statuses("Succeeded", "Failed", None, None)
    why = delivery.action("DeployDev", "DeployDevStackSet")["errorDetails"]["message"]
    assert "only an Approved model package can be deployed" in why
    team.gwen.client("sagemaker").update_model_package(
        ModelPackageArn=version, ModelApprovalStatus="Approved"
    )
    assert stages.cli("retry", "risk").stdout.startswith("DeployDev of ")
    delivery.token("DeployDev", "DeployStaging")
    text = delivery.action("DeployDev", "DeployStaging")["summary"]
    assert text.endswith("Integration tests: 1 of 1 passed")
    kept = stages.client("sagemaker").describe_model_package(ModelPackageName=version)
    assert kept["CustomerMetadataProperties"] == {
        "integration_tests": "passed",
        "integration_tests_dev": "1 of 1 passed",
    }


@pytest.mark.slow
def test_a_delivery_is_steered_from_the_command_line(
    stages: LiveServer, team: Team, artifact: str
) -> None:
    stages.client("s3").copy_object(
        Bucket=stages.bucket,
        Key="models/newer.tar.gz",
        CopySource={"Bucket": stages.bucket, "Key": artifact},
    )
    delivery = team.provisioned(body("steered", artifact))
    delivery.token("DeployDev", "DeployStaging")
    listed = stages.cli("pipelines").stdout.splitlines()
    line = next(one for one in listed if one.startswith(delivery.name))
    assert line.endswith(
        "Source Succeeded, DeployDev waits for DeployStaging, DeployStaging -, DeployProd -"
    )
    assert stages.cli("reject", "steered", "-r", "too early").returncode == 0
    delivery.until_statuses("Succeeded", "Failed", None, None)
    refused = stages.cli("approve", "steered", check=False)
    assert refused.returncode == 1
    assert "waits for no approval" in refused.stderr
    stages.cli("retry", "steered")
    delivery.token("DeployDev", "DeployStaging")
    stages.cli("approve", delivery.id, "-r", "now")
    delivery.token("DeployStaging", "DeployProd")
    first = delivery.execution("DeployDev")

    team.provisioned(body("steered", "models/newer.tar.gz"))
    delivery.until(lambda: delivery.execution("DeployDev") != first)
    delivery.token("DeployDev", "DeployStaging")
    stages.cli("approve", "steered")
    delivery.token("DeployStaging", "DeployProd")
    said = stages.cli("rollback", "steered", "DeployDev").stdout
    assert f"goes back to what {first} deployed" in said
    delivery.until(lambda: delivery.state()["execution"]["type"] == "ROLLBACK")
    delivery.until(lambda: delivery.state()["execution"]["status"] == "Succeeded")
    stopped = stages.cli("stop", "steered", check=False)
    assert stopped.returncode == 1
    assert "PipelineExecutionNotStoppableException" in stopped.stderr

    stages.cli("delete", delivery.id)
    delivery.until(lambda: delivery.name not in stages.cli("pipelines").stdout)
    for account in (DEV, STAGING):
        left = administrator(stages, account).client("sagemaker").list_endpoints()["Endpoints"]
        assert not [one for one in left if one["EndpointName"].startswith("steered")]
