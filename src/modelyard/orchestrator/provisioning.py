"""Provisioning: from a request to a pipeline that delivers what it asks for.

A request is looked at as a whole first, and as it would turn out in each stage; nothing is made
for one that has a problem. What is made then is made in one transaction: the pipeline with its own
stack, or with a pipeline that is there, its newer source. So of two first requests at one instant
exactly one creates, and the other one updates.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.operations.requests import scope_of
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.acting import Acting
from modelyard.orchestrator.delivery.plan import StagePlan
from modelyard.orchestrator.delivery.runs import Execution
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.image_builds.provisioning import ImageBuildProvisioner
from modelyard.orchestrator.names import physical_name, shortened
from modelyard.orchestrator.planning import (
    STACK_NAME_LIMIT,
    Planner,
    Settings,
    model_package_of,
    tests_of,
)
from modelyard.orchestrator.requests import ProvisionRequest
from modelyard.orchestrator.stacks.phases import PHASES, UPDATABLE
from modelyard.orchestrator.stacks.preview import Previewer, stack_arn
from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.orchestrator.tags import STACK_NAME, retag
from modelyard.store.errors import AlreadyExists, StaleRevision
from modelyard.store.resources import Resource, Scope, Store, Transaction
from modelyard.workflows.starter import WorkflowStarter

PIPELINE_SUFFIX = "-codepipeline"
_PIPELINE_NAME_LIMIT = 100
_PIPELINE_LOGICAL_ID = "MLOpsPipeline"


@dataclass(frozen=True, kw_only=True)
class _Provision:
    """A request on its way."""

    context: Context
    request: ProvisionRequest
    name: str  # of the stack
    pipeline_stack: str  # ARN of the pipeline's own stack, also of one that is still to be made
    plan: tuple[StagePlan, ...]
    changes: list[str]


class Provisioner:
    """Provisions pipelines."""

    def __init__(
        self,
        store: Store,
        workflows: WorkflowStarter,
        types: Mapping[str, ResourceType],
        planner: Planner,
        acting: Acting,
        settings: Settings,
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._planner = planner
        self._acting = acting
        self._prefix = settings.stack_prefix
        self._previewer = Previewer(types)
        self._image_builds = ImageBuildProvisioner(store, workflows, planner.assets)

    def provision(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a request and return its answer.

        Raises:
            BadRequest: with all its problems; nothing was made.
        """
        request = self._planner.read(context, body)
        try:
            return self._carry_out(context, request)
        except (AlreadyExists, StaleRevision):
            # Another request was there at the same instant: this one comes after it.
            return self._carry_out(context, request)

    def _carry_out(self, context: Context, request: ProvisionRequest) -> dict[str, Any]:
        if request.kind.own_types:  # its stack is the pipeline
            return self._image_builds.provision(context, request, self._stack_name(request))
        return self._commit(self._prepare(context, request))

    def _prepare(self, context: Context, request: ProvisionRequest) -> _Provision:
        """Plan a request's stages, and look ahead.

        Raises:
            BadRequest: something would go wrong.
        """
        name = self._stack_name(request)
        own, before = self._existing(context, f"{name}{PIPELINE_SUFFIX}")
        plan = self._planner.plan(context, request, name, own.rpartition("/")[2])
        _require_same_accounts(before or plan, plan)
        changes: list[str] = []
        problems: list[str] = []
        for stage in plan:
            self._look_ahead(context, request, stage, changes, problems)
        if problems:
            raise BadRequest([f"Bad request. {problems[0]}", *problems[1:]])
        return _Provision(
            context=context,
            request=request,
            name=name,
            pipeline_stack=own,
            plan=plan,
            changes=changes,
        )

    def _stack_name(self, request: ProvisionRequest) -> str:
        name = f"{self._prefix}-{request.named_after}-{request.kind.postfix}"
        name = re.sub(r"[^a-z0-9-]", "-", name.lower())  # a tag may have dots and underscores
        return shortened(name, STACK_NAME_LIMIT - len(PIPELINE_SUFFIX))

    def _existing(self, context: Context, name: str) -> tuple[str, tuple[StagePlan, ...]]:
        """Return the ARN of a pipeline's own stack, and its plan; of a new one a new ARN."""
        scope = scope_of(context)
        with self._store.read() as snapshot:
            stack = snapshot.find(scope, STACK, name)
            if stack is None:
                return stack_arn(scope, name, str(uuid.uuid4())), ()
            pipeline = snapshot.find(scope, rows.KIND, rows.pipeline_in(stack.observed) or "")
        return stack.arn, () if pipeline is None else rows.plan_in(pipeline)

    def _look_ahead(
        self,
        context: Context,
        request: ProvisionRequest,
        stage: StagePlan,
        changes: list[str],
        problems: list[str],
    ) -> None:
        """Add what would change in a stage, and what would go wrong."""
        if stage.provider != "local":
            return  # it may be out of reach just now, which is for the stage to tell of
        where = f"{stage.key}: " if stage.key else ""
        try:
            acting = self._acting.stage(context, stage.account, stage.role)
        except OperationError as error:
            problems.append(f"{where}{error.message}")
            return
        scope = Scope(account=stage.account, region=context.region)
        with self._store.read() as snapshot:
            stack = snapshot.find(scope, STACK, stage.stack_name)
        # What is left of a failed creation will be replaced as a whole.
        kept = stack if stack is None or stack.status in (*UPDATABLE, *PHASES) else None
        found = self._previewer.preview(
            acting, stage.stack_name, request.template, stage.parameters, kept
        )
        changes.extend(f"{where}{change}" for change in found.changes)
        problems.extend(
            where + problem.sentence(request.kind.named_by.get(problem.logical_id))
            for problem in found.problems
        )

    def _commit(self, asked: _Provision) -> dict[str, Any]:
        pipeline_stack = f"{asked.name}{PIPELINE_SUFFIX}"
        with self._store.write() as transaction:
            stack = transaction.find(scope_of(asked.context), STACK, pipeline_stack)
            if stack is None:
                self._create(transaction, asked)
                return {
                    "message": "success: stack creation started",
                    "pipeline_id": asked.pipeline_stack,
                }
            if stack.status != "CREATE_COMPLETE":
                raise BadRequest(
                    [
                        f"Bad request. Pipeline {pipeline_stack} is {stack.status}: wait until it "
                        "is gone, or delete it once more"
                    ]
                )
            if stack.arn != asked.pipeline_stack:
                raise StaleRevision(f"{pipeline_stack} was made meanwhile")
            self._renew(transaction, asked, stack)
        return {
            "message": (
                f"Pipeline {pipeline_stack} is already provisioned. Updating template parameters."
            ),
            "pipeline_id": stack.arn,
            "changes": asked.changes,
        }

    def _create(self, transaction: Transaction, asked: _Provision) -> None:
        scope = scope_of(asked.context)
        pipeline_stack = f"{asked.name}{PIPELINE_SUFFIX}"
        pipeline = physical_name(pipeline_stack, _PIPELINE_LOGICAL_ID, _PIPELINE_NAME_LIMIT)
        transaction.create(
            scope,
            STACK,
            pipeline_stack,
            arn=asked.pipeline_stack,
            spec={},
            status="CREATE_COMPLETE",
            observed=rows.pipeline_stack_observed(pipeline, rows.pipeline_arn(scope, pipeline)),
            tags={**asked.request.tags, STACK_NAME: pipeline_stack},
        )
        execution = Execution.new(asked.plan, trigger_detail=asked.context.principal.person)
        made = rows.create(transaction, scope, pipeline, _source(asked), execution)
        self._workflows.start(transaction, rows.WORKFLOW, made.arn)

    def _renew(self, transaction: Transaction, asked: _Provision, stack: Resource) -> None:
        pipeline = transaction.get(
            scope_of(asked.context), rows.KIND, rows.pipeline_in(stack.observed) or ""
        )
        spec = _source(asked)
        retag(transaction, stack, rows.tags_in(pipeline.spec), asked.request.tags)
        execution = Execution.new(
            asked.plan, trigger="PutActionRevision", trigger_detail=asked.context.principal.person
        )
        rows.begin(transaction, pipeline, execution, source=spec, spec=spec)
        self._workflows.start(transaction, rows.WORKFLOW, pipeline.arn)


def _source(asked: _Provision) -> dict[str, Any]:
    return dict(
        rows.source_spec(
            asked.context,
            stack_name=asked.name,
            pipeline_stack=asked.pipeline_stack,
            pipeline_type=asked.request.kind.name,
            template_file=asked.request.kind.blueprint,
            template=asked.request.kind.text,
            tags=asked.request.tags,
            plan=asked.plan,
            tests=tests_of(asked.request),
            model_package=model_package_of(asked.request),
        )
    )


def _require_same_accounts(before: tuple[StagePlan, ...], after: tuple[StagePlan, ...]) -> None:
    """Return if a pipeline still deploys to the same accounts: else stacks would be left behind.

    Raises:
        BadRequest: it does not.
    """
    was, will = ({stage.name: stage.account for stage in plan} for plan in (before, after))
    if was != will:
        raise BadRequest(
            [
                "Bad request. The pipeline was provisioned for "
                f"{_places(was)}, and the settings are for {_places(will)} by now: delete it, then "
                "provision it anew"
            ]
        )


def _places(accounts: Mapping[str, str]) -> str:
    return ", ".join(f"{stage} in the account {account}" for stage, account in accounts.items())
