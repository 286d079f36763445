"""The plan of a pipeline: which stages it goes through, and what each of them gets.

It is part of a pipeline's source, so it is data. A pipeline for one account is a plan of one
stage; one for several has three, and a person's approval ahead of each but the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from modelyard.orchestrator.delivery.archive import PARAMETERS_FILE
from modelyard.store.resources import Json

STAGES = ("dev", "staging", "prod")

#: What the kinds of actions are; they say how an action is carried out.
SOURCE, DEPLOY, STACK_SET, TEST, APPROVAL = "source", "deploy", "stack-set", "test", "approval"
#: And those of an image builder: its source is an archive that somebody else wrote.
ARCHIVE, BUILD = "archive", "build"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Which approval ends a stage; it is for the next one, and named after it."""

    name: str
    text: str
    stage: str  # as the approval policy calls what is approved: Staging, Production


@dataclass(frozen=True, kw_only=True)
class Asset:
    """An object that a stage's account gets a copy of, in its own assets bucket."""

    key: str  # in the assets bucket of the pipeline's account
    version: str  # of its content, when the pipeline was provisioned
    copy: str  # the key of the copy


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """What one stage deploys, where, and as whom."""

    name: str
    key: str  # "dev", "staging", "prod"; "" where there is one account
    action: str  # which deploys
    account: str
    stack_name: str
    parameters: Mapping[str, str]
    parameters_file: str = PARAMETERS_FILE
    provider: str = "local"
    role: str = ""  # the ARN of whom it acts as; "" is whoever provisioned
    test: str = ""  # the action that tests what was deployed; "" is none
    approval: Approval | None = None
    assets: Sequence[Asset] = field(default_factory=tuple)
    builds: bool = False  # an image, and no stack: `stack_name` is the pipeline's own

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Return the plan that `to_json` kept."""
        approval = data["approval"]
        return cls(
            **{
                **data,
                "approval": None if approval is None else Approval(**approval),
                "assets": tuple(Asset(**asset) for asset in data["assets"]),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as a source keeps it."""
        return asdict(self)

    @property
    def deploy_kind(self) -> str:
        """The kind of the action that deploys, or builds."""
        if self.builds:
            return BUILD
        return STACK_SET if self.key else DEPLOY

    @property
    def title(self) -> str:
        """What the stage is called in a sentence: its key; where there is one account, its name."""
        return self.key or self.name


def single_stage(
    account: str, stack_name: str, parameters: Mapping[str, str], *, tested: bool = False
) -> StagePlan:
    """Return the one stage of a pipeline for one account."""
    return StagePlan(
        name="DeployCloudFormation",
        key="",
        action="deploy_stack",
        account=account,
        stack_name=stack_name,
        parameters=dict(parameters),
        test="test_stack" if tested else "",
    )


def build_stage(account: str, stack_name: str, parameters: Mapping[str, str]) -> StagePlan:
    """Return the one stage of an image builder."""
    return StagePlan(
        name="Build",
        key="",
        action="CodeBuild",
        account=account,
        stack_name=stack_name,
        parameters=dict(parameters),
        builds=True,
    )


def stage_named(key: str) -> tuple[str, str, str]:
    """Return the names of a stage, of its deploying action and of its testing one."""
    title = key.title()
    return f"Deploy{title}", f"Deploy{title}StackSet", f"Test{title}"


def approval_after(key: str) -> Approval | None:
    """Return the approval that ends a stage, or None where it is the last."""
    return _APPROVALS.get(key)


_APPROVALS: Mapping[str, Approval] = {
    "dev": Approval(
        name="DeployStaging", text="Please approve to deploy to staging account", stage="Staging"
    ),
    "staging": Approval(
        name="DeployProd", text="Please approve to deploy to production account", stage="Production"
    ),
}


def plan_of(source: Json, account: str) -> tuple[StagePlan, ...]:
    """Return the stages of a source, in their order.

    Args:
        account: the pipeline's; sources of an earlier release, for one account, do not say it.
    """
    if "stages" not in source:
        return (single_stage(account, source["stack_name"], source["parameters"]),)
    return tuple(StagePlan.from_json(stage) for stage in source["stages"])
