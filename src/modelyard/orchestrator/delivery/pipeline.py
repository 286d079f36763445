"""What a pipeline's row holds: what it delivers, and how far it is.

The row's `spec` is the newest source: the blueprint, the plan of stages with their parameters, on
whose behalf. `observed["execution"]` is the newest execution; a newer one supersedes it.
`observed["stages"]` has each stage as the newest execution that got there left it: while one waits
for its approval in dev, prod still is what an earlier one made of it.

Each execution has a row of its own too, with the source that it delivers, so that it can be listed
and rolled back to. It changes with the pipeline's row, in one transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard import clock
from modelyard.operations.context import Context, Principal
from modelyard.orchestrator.delivery.plan import StagePlan, plan_of
from modelyard.orchestrator.delivery.runs import (
    IN_PROGRESS,
    STOPPED,
    SUPERSEDED,
    Execution,
    Stage,
)
from modelyard.orchestrator.stacks.state import Record, resources_json
from modelyard.orchestrator.tags import retag
from modelyard.store.listing import Listing
from modelyard.store.resources import Json, Resource, Scope, Snapshot, Transaction

KIND = "delivery"
EXECUTION = "delivery-execution"
WORKFLOW = "delivery"

#: Statuses of the row that are none of an execution: it waits for a person; it is to go.
WAITING = "Waiting"
DELETING = "Deleting"
DELETE_FAILED = "DeleteFailed"

#: Stage and action, of the first and of the second action of an execution, by pipeline type.
_DELIVERY = (("Source", "S3Source"), ("DeployCloudFormation", "deploy_stack"))
_STAGES = {"byom_image_builder": (("Source", "S3Source"), ("Build", "CodeBuild"))}

_LOGICAL_ID = "MLOpsPipeline"
_TYPE = "AWS::CodePipeline::Pipeline"


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
    tags: Mapping[str, str],
    plan: Sequence[StagePlan],
    tests: Json | None,
    model_package: str | None,
) -> Json:
    """Return a pipeline's `spec`."""
    return {
        "stack_name": stack_name,
        "pipeline_stack": pipeline_stack,  # ARN
        "pipeline_type": pipeline_type,
        "template_file": template_file,
        "template": template,
        "tags": dict(tags),  # which the request gives
        "stages": [stage.to_json() for stage in plan],
        "tests": tests,  # as `integration_tests.TestPlan` keeps it
        "model_package": model_package,  # ARN of the version of the registry that is deployed
        **caller_spec(context),
    }


def context_of(pipeline: Resource, source: Json | None = None) -> Context:
    """Return on whose behalf a pipeline delivers a source, its newest unless told otherwise."""
    spec = pipeline.spec if source is None else source
    return Context(
        account=pipeline.scope.account,
        region=pipeline.scope.region,
        principal=Principal.from_json(spec["principal"]),
        request_id=spec["request_id"],
        source="in-process",
    )


def plan_in(pipeline: Resource) -> tuple[StagePlan, ...]:
    """Return the stages of a pipeline's newest source."""
    return plan_of(pipeline.spec, pipeline.scope.account)


def execution_in(pipeline: Resource) -> Execution:
    """Return a pipeline's newest execution."""
    return Execution.from_json(pipeline.observed["execution"])


def stages_in(pipeline: Resource) -> dict[str, tuple[str, Stage]]:
    """Return by its name each stage that was reached: the execution that did last, and how far."""
    kept = pipeline.observed.get("stages")
    if kept is None:  # of a release that kept the execution only
        return _reached(execution_in(pipeline))
    return {
        name: (data["execution"], Stage.from_json(data["stage"])) for name, data in kept.items()
    }


def tags_in(source: Json) -> Mapping[str, str]:
    """Return the tags that a source gives to all that follows from it."""
    found: Mapping[str, str] = source.get("tags", {})
    return found


def create(
    transaction: Transaction, scope: Scope, name: str, spec: Json, execution: Execution
) -> Resource:
    """Create a pipeline with its first execution."""
    pipeline = transaction.create(
        scope,
        KIND,
        name,
        arn=pipeline_arn(scope, name),
        spec=spec,
        status=_status(execution),
        observed=_observed({}, execution),
        tags=tags_in(spec),
    )
    _keep(transaction, pipeline, spec, execution)
    return pipeline


