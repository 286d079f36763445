"""The launch options, as a server with all of them behaves, and one whose options are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.mail import Mailbox, mail_server
from tests.clients.people import ORCHESTRATOR, STAGING, administrator
from tests.clients.test_git import training
from tests.clients.test_orchestrator import await_state, post
from tests.data import breast_cancer
from tests.live import LiveServer

EMAIL = "mlops@example.org"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[LiveServer]:
    live = LiveServer(
        tmp_path_factory.mktemp("launch") / "home",
        environment={
            "MODELYARD_MAIL_SERVER": f"mailto://127.0.0.1:{mailbox.port}?from=yard@example.org"
        },
        options=[
            "--multi-account",
            "--create-model-registry",
            "--no-detailed-error-messages",
            *("--notification-email", EMAIL),
            *("--existing-image-repository", "algorithms"),
        ],
    )
    live.start()
    live.client("s3").put_object(
        Bucket=live.bucket, Key="data/train.csv", Body=breast_cancer().train_csv
    )
    live.client("s3").put_object(Bucket=live.bucket, Key="image.zip", Body=b"zip")
    yield live
    assert live.stop() == 0, live.log.read_text()


def test_outcomes_of_pipelines_reach_the_address_by_mail_in_the_words_that_people_know(
    server: LiveServer, mailbox: Mailbox
) -> None:
    status, answer = post(server, "/provisionpipeline", training("mailed"))
    assert status == 200, answer
    state = await_state(server, answer["pipeline_id"], seconds=120)
    mail = mailbox.await_text(f"Pipeline {state['pipelineName']} finished")
    assert EMAIL in str(mail["To"])
    mailbox.await_text("status is: Completed.")


def test_a_group_is_made_once_and_the_stages_accounts_may_use_it(server: LiveServer) -> None:
    sagemaker = server.client("sagemaker")
    (group,) = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    name = group["ModelPackageGroupName"]
    assert name.startswith("mlops-model-registry-")
    assert len(name) == len("mlops-model-registry-") + 8
    staging = administrator(server, STAGING).client("sagemaker")
    found = staging.describe_model_package_group(
        ModelPackageGroupName=group["ModelPackageGroupArn"]
    )
    assert found["ModelPackageGroupName"] == name


def test_images_are_built_into_the_repository_that_is_there_and_no_other(
    server: LiveServer,
) -> None:
    body = {
        "pipeline_type": "byom_image_builder",
        "custom_algorithm_docker": "image.zip",
        "ecr_repo_name": "elsewhere",
        "image_tag": "v1",
    }
    status, answer = post(server, "/provisionpipeline", body)
    # Errors are told in general only, as the option says.
    assert (status, answer) == (400, {"message": "A BadRequest exception occurred"})
    status, answer = post(server, "/provisionpipeline", {**body, "ecr_repo_name": "algorithms"})
    assert status == 200, answer


def test_what_has_a_tag_is_listed_over_all_accounts(server: LiveServer) -> None:
    status, answer = post(
        server, "/provisionpipeline", training("tagged", tags={"team": "risk", "cost": "1"})
    )
    assert status == 200, answer
    await_state(server, answer["pipeline_id"], seconds=120)
    listed = server.cli("resources", "--tag", "team=risk", "--tag", "cost")
    assert listed.stderr == ""
    services = {line.split()[1].split(":")[2] for line in listed.stdout.splitlines()}
    assert services == {"cloudformation", "codepipeline", "sagemaker"}
    assert all(line.startswith("orchestrator") for line in listed.stdout.splitlines())
    assert server.cli("resources", "--tag", "team=other").stdout == ""
    found = server.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "team", "Values": ["risk"]}]
    )
    assert len(found["ResourceTagMappingList"]) == len(listed.stdout.splitlines())


def test_delete_all_asks_then_deletes_and_says_what_is_kept(server: LiveServer) -> None:
    status, answer = post(server, "/provisionpipeline", training("goes"))
    assert status == 200, answer
    await_state(server, answer["pipeline_id"], seconds=120)
    asked = server.cli("delete", "--all", check=False)
    assert asked.returncode != 0
    assert "Delete these" in asked.stdout
    assert server.client("codepipeline").list_pipelines()["pipelines"]
    done = server.cli("delete", "--all", "--yes")
    assert "mlops-pipeline-goes-modeltraining-codepipeline: deleted" in done.stdout
    assert server.client("codepipeline").list_pipelines()["pipelines"] == []
    kept = done.stdout.partition("kept:\n")[2]
    assert f"s3://{server.bucket}/mlops_provisioned_pipelines/" in kept
    assert "s3://modelyard-assets-345678901234 (staging)" in kept
    assert f"arn:aws:sagemaker:us-east-1:{ORCHESTRATOR}:model-package-group/" in kept
    assert (
        server.cli("delete", check=False).stderr.strip().endswith("name a pipeline, or say --all")
    )


def test_an_assets_bucket_that_is_not_there_ends_the_start_with_a_remedy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    wrong = LiveServer(home, options=["--existing-assets-bucket", "ours"])
    with pytest.raises(AssertionError) as caught:
        wrong.start()
    assert "the assets bucket ours cannot be used" in str(caught.value)
    assert "aws s3 mb" in str(caught.value)
    first = LiveServer(home).start()
    first.client("s3").create_bucket(Bucket="ours")
    assert first.stop() == 0
    second = LiveServer(home, options=["--existing-assets-bucket", "ours"]).start()
    try:
        assert second.bucket == "ours"
        assert "no default encryption, which is recommended" in second.log.read_text()
    finally:
        assert second.stop() == 0, second.log.read_text()
