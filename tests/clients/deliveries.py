"""What tests ask of deliveries through several accounts: a server, people, and how far it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.clients.people import ORCHESTRATOR, As, person
from tests.clients.test_orchestrator import post
from tests.live import LiveServer

WAIT_SECONDS = 120
STAGES = ("Source", "DeployDev", "DeployStaging", "DeployProd")


class Team:
    """Who provisions, and who approves for which stage."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.dana = person(server, "dana", ORCHESTRATOR, "data-scientist")
        self.mia = person(server, "mia", ORCHESTRATOR, "ml-engineer")
        self.gwen = person(server, "gwen", ORCHESTRATOR, "governance-officer")

    def provision(self, body: dict[str, Any], who: As | None = None) -> tuple[int, Any]:
        token = (who or self.dana).exports["MODELYARD_TOKEN"]
        return post(self.server, "/provisionpipeline", body, token=token)

    def provisioned(self, body: dict[str, Any]) -> Delivery:
        """Provision what is to be accepted."""
        status, answer = self.provision(body)
        assert status == 200, answer
        return Delivery(self.server, answer["pipeline_id"])


class Delivery:
    """One pipeline, as clients see it."""

    def __init__(self, server: LiveServer, id_: str) -> None:
        self.server = server
        self.id = id_
        self.name = str(self.state()["pipelineName"])

    def state(self) -> dict[str, Any]:
        status, state = post(self.server, "/pipelinestatus", {"pipeline_id": self.id})
        assert status == 200, state
        assert isinstance(state, dict)
        return state

    def statuses(self) -> list[str | None]:
        return [
            stage.get("latestExecution", {}).get("status") for stage in self.state()["stageStates"]
        ]

    def action(self, stage: str, name: str) -> dict[str, Any]:
        """Return the newest execution of an action."""
        found = next(one for one in self.state()["stageStates"] if one["stageName"] == stage)
        action = next(one for one in found["actionStates"] if one["actionName"] == name)
        latest: dict[str, Any] = action.get("latestExecution", {})
        return latest

    def execution(self, stage: str) -> str:
        found = next(one for one in self.state()["stageStates"] if one["stageName"] == stage)
        return str(found["latestExecution"]["pipelineExecutionId"])

    def until(self, reached: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = reached()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(json.dumps(self.state()["stageStates"], indent=1))

    def token(self, stage: str, approval: str) -> str:
        """Return the token of an approval, once it waits."""
        return str(self.until(lambda: self.action(stage, approval).get("token")))

    def until_statuses(self, *statuses: str | None) -> None:
        self.until(lambda: self.statuses() == [*statuses])

    def decide(
        self,
        who: As,
        stage: str,
        approval: str,
        status: str = "Approved",
        *,
        token: str | None = None,
        reason: str = "looks right",
    ) -> Any:
        return who.client("codepipeline").put_approval_result(
            pipelineName=self.name,
            stageName=stage,
            actionName=approval,
            token=self.token(stage, approval) if token is None else token,
            result={"summary": reason, "status": status},
        )
