"""What a pipeline's row holds: what it delivers, and how far its newest execution is.

The row's `spec` is the source: the blueprint, its parameters, for which stack, on whose behalf.
`observed["execution"]` is the newest execution, with its two actions. A newer source makes a newer
execution, which supersedes the one that runs.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from modelyard import clock
from modelyard.operations.context import Context, Principal
from modelyard.orchestrator.stacks.state import Record, resources_json
from modelyard.store.resources import Json, Resource, Scope

KIND = "delivery"
WORKFLOW = "delivery"

IN_PROGRESS = "InProgress"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
DELETING = "Deleting"
DELETE_FAILED = "DeleteFailed"

#: Stage and action, of the first and of the second action of an execution, by pipeline type.
_DELIVERY = (("Source", "S3Source"), ("DeployCloudFormation", "deploy_stack"))
_STAGES = {"byom_image_builder": (("Source", "S3Source"), ("Build", "CodeBuild"))}

_LOGICAL_ID = "MLOpsPipeline"
_TYPE = "AWS::CodePipeline::Pipeline"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action of an execution; without a status it has not begun."""

    id: str
    status: str | None = None
    at: str = ""  # of the last change, ISO 8601
    summary: str = ""
    error: str = ""  # why it failed
    external_id: str = ""  # of what it made: a version, a stack

    def evolve(self, status: str, **changes: str) -> Self:
        """Return the action at another status, as of now."""
        return replace(self, status=status, at=clock.now().isoformat(), **changes)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run of a pipeline."""

    id: str
    status: str
    source: Action
    deploy: Action  # or, of an image builder, the build

    @classmethod
    def new(cls) -> Self:
        """Return an execution whose source action has just begun."""
        return cls(
            id=str(uuid.uuid4()),
            status=IN_PROGRESS,
            source=Action(id=str(uuid.uuid4())).evolve(IN_PROGRESS),
            deploy=Action(id=str(uuid.uuid4())),
        )

    @classmethod
    def of(cls, pipeline: Resource) -> Self:
        """Return the newest execution of a pipeline."""
        data = pipeline.observed["execution"]
        return cls(
            id=data["id"],
            status=data["status"],
            source=Action(**data["source"]),
            deploy=Action(**data["deploy"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as `observed["execution"]` keeps it."""
        return asdict(self)


def pipeline_arn(scope: Scope, name: str) -> str:
    """Return `arn:aws:codepipeline:<region>:<account>:<name>`."""
    return f"arn:aws:codepipeline:{scope.region}:{scope.account}:{name}"


def pipeline_stack_observed(name: str, arn: str) -> Json:
    """Return what a `-codepipeline` stack shows: its one resource, the pipeline."""
    record = Record(
        logical_id=_LOGICAL_ID,
        type=_TYPE,
        name=name,
        reference=name,
        status="CREATE_COMPLETE",
        at=clock.now().isoformat(),
    )
    return {"resources": resources_json([record]), "outputs": {"Pipelines": arn}}


def pipeline_in(observed: Json) -> str | None:
    """Return the name of the pipeline that a stack holds, or None where it holds none."""
    for data in observed.get("resources", {}).values():
        if data["type"] == _TYPE:
            return str(data["name"])
    return None


def stages_of(pipeline: Resource) -> Sequence[tuple[str, str]]:
    """Return the names of a pipeline's two stages, each with that of its action."""
    return _STAGES.get(pipeline.spec["pipeline_type"], _DELIVERY)


def caller_spec(context: Context) -> Json:
    """Return the part of a pipeline's `spec` that says on whose behalf it acts."""
    return {
        "principal": context.principal.to_json(),
        "request_id": context.request_id,
    }


def source_spec(
    context: Context,
    *,
    stack_name: str,
    pipeline_stack: str,
    pipeline_type: str,
    template_file: str,
    template: str,
    parameters: Mapping[str, str],
) -> Json:
    """Return a pipeline's `spec`."""
    return {
        "stack_name": stack_name,
        "pipeline_stack": pipeline_stack,  # ARN
        "pipeline_type": pipeline_type,
        "template_file": template_file,
        "template": template,
        "parameters": dict(parameters),
        **caller_spec(context),
    }


def context_of(pipeline: Resource) -> Context:
    """Return on whose behalf a pipeline delivers."""
    return Context(
        account=pipeline.scope.account,
        region=pipeline.scope.region,
        principal=Principal.from_json(pipeline.spec["principal"]),
        request_id=pipeline.spec["request_id"],
        source="in-process",
    )
