"""A model's way from dev through staging to prod, by people who each do their part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.deliveries import Team
from tests.clients.jobs import train
from tests.clients.people import DEV, PROD, STAGING, administrator
from tests.data import auc, breast_cancer
from tests.live import LiveServer

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


def test_a_model_goes_through_all_stages_with_two_approvals(
    stages: LiveServer, team: Team, artifact: str
) -> None:
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
    assert json.dumps(state)
