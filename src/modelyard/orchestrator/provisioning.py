"""Provisioning: from a request to a pipeline that delivers what it asks for.

A request is looked at as a whole first, and as it would turn out; nothing is made for one that has
a problem. What is made then is made in one transaction: the pipeline with its own stack, or with a
pipeline that is there, its newer source. So of two first requests at one instant exactly one
creates, and the other one updates.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.blueprints import ImageRetriever, Place
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.pipeline import Execution
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.image_builds.provisioning import ImageBuildProvisioner
from modelyard.orchestrator.names import physical_name, shortened
from modelyard.orchestrator.requests import ProvisionRequest, read_request
from modelyard.orchestrator.stacks.phases import PHASES, UPDATABLE
from modelyard.orchestrator.stacks.preview import Previewer, stack_arn
from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.store.errors import AlreadyExists, StaleRevision
from modelyard.store.resources import Resource, Store, Transaction
from modelyard.workflows.starter import WorkflowStarter

PIPELINE_SUFFIX = "-codepipeline"
_STACK_NAME_LIMIT = 128
_PIPELINE_NAME_LIMIT = 100
_PIPELINE_LOGICAL_ID = "MLOpsPipeline"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What provisioning is told when the server starts."""

    execution_role_arn: Callable[[str], str]  # of an account
    retrieve_image: ImageRetriever
    #: The model behind an endpoint, as a caller sees it. Raises ValueError, with a sentence.
    model_of: Callable[[Context, str], str]
    #: Raises ValueError, with a sentence, where no image has a URI.
    require_image: Callable[[str], object]
    stack_prefix: str = "mlops-pipeline"


class Provisioner:
    """Provisions pipelines.

    Args:
        assets: gives an account's assets bucket.
    """

    def __init__(
        self,
        store: Store,
        workflows: WorkflowStarter,
        types: Mapping[str, ResourceType],
        assets: Callable[[str], Assets],
        settings: Settings,
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._types = types
        self._assets = assets
        self._settings = settings
        self._image_builds = ImageBuildProvisioner(store, workflows, assets)
        self._previewer = Previewer(types)

    def provision(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a request and return its answer.

        Raises:
            BadRequest: with all its problems; nothing was made.
        """
        request = read_request(body, self._place(context), self._types)
        name = self._stack_name(request)
        if request.kind.own_types:  # its stack is the pipeline
            return self._provision_image_build(context, request, name)
        changes = self._look_ahead(context, request, name)
        try:
            return self._commit(context, request, name, changes)
        except (AlreadyExists, StaleRevision):
            # Another request was there at the same instant: this one comes after it.
            return self._commit(context, request, name, changes)

    def _provision_image_build(
        self, context: Context, request: ProvisionRequest, name: str
    ) -> dict[str, Any]:
        try:
            return self._image_builds.provision(context, request, name)
        except (AlreadyExists, StaleRevision):
            return self._image_builds.provision(context, request, name)

    def _place(self, context: Context) -> Place:
        return Place(
            region=context.region,
            assets=self._assets(context.account),
            execution_role_arn=self._settings.execution_role_arn(context.account),
            retrieve_image=self._settings.retrieve_image,
            model_of=partial(self._settings.model_of, context),
            require_image=self._settings.require_image,
        )

    def _stack_name(self, request: ProvisionRequest) -> str:
        name = f"{self._settings.stack_prefix}-{request.named_after}-{request.kind.postfix}"
        name = re.sub(r"[^a-z0-9-]", "-", name.lower())  # a tag may have dots and underscores
        return shortened(name, _STACK_NAME_LIMIT - len(PIPELINE_SUFFIX))

    def _look_ahead(self, context: Context, request: ProvisionRequest, name: str) -> list[str]:
        """Return what will change.

        Raises:
            BadRequest: something would go wrong.
        """
        with self._store.read() as snapshot:
            stack = snapshot.find(scope_of(context), STACK, name)
        # What is left of a failed creation will be replaced as a whole.
        kept = stack if stack is None or stack.status in (*UPDATABLE, *PHASES) else None
        found = self._previewer.preview(context, name, request.template, request.parameters, kept)
        if found.problems:
            sentences = [
                problem.sentence(request.kind.named_by.get(problem.logical_id))
                for problem in found.problems
            ]
            raise BadRequest([f"Bad request. {sentences[0]}", *sentences[1:]])
        return found.changes

    def _commit(
        self, context: Context, request: ProvisionRequest, name: str, changes: list[str]
    ) -> dict[str, Any]:
        pipeline_stack = f"{name}{PIPELINE_SUFFIX}"
        with self._store.write() as transaction:
            stack = transaction.find(scope_of(context), STACK, pipeline_stack)
            if stack is None:
                arn = self._create(transaction, context, request, name)
                return {"message": "success: stack creation started", "pipeline_id": arn}
            if stack.status != "CREATE_COMPLETE":
                raise BadRequest(
                    [
                        f"Bad request. Pipeline {pipeline_stack} is {stack.status}: wait until it "
                        "is gone, or delete it once more"
                    ]
                )
            self._renew(transaction, context, request, stack)
        return {
            "message": (
                f"Pipeline {pipeline_stack} is already provisioned. Updating template parameters."
            ),
            "pipeline_id": stack.arn,
            "changes": changes,
        }

    def _create(
        self, transaction: Transaction, context: Context, request: ProvisionRequest, name: str
    ) -> str:
        scope = scope_of(context)
        pipeline_stack = f"{name}{PIPELINE_SUFFIX}"
        arn = stack_arn(scope, pipeline_stack, str(uuid.uuid4()))
        pipeline = physical_name(pipeline_stack, _PIPELINE_LOGICAL_ID, _PIPELINE_NAME_LIMIT)
        pipeline_arn = rows.pipeline_arn(scope, pipeline)
        transaction.create(
            scope,
            STACK,
            pipeline_stack,
            arn=arn,
            spec={},
            status="CREATE_COMPLETE",
            observed=rows.pipeline_stack_observed(pipeline, pipeline_arn),
            tags={"stack_name": pipeline_stack},
        )
        transaction.create(
            scope,
            rows.KIND,
            pipeline,
            arn=pipeline_arn,
            spec=self._source(context, request, name, arn),
            status=rows.IN_PROGRESS,
            observed={"execution": Execution.new().to_json()},
        )
        self._workflows.start(transaction, rows.WORKFLOW, pipeline_arn)
        return arn

    def _renew(
        self,
        transaction: Transaction,
        context: Context,
        request: ProvisionRequest,
        stack: Resource,
    ) -> None:
        pipeline = transaction.get(
            scope_of(context), rows.KIND, rows.pipeline_in(stack.observed) or ""
        )
        transaction.update(
            pipeline,
            status=rows.IN_PROGRESS,
            spec=self._source(context, request, pipeline.spec["stack_name"], stack.arn),
            observed={"execution": Execution.new().to_json()},
        )
        self._workflows.start(transaction, rows.WORKFLOW, pipeline.arn)

    def _source(
        self, context: Context, request: ProvisionRequest, name: str, pipeline_stack: str
    ) -> Mapping[str, Any]:
        return rows.source_spec(
            context,
            stack_name=name,
            pipeline_stack=pipeline_stack,
            pipeline_type=request.kind.name,
            template_file=request.kind.blueprint,
            template=request.kind.text,
            parameters=request.parameters,
        )
