"""Provisioning an image builder: one stack, which holds the pipeline and nothing else.

A request that asks for what is there already, of an archive that has not changed, changes nothing;
unless the newest execution has failed, which is then tried again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from modelyard.containers.references import image_uri
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.plan import build_stage, plan_of
from modelyard.orchestrator.delivery.runs import IN_PROGRESS, SUCCEEDED, Execution
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.names import physical_name
from modelyard.orchestrator.requests import ProvisionRequest
from modelyard.orchestrator.stacks.preview import stack_arn
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.orchestrator.tags import STACK_NAME, retag
from modelyard.store.resources import Json, Resource, Store, Transaction
from modelyard.workflows.starter import WorkflowStarter

_PIPELINE_NAME_LIMIT = 100
_LOGICAL_ID = "MLOpsPipeline"


class ImageBuildProvisioner:
    """Provisions image builders.

    Args:
        assets: gives an account's assets bucket.
    """

    def __init__(
        self, store: Store, workflows: WorkflowStarter, assets: Callable[[str], Assets]
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._assets = assets

    def provision(self, context: Context, request: ProvisionRequest, name: str) -> dict[str, Any]:
        """Carry out a request and return its answer.

        Args:
            name: of its stack.

        Raises:
            AlreadyExists, StaleRevision: another request was there at the same instant.
            BadRequest: its stack is being deleted.
        """
        parameters = request.parameters
        version = self._assets(context.account).version_of(parameters["CustomContainer"])
        with self._store.write() as transaction:
            stack = transaction.find(scope_of(context), STACK, name)
            if stack is None:
                arn = self._create(transaction, context, request, name, version)
                return {"message": "success: stack creation started", "pipeline_id": arn}
            if stack.status != "CREATE_COMPLETE":
                raise BadRequest(
                    [f"Bad request. Pipeline {name} is {stack.status}: wait until it is gone"]
                )
            pipeline = transaction.get(
                scope_of(context), rows.KIND, rows.pipeline_in(stack.observed) or ""
            )
            if _is_done(pipeline, parameters, version):
                told = "is already provisioned. No updates are to be performed."
            else:
                told = "is being updated."
                self._renew(transaction, context, request, stack, pipeline, version)
        return {"message": f"Pipeline {name} {told}", "pipeline_id": stack.arn}

    def _create(
        self,
        transaction: Transaction,
        context: Context,
        request: ProvisionRequest,
        name: str,
        version: str,
    ) -> str:
        scope = scope_of(context)
        arn = stack_arn(scope, name, str(uuid.uuid4()))
        pipeline = physical_name(name, _LOGICAL_ID, _PIPELINE_NAME_LIMIT)
        pipeline_arn = rows.pipeline_arn(scope, pipeline)
        observed = rows.pipeline_stack_observed(pipeline, pipeline_arn)
        transaction.create(
            scope,
            STACK,
            name,
            arn=arn,
            spec={},
            status="CREATE_COMPLETE",
            observed=_with_image(observed, context, request.parameters),
            tags={**request.tags, STACK_NAME: name},
        )
        spec = _spec(context, request, name, arn, version)
        execution = Execution.new(
            plan_of(spec, scope.account), trigger_detail=context.principal.person
        )
        made = rows.create(transaction, scope, pipeline, spec, execution)
        self._workflows.start(transaction, rows.WORKFLOW, made.arn)
        return arn

    def _renew(
        self,
        transaction: Transaction,
        context: Context,
        request: ProvisionRequest,
        stack: Resource,
        pipeline: Resource,
        version: str,
    ) -> None:
        transaction.update(stack, observed=_with_image(stack.observed, context, request.parameters))
        spec = _spec(context, request, stack.name, stack.arn, version)
        retag(transaction, stack, rows.tags_in(pipeline.spec), request.tags)
        execution = Execution.new(
            plan_of(spec, context.account),
            trigger="PutActionRevision",
            trigger_detail=context.principal.person,
        )
        rows.begin(transaction, pipeline, execution, source=spec, spec=spec)
        self._workflows.start(transaction, rows.WORKFLOW, pipeline.arn)


def _is_done(pipeline: Resource, parameters: Mapping[str, str], version: str) -> bool:
    """Return whether the newest execution is, or will be, of just this."""
    spec = pipeline.spec
    same = spec["parameters"] == dict(parameters) and spec["version"] == version
    return same and pipeline.status in (IN_PROGRESS, SUCCEEDED)


def _with_image(observed: Json, context: Context, parameters: Mapping[str, str]) -> Json:
    uri = image_uri(scope_of(context), parameters["ECRRepoName"], tag=parameters["ImageTag"])
    return {**observed, "outputs": {**observed["outputs"], "CustomAlgorithmImageURI": uri}}


def _spec(context: Context, request: ProvisionRequest, name: str, stack: str, version: str) -> Json:
    return {
        "stack_name": "",  # it deploys none
        "pipeline_stack": stack,
        "pipeline_type": request.kind.name,
        "parameters": dict(request.parameters),
        "tags": dict(request.tags),
        "stages": [build_stage(context.account, name, request.parameters).to_json()],
        "version": version,  # of the archive, as the store counts them
        **rows.caller_spec(context),
    }
