"""SIGKILL between the stages of a delivery: it goes on, and nothing is deployed twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.deliveries import Delivery, Team
from tests.clients.jobs import train
from tests.clients.people import DEV, PROD, STAGING, As, administrator
from tests.clients.test_delivery import body
from tests.faults.test_kill import assert_whole, await_gone
from tests.live import LiveServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    made = LiveServer(tmp_path / "home", options=["--multi-account"]).start()
    yield made
    assert made.stop() == 0, made.log.read_text()


def again(server: LiveServer) -> None:
    """End the server as a power cut would, and start it once more."""
    family = server.family()
    server.kill()
    await_gone(family)
    server.start()


@pytest.mark.slow
def test_a_delivery_goes_on_wherever_the_server_dies_between_its_stages(
    server: LiveServer,
) -> None:
    team = Team(server)
    model = train(server, "survivor")["ModelArtifacts"]["S3ModelArtifacts"]
    artifact = str(model).removeprefix(f"s3://{server.bucket}/")
    delivery = team.provisioned(body("survivor", artifact))
    again(server)  # while dev is deployed, or just before
    token = delivery.token("DeployDev", "DeployStaging")
    again(server)  # while it waits
    assert delivery.token("DeployDev", "DeployStaging") == token
    decide(server, delivery, team.mia, "DeployDev", "DeployStaging", token)
    again(server)  # with the approval on its way to staging
    delivery.token("DeployStaging", "DeployProd")
    decide(server, delivery, team.gwen, "DeployStaging", "DeployProd")
    again(server)
    delivery.until_statuses("Succeeded", "Succeeded", "Succeeded", "Succeeded")
    for account in (DEV, STAGING, PROD):
        sagemaker = administrator(server, account).client("sagemaker")
        assert len(sagemaker.list_models()["Models"]) == 1
        (endpoint,) = sagemaker.list_endpoints()["Endpoints"]
        assert endpoint["EndpointStatus"] == "InService"
    assert_whole(server.home)


def decide(
    server: LiveServer,
    delivery: Delivery,
    who: As,
    stage: str,
    approval: str,
    token: str | None = None,
) -> None:
    """Approve at the server's new address, with the keys from ahead of the restart."""
    delivery.decide(As(server, who.exports), stage, approval, token=token)
