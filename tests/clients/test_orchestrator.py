"""The orchestrator's API over plain HTTP and through the command line."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.clients.jobs import train
from tests.data import auc, breast_cancer
from tests.live import LiveServer


def post(server: LiveServer, path: str, body: Any, token: str | None = None) -> tuple[int, Any]:
    """Return the status and the answer (as JSON if it is some, else as text)."""
    request = urllib.request.Request(
        path if path.startswith("http") else server.env["MODELYARD_URL"] + path,
        data=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token or server.env['MODELYARD_TOKEN']}"},
    )
    try:
        trust = ssl.create_default_context(cafile=server.env.get("AWS_CA_BUNDLE"))
        with urllib.request.urlopen(request, context=trust) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def realtime_body(server: LiveServer, name: str, artifact: str) -> dict[str, Any]:
    return {
        "pipeline_type": "byom_realtime_builtin",
        "model_name": name,
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "model_artifact_location": artifact.removeprefix(f"s3://{server.bucket}/"),
        "inference_instance": "ml.m5.large",
        "data_capture_location": f"{server.bucket}/captured",
        "endpoint_name": name,
    }


def await_state(server: LiveServer, pipeline_id: str, seconds: float = 60) -> dict[str, Any]:
    """Return the state of a pipeline whose stages have ended."""
    deadline = time.monotonic() + seconds
    state: Any = None
    while time.monotonic() < deadline:
        _, state = post(server, "/pipelinestatus", {"pipeline_id": pipeline_id})
        if isinstance(state, dict):
            statuses = [
                stage.get("latestExecution", {}).get("status") for stage in state["stageStates"]
            ]
            if "Failed" in statuses or set(statuses) == {"Succeeded"}:
                return state
        time.sleep(0.2)
    raise AssertionError(f"not at rest after {seconds} s: {state}")


def test_a_pipeline_trains_deploys_and_predicts_on_the_command_line(
    server: LiveServer, tmp_path: Path
) -> None:
    server.client("s3").put_object(
        Bucket=server.bucket, Key="cli/train.csv", Body=breast_cancer().train_csv
    )
    request = {
        "pipeline_type": "model_training_builtin",
        "model_name": "cli",
        "model_framework": "xgboost",
        "model_framework_version": "1",
        "training_data": "cli/train.csv",
        "job_output_location": "cli/models",
        "job_name": "cli-training-job",
        "algo_hyperparameters": {"objective": "binary:logistic", "num_round": 20},
    }
    (tmp_path / "train.json").write_text(json.dumps(request))
    trained = server.cli("provision", str(tmp_path / "train.json"), "--wait")
    answer = json.loads(trained.stdout)
    assert answer["message"] == "success: stack creation started"
    assert answer["pipeline_id"].startswith("arn:aws:cloudformation:us-east-1:123456789012:stack/")
    assert "training job cli-training-job: Completed" in trained.stderr
    assert "train-logloss" in server.cli("logs", "cli-training-job", "--follow").stdout

    artifact = f"s3://{server.bucket}/cli/models/cli-training-job/output/model.tar.gz"
    (tmp_path / "deploy.json").write_text(json.dumps(realtime_body(server, "cli", artifact)))
    server.cli("provision", str(tmp_path / "deploy.json"), "--wait")
    (tmp_path / "rows.csv").write_text(breast_cancer().test_csv)
    said = server.cli("invoke", "cli", "--body", f"@{tmp_path / 'rows.csv'}").stdout
    scores = [float(value) for value in said.replace(",", "\n").split()]
    assert auc(breast_cancer().y_test, scores) > 0.98


def test_a_job_that_fails_fails_the_command_with_its_reason(
    server: LiveServer, tmp_path: Path
) -> None:
    server.client("s3").put_object(Bucket=server.bucket, Key="cli/bad.csv", Body="1,red\n")
    request = {
        "pipeline_type": "model_training_builtin",
        "model_name": "cli-bad",
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "training_data": "cli/bad.csv",
        "job_output_location": "cli/models",
        "algo_hyperparamaters": {"objective": "binary:logistic", "num_round": 20},
    }
    (tmp_path / "train.json").write_text(json.dumps(request))
    ran = server.cli("provision", str(tmp_path / "train.json"), "--wait", check=False)
    assert ran.returncode == 1
    assert "red" in ran.stderr
    assert "ClientError" in ran.stderr
    # /pipelinestatus tells it as well, though the stack itself stands.
    pipeline_id = json.loads(ran.stdout)["pipeline_id"]
    _, state = post(server, "/pipelinestatus", {"pipeline_id": pipeline_id})
    assert state["stack"]["status"] == "CREATE_COMPLETE"
    assert "red" in json.dumps(state["jobs"])


def test_a_pipelines_own_inference_url_stands_in_its_outputs(server: LiveServer) -> None:
    artifact = train(server, "own-url")["ModelArtifacts"]["S3ModelArtifacts"]
    status, answer = post(server, "/provisionpipeline", realtime_body(server, "own-url", artifact))
    assert status == 200, answer
    state = await_state(server, answer["pipeline_id"])
    outputs = state["stack"]["outputs"]
    assert outputs["SageMakerEndpointName"] == "own-url"
    url = next(value for key, value in outputs.items() if "RestApiEndpoint" in key)
    row = breast_cancer().test_csv.splitlines()[0]
    status, body = post(server, url + "inference", {"payload": row, "content_type": "text/csv"})
    assert status == 200
    assert 0.0 <= float(body) <= 1.0
    described = server.client("cloudformation").describe_stacks(
        StackName="mlops-pipeline-own-url-byompipelinerealtimebuiltin"
    )
    shown = {item["OutputKey"]: item["OutputValue"] for item in described["Stacks"][0]["Outputs"]}
    assert shown == outputs

    again = post(server, "/provisionpipeline", realtime_body(server, "own-url", artifact))
    assert again[0] == 200
    assert "is already provisioned. Updating template parameters." in again[1]["message"]
    await_state(server, answer["pipeline_id"])
    deleted = json.loads(server.cli("delete", answer["pipeline_id"]).stdout)
    assert deleted
    for _ in range(100):
        left = server.client("sagemaker").list_endpoints(NameContains="own-url")["Endpoints"]
        if not left:
            break
        time.sleep(0.1)
    assert left == []


def test_all_problems_of_a_request_are_reported_before_anything_is_made(
    server: LiveServer,
) -> None:
    status, answer = post(
        server,
        "/provisionpipeline",
        {
            "pipeline_type": "model_training_builtin",
            "model_name": "broken",
            "max_runtime_per_job": 5,
        },
    )
    assert status == 400
    assert answer["message"] == "A BadRequest exception occurred"
    details = answer["detailedMessage"]
    assert details.startswith(
        "Bad request. API body does not have the necessary parameter: training_data"
    )
    for named in ("job_output_location", "model_framework", "max_runtime_per_job"):
        assert named in details
    stacks = server.client("cloudformation").describe_stacks()["Stacks"]
    assert not [stack for stack in stacks if "broken" in stack["StackName"]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "An Unexpected Server side exception occurred"),
        ({"pipeline_type": "no_such_type"}, "Pipeline type not supported"),
        ([], "Bad request"),
    ],
)
def test_a_body_that_is_no_request_is_refused(server: LiveServer, body: Any, said: str) -> None:
    status, answer = post(server, "/provisionpipeline", body)
    assert status in (400, 500)
    assert said in json.dumps(answer)


def test_a_strangers_token_is_refused(server: LiveServer) -> None:
    status, _ = post(server, "/provisionpipeline", {}, token="stranger")
    assert status == 403