def begin(
    transaction: Transaction,
    pipeline: Resource,
    execution: Execution,
    *,
    source: Json,
    spec: Json | None = None,
) -> Resource:
    """Begin an execution of a pipeline that is there; it supersedes the one that is open.

    Args:
        source: what it delivers.
        spec: the pipeline's own from now on, where that changes.
    """
    before = execution_in(pipeline)
    stages = stages_in(pipeline)
    if spec is not None:
        retag(transaction, pipeline, tags_in(pipeline.spec), tags_in(spec))
    if before.is_open:
        before = before.ended(SUPERSEDED, f"superseded by the execution {execution.id}")
        stages.update(_reached(before))
        _keep(transaction, pipeline, pipeline.spec, before)
    _keep(transaction, pipeline, source, execution)
    return _changed(
        transaction, pipeline, _status(execution), _observed(stages, execution), spec=spec
    )


def save(transaction: Transaction, pipeline: Resource, execution: Execution) -> Resource:
    """Write down how far a pipeline's newest execution is, and tell of it."""
    observed = _observed(stages_in(pipeline), execution)
    _keep(transaction, pipeline, pipeline.spec, execution)
    return _changed(transaction, pipeline, _status(execution), observed)


def begin_deletion(transaction: Transaction, pipeline: Resource, context: Context) -> Resource:
    """Begin to take a pipeline down, on the caller's behalf; what is open ends."""
    execution = execution_in(pipeline)
    if execution.is_open:
        ended = execution.ended(STOPPED, "the pipeline is being deleted")
        pipeline = save(transaction, pipeline, ended)
    return transaction.update(
        pipeline,
        status=DELETING,
        spec={**pipeline.spec, **caller_spec(context)},
        observed={"deletion": str(uuid.uuid4())},
    )


def forget(transaction: Transaction, pipeline: Resource) -> None:
    """Delete a pipeline and its executions; their history stays."""
    for row in executions_of(transaction, pipeline):
        transaction.delete(row)
    transaction.delete(pipeline)


def source_of(snapshot: Snapshot, pipeline: Resource, execution: str) -> Json:
    """Return what an execution of a pipeline delivers."""
    row = find_execution(snapshot, pipeline, execution)
    return pipeline.spec if row is None else row.spec


def find_execution(snapshot: Snapshot, pipeline: Resource, execution: str) -> Resource | None:
    """Return the row of an execution, or None where the pipeline had none of that id."""
    return snapshot.find(pipeline.scope, EXECUTION, f"{pipeline.name}/{execution}")


def executions_of(snapshot: Snapshot, pipeline: Resource) -> list[Resource]:
    """Return the rows of all executions of a pipeline, the newest first."""
    found: list[Resource] = []
    token: str | None = None
    while True:
        listing = Listing(limit=500, token=token, name_prefix=f"{pipeline.name}/", descending=True)
        page = snapshot.list(pipeline.scope, EXECUTION, listing)
        found.extend(page.items)
        token = page.token
        if token is None:
            return found


def _status(execution: Execution) -> str:
    if execution.is_open:
        return WAITING if execution.waits else IN_PROGRESS
    return execution.status


def _observed(stages: dict[str, tuple[str, Stage]], execution: Execution) -> dict[str, Any]:
    reached = {**stages, **_reached(execution)}
    return {
        "execution": execution.to_json(),
        "stages": {
            name: {"execution": id_, "stage": stage.to_json()}
            for name, (id_, stage) in reached.items()
        },
    }


def _reached(execution: Execution) -> dict[str, tuple[str, Stage]]:
    return {
        stage.name: (execution.id, stage) for stage in execution.stages if stage.status is not None
    }


def _changed(
    transaction: Transaction,
    pipeline: Resource,
    status: str,
    observed: Json,
    *,
    spec: Json | None = None,
) -> Resource:
    changed = transaction.update(pipeline, status=status, spec=spec, observed=observed)
    if changed.status == pipeline.status:
        transaction.announce(changed)  # an action has ended, or begun
    return changed


def _keep(transaction: Transaction, pipeline: Resource, source: Json, execution: Execution) -> None:
    """Bring the row of an execution up to date; `source` is for one that has none yet."""
    row = find_execution(transaction, pipeline, execution.id)
    observed = {"execution": execution.to_json()}
    if row is not None:
        transaction.update(row, status=execution.status, observed=observed)
        return
    transaction.create(
        pipeline.scope,
        EXECUTION,
        f"{pipeline.name}/{execution.id}",
        arn=f"{pipeline.arn}/{execution.id}",
        spec=source,
        status=execution.status,
        observed=observed,
    )
