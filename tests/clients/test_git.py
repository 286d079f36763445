"""The configuration repository and bucket, with the system's own git and with boto3."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.git import Clone
from tests.clients.people import DEV, ORCHESTRATOR, person
from tests.clients.test_orchestrator import await_state
from tests.data import breast_cancer
from tests.live import LiveServer

BUCKET = "configurations"
WAIT_SECONDS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(
        tmp_path_factory.mktemp("git") / "home",
        options=[
            *("--configuration-repository", "mlops-config"),
            *("--configuration-bucket", BUCKET),
        ],
    )
    live.start()
    live.client("s3").put_object(
        Bucket=live.bucket, Key="data/train.csv", Body=breast_cancer().train_csv
    )
    yield live
    assert live.stop() == 0, live.log.read_text()


@pytest.fixture
def clone(server: LiveServer, tmp_path: Path) -> Clone:
    made = Clone(server, tmp_path / "clone")
    made.update()
    return made


def training(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "pipeline_type": "model_training_builtin",
        "model_name": name,
        "model_framework": "xgboost",
        "model_framework_version": "1",
        "training_data": "data/train.csv",
        "job_output_location": "models",
        "algo_hyperparamaters": {"num_round": "3", "objective": "binary:logistic"},
        **changes,
    }


def has_pipeline(server: LiveServer, model: str) -> bool:
    found = server.client("codepipeline").list_pipelines()["pipelines"]
    return any(str(one["name"]).startswith(f"mlops-pipeline-{model}-") for one in found)


def configuration(server: LiveServer, commit: str) -> dict[str, Any]:
    """Return what the API says of a commit."""
    request = urllib.request.Request(
        server.env["AWS_ENDPOINT_URL"],
        data=json.dumps({"CommitId": commit}).encode(),
        headers={
            "Authorization": f"Bearer {server.env['MODELYARD_TOKEN']}",
            "X-Amz-Target": "Modelyard.ListConfigurations",
            "Content-Type": "application/x-amz-json-1.1",
        },
    )
    with urllib.request.urlopen(request) as answer:
        found: list[dict[str, Any]] = json.load(answer)["Configurations"]
    assert len(found) == 1
    return found[0]


def test_a_commit_to_main_provisions_the_file_and_the_push_says_what_came_of_it(
    server: LiveServer, clone: Clone
) -> None:
    commit = clone.commit(training("pushed"))
    said = clone.push()
    assert f"{commit[:7]} of mlops-config: success" in said
    assert "success: stack creation started" in said
    shown = server.cli("configurations", commit[:8]).stdout
    assert f"{commit} of mlops-config: success, by arn:aws:iam::{ORCHESTRATOR}:root" in shown
    assert commit in server.cli("configurations").stdout
    (entry,) = configuration(server, commit)["Entries"]
    state = await_state(server, entry["PipelineId"], seconds=WAIT_SECONDS)
    assert state["stageStates"][-1]["latestExecution"]["status"] == "Succeeded"


def test_of_a_list_the_good_body_goes_and_the_bad_one_is_told_with_all_its_problems(
    server: LiveServer, clone: Clone
) -> None:
    bad = training("bad_one", training_data="data/none.csv")
    commit = clone.commit([training("good"), bad])
    said = clone.push()
    assert f"{commit[:7]} of mlops-config: failure" in said
    assert "model_name: 'bad_one' must match" in said
    assert "there are no objects under" in said
    assert has_pipeline(server, "good")
    found = configuration(server, commit)
    assert found["State"] == "failure"
    assert [entry["Status"] for entry in found["Entries"]] == ["Succeeded", "Failed"]
    failed = server.cli("configurations", commit, check=False)
    assert failed.returncode == 1
    assert "bad_one" in failed.stdout


def test_a_body_that_did_not_change_is_left_alone(server: LiveServer, clone: Clone) -> None:
    clone.commit([training("first")])
    clone.push()
    commit = clone.commit([training("first"), training("second")])
    said = clone.push()
    assert "model_training_builtin first: as it was: left alone" in said
    assert "model_training_builtin second: success: stack creation started" in said
    statuses = [entry["Status"] for entry in configuration(server, commit)["Entries"]]
    assert statuses == ["Unchanged", "Succeeded"]


def test_a_commit_beside_the_file_or_beside_main_provisions_nothing(
    server: LiveServer, clone: Clone
) -> None:
    clone.commit(training("settled"))
    clone.push()
    clone.commit("Read me", file="README.md")
    assert "remote:" not in clone.push()
    clone.commit(training("aside"))
    clone.git("push", "origin", "HEAD:refs/heads/draft")
    assert not has_pipeline(server, "aside")


def test_a_file_that_failed_is_tried_again_by_any_commit(server: LiveServer, clone: Clone) -> None:
    clone.commit(training("late", training_data="late/train.csv"))
    assert "upload" in clone.push()
    server.client("s3").put_object(
        Bucket=server.bucket, Key="late/train.csv", Body=breast_cancer().train_csv
    )
    clone.commit("Data is there", file="NOTES.md")
    assert "success: stack creation started" in clone.push()


def test_who_may_only_read_pulls_and_is_told_why_a_push_is_refused(
    server: LiveServer, clone: Clone, tmp_path: Path
) -> None:
    clone.commit(training("readable"))
    clone.push()
    audrey = Clone(server, tmp_path / "audrey", person(server, "audrey", ORCHESTRATOR, "auditor"))
    audrey.update()
    assert "readable" in (audrey.folder / "mlops-config.json").read_text()
    audrey.commit(training("sneaked"))
    said = audrey.push(check=False)
    assert "is not authorized to perform: codecommit:GitPush" in said
    assert "403" in said
    assert not has_pipeline(server, "sneaked")


def test_a_push_is_provisioned_with_the_permissions_of_who_pushed(
    server: LiveServer, tmp_path: Path
) -> None:
    dana = Clone(server, tmp_path / "dana", person(server, "dana", ORCHESTRATOR, "data-scientist"))
    dana.update()
    commit = dana.commit(training("danas"))
    assert "success: stack creation started" in dana.push()
    assert configuration(server, commit)["By"].endswith("user/dana")


def test_who_is_of_another_account_or_nobody_gets_nothing(
    server: LiveServer, tmp_path: Path
) -> None:
    dev = Clone(server, tmp_path / "dev", person(server, "devon", DEV, "data-scientist"))
    assert (
        "is not authorized to perform: codecommit:GitPull"
        in dev.git("ls-remote", "origin", check=False).stderr
    )
    address = f"{server.env['AWS_ENDPOINT_URL']}/v1/repos/mlops-config"
    assert dev.git("ls-remote", address, check=False).returncode != 0
    wrong = address.replace("://", "://nobody:nothing@")
    assert "Authentication failed" in dev.git("ls-remote", wrong, check=False).stderr
    other = dev.url(server).replace("mlops-config", "another")
    assert "there is no repository" in dev.git("ls-remote", other, check=False).stderr


def test_what_was_pushed_stays_in_the_history(server: LiveServer, clone: Clone) -> None:
    clone.commit(training("kept"))
    clone.push()
    clone.git("commit", "--quiet", "--amend", "--message", "Rewritten")
    assert "non-fast-forward" in clone.push("--force", check=False)
    assert (
        "deletion of the current branch prohibited"
        in clone.git("push", "origin", ":main", check=False).stderr
    )


def test_an_object_in_the_configuration_bucket_is_provisioned_and_its_result_lies_beside_it(
    server: LiveServer,
) -> None:
    s3 = server.client("s3")
    body = [training("uploaded"), {"pipeline_type": "nothing"}]
    s3.put_object(Bucket=BUCKET, Key="mlops-config.json", Body=json.dumps(body).encode())
    result = await_result(server, "mlops-config-results/mlops-config.json.json")
    assert result["State"] == "failure"
    assert [entry["Status"] for entry in result["Entries"]] == ["Succeeded", "Failed"]
    assert has_pipeline(server, "uploaded")
    shown = server.cli("configurations").stdout
    assert f"failure   s3://{BUCKET}/mlops-config.json" in shown


def test_another_object_in_the_configuration_bucket_is_only_kept(server: LiveServer) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="notes.json", Body=json.dumps(training("noted")).encode())
    s3.put_object(Bucket=BUCKET, Key="team/mlops-config.json", Body=json.dumps(training("teams")))
    await_result(server, "mlops-config-results/team/mlops-config.json.json")
    assert has_pipeline(server, "teams")
    assert not has_pipeline(server, "noted")


def await_result(server: LiveServer, key: str) -> dict[str, Any]:
    s3 = server.client("s3")
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=key)
        if listed["KeyCount"]:
            found: dict[str, Any] = json.load(s3.get_object(Bucket=BUCKET, Key=key)["Body"])
            return found
        time.sleep(0.1)
    raise AssertionError(f"no object {key} within {WAIT_SECONDS} s:\n{server.log.read_text()}")
