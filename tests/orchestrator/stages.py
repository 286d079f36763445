"""A platform that delivers through three accounts, with people who may approve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import given
from modelyard.orchestrator.pipeline_operations import PipelineOperations
from modelyard.orchestrator.planning import StageAccount
from modelyard.registry.approvals import Approvals, People
from modelyard.store.resources import Store
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.platform import ASSETS, Platform, realtime
from tests.orchestrator.world import ACCOUNT, caller

DEV, STAGING, PROD = "222222222222", "333333333333", "444444444444"
ACCOUNTS = {"dev": DEV, "staging": STAGING, "prod": PROD}

DANA = caller("user/dana")  # provisions
MIA = caller("user/mia")  # approves for staging
GWEN = caller("user/gwen")  # approves for production
PERSONAS = {
    DANA.principal.arn: ("ml-engineer",),
    MIA.principal.arn: ("ml-engineer",),
    GWEN.principal.arn: ("governance-officer",),
}
TESTS = "tests/churn"


class Roles:
    """AssumeRole; `closed` are the accounts whose roles let nobody in."""

    def __init__(self) -> None:
        self.closed: set[str] = set()
        self.assumed: list[tuple[str, str]] = []  # who, which role

    @operation("sts", "AssumeRole", on=given("RoleArn"))
    def assume_role(self, context: Context, request: Request) -> Response:
        if request["RoleArn"].split(":")[4] in self.closed:
            raise AccessDenied(f"{request['RoleArn']}: its trust policy does not let you")
        self.assumed.append((context.principal.arn, request["RoleArn"]))
        return {}


class Stages(Platform):
    """Three accounts, and CodePipeline's operations."""

    def __init__(
        self, store: Store, folder: Path, settings: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        self.accounts = {stage: StageAccount(id=account) for stage, account in ACCOUNTS.items()}
        super().__init__(store, folder, {"stages": self.accounts, **(settings or {})}, **options)
        self.roles = Roles()
        self.table.add(self.roles)
        people = People(
            personas=lambda _snapshot, principal: PERSONAS.get(principal.arn, ()),
            has_users=lambda _snapshot, _account: True,
        )
        approvals = Approvals(people, lambda _accounts, _url: False, lambda _card: ())
        self.table.add(PipelineOperations(store, self.queue, approvals))
        for account in ACCOUNTS.values():
            self.objects.of(account).create_bucket(ASSETS)

    def put(self, key: str, content: bytes = b"content", account: str = ACCOUNT) -> None:
        self.objects.of(account).put_bytes(S3Uri(ASSETS, key), content)

    def keys(self, account: str) -> list[str]:
        return [info.key for info in self.objects.of(account).list(S3Uri(ASSETS, ""))]

    async def deliver(self, who: Context = DANA, **changes: Any) -> str:
        """Provision, and carry out what follows; return the pipeline's name."""
        answer = self.service.provision(who, staged(**changes))
        await self.run()
        self.id = answer["pipeline_id"]
        return str(self.state(self.id)["pipelineName"])

    def ask(self, who: Context, operation: str, **request: Any) -> dict[str, Any]:  # type: ignore[override]
        return self.table.call(who, "codepipeline", operation, request)

    def action(self, pipeline: str, stage: str, name: str) -> dict[str, Any]:
        state = self.ask(DANA, "GetPipelineState", name=pipeline)
        found = next(one for one in state["stageStates"] if one["stageName"] == stage)
        action = next(one for one in found["actionStates"] if one["actionName"] == name)
        latest: dict[str, Any] = action.get("latestExecution", {})
        return latest

    def statuses(self, pipeline: str) -> list[str | None]:
        state = self.ask(DANA, "GetPipelineState", name=pipeline)
        return [one.get("latestExecution", {}).get("status") for one in state["stageStates"]]

    def execution(self, pipeline: str, stage: str) -> str:
        state = self.ask(DANA, "GetPipelineState", name=pipeline)
        found = next(one for one in state["stageStates"] if one["stageName"] == stage)
        return str(found["latestExecution"]["pipelineExecutionId"])

    async def decide(
        self,
        who: Context,
        pipeline: str,
        stage: str,
        approval: str,
        status: str = "Approved",
        token: str | None = None,
    ) -> None:
        """Decide, and carry out what follows."""
        self.ask(
            who,
            "PutApprovalResult",
            pipelineName=pipeline,
            stageName=stage,
            actionName=approval,
            token=token or self.action(pipeline, stage, approval)["token"],
            result={"summary": "said why", "status": status},
        )
        await self.run()

    async def to_prod(self, pipeline: str) -> None:
        await self.decide(MIA, pipeline, "DeployDev", "DeployStaging")
        await self.decide(GWEN, pipeline, "DeployStaging", "DeployProd")

    def put_test(self, name: str, **case: Any) -> None:
        self.put(f"{TESTS}/{name}.json", json.dumps(case).encode())


def staged(**changes: Any) -> dict[str, Any]:
    """Return a right request for all stages."""
    names = {stage: f"churn-{stage}" for stage in ACCOUNTS}
    return realtime(**{"endpoint_name": names, **changes})
