"""The orchestrator's API: provision, look, predict, delete. Each call is authorised first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from modelyard.arns import Arn
from modelyard.operations.client import client_error
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.operations.table import OperationTable
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.archive import archive_key
from modelyard.orchestrator.delivery.status import PipelineStatus
from modelyard.orchestrator.errors import MISSING, BadRequest, StackNotFound
from modelyard.orchestrator.inference import InferenceRequest, Invoke, Prediction, predict
from modelyard.orchestrator.model_cards import ModelCards
from modelyard.orchestrator.operations import StackFound, stack_named
from modelyard.orchestrator.provisioning import PIPELINE_SUFFIX, Provisioner
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.resources import (
    AutopilotJob,
    TrainingJob,
    TransformJob,
    TuningJob,
)
from modelyard.orchestrator.stacks.resources.inference_api import find_api
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.orchestrator.stacks.state import Stack
from modelyard.store.resources import Resource, Scope, Snapshot, Store
from modelyard.workflows.starter import WorkflowStarter

NOT_PROVISIONED = "pipeline cloudformation stack has not provisioned the pipeline yet."


class OrchestratorService:
    """What the API's doors call. Every method but `inference` blocks: call it in a thread.

    Args:
        assets_bucket: the name of an account's.
        cards: answers what is asked of model cards.
    """

    def __init__(
        self,
        store: Store,
        table: OperationTable,
        workflows: WorkflowStarter,
        engine: StackEngine,
        provisioner: Provisioner,
        status: PipelineStatus,
        invoke: Invoke,
        assets_bucket: Callable[[str], str],
        cards: ModelCards | None = None,
    ) -> None:
        self._store = store
        self._table = table
        self._workflows = workflows
        self._engine = engine
        self._provisioner = provisioner
        self._status = status
        self._invoke = invoke
        self._assets_bucket = assets_bucket
        self._cards = cards

    def post(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any] | str:
        """Carry out what `POST /provisionpipeline` asks: a pipeline, or something of a model card.

        What is said of a card is JSON text already, laid out as its clients know it.

        Raises:
            AccessDenied: the caller may not.
            BadRequest: with all problems; nothing was made.
            ClientError: as the platform's own operation on cards answers.
        """
        said = None if self._cards is None else self._cards.answer(context, body)
        return self.provision(context, body) if said is None else said

    def provision(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any]:
        """Provision a pipeline, or bring one that is there to other values.

        Raises:
            AccessDenied: the caller may not.
            BadRequest: with all problems; nothing was made.
        """
        with self._table.guard(context, "modelyard:ProvisionPipeline", _pipelines(context), body):
            return self._provisioner.provision(context, body)

    def pipeline_status(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any] | str:
        """Return a pipeline's state, or a sentence where its stack holds none.

        Raises:
            AccessDenied: the caller may not.
            BadRequest: no pipeline is named.
            ClientError: there is no such stack.
        """
        with self._table.guard(
            context,
            "modelyard:GetPipelineStatus",
            _pipelines(context, body.get("pipeline_id")),
            body,
        ):
            return self._pipeline_status(context, body)

    def _pipeline_status(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any] | str:
        named = body.get("pipeline_id", body.get("Pipeline_id"))
        if not isinstance(named, str) or not named:
            raise BadRequest([f"{MISSING}pipeline_id"])
        with self._store.read() as snapshot:
            found = _stack(snapshot, context, named, "ListStackResources")
            name = rows.pipeline_in(found.observed)
            if name is None:
                return NOT_PROVISIONED
            pipeline = snapshot.find(scope_of(context), rows.KIND, name)
            if pipeline is None:
                raise _pipeline_not_found(context, name)
        return self._status.describe(context, pipeline)

    def delete(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to delete a pipeline: what it deployed first, then itself.

        Raises:
            AccessDenied: the caller may not.
            BadRequest: no pipeline is named, or more than one.
            ClientError: there is no such pipeline.
        """
        with self._table.guard(
            context, "modelyard:DeletePipeline", _pipelines(context, body.get("pipeline_id")), body
        ):
            return self._delete(context, body)

    def _delete(self, context: Context, body: Mapping[str, Any]) -> dict[str, Any]:
        named = _named(body)
        with self._store.write() as transaction:
            found = _pipeline_stack(transaction, context, named)
            pipeline = transaction.find(
                scope_of(context), rows.KIND, rows.pipeline_in(found.observed) or ""
            )
            if pipeline is None:
                raise _does_not_exist(named)
            stacks = _stacks(transaction, pipeline)
            if found.status != "DELETE_IN_PROGRESS":
                transaction.update(found, status="DELETE_IN_PROGRESS", observed={"reason": ""})
                rows.begin_deletion(transaction, pipeline, context)
                self._workflows.start(transaction, rows.WORKFLOW, pipeline.arn)
        return {
            "message": f"Pipeline {found.name} is being deleted.",
            "pipeline_id": found.arn,
            "retained": [*self._retained(pipeline, stacks), *_built(found)],
        }

    async def inference(self, context: Context, api_id: str, body: Mapping[str, Any]) -> Prediction:
        """Send a payload to the endpoint behind a pipeline's own URL.

        Raises:
            AccessDenied: the caller may not.
            BadRequest: there is no such API, or the body is none.
            ClientError: the endpoint answers with an error.
        """
        named = str(
            Arn(
                service="execute-api",
                region=context.region,
                account=context.account,
                resource=f"{api_id}/inference",
            )
        )
        with self._table.guard(context, "modelyard:InvokeInference", named, {"ApiId": api_id}):
            api = await asyncio.to_thread(self._api, context, api_id)
            request = InferenceRequest.of(body)
            return await predict(
                self._invoke, context, api.spec["EndpointName"], api.scope.region, request
            )

    def _api(self, context: Context, api_id: str) -> Resource:
        with self._store.read() as snapshot:
            api = find_api(snapshot, account=context.account, api_id=api_id)
        if api is None:
            raise BadRequest(
                [f"Unacceptable event path. There is no pipeline with the inference API {api_id}"]
            )
        return api

    def _retained(self, pipeline: Resource, stacks: Sequence[Resource]) -> list[str]:
        """Return what stays when a pipeline goes."""
        bucket = self._assets_bucket(pipeline.scope.account)
        deployed = pipeline.spec["stack_name"]  # an image builder deploys none
        kept = [f"s3://{bucket}/{archive_key(deployed)}"] if deployed else []
        for stack in stacks:
            kept.extend(
                value for value in self._engine.outputs(stack).values() if value.startswith("s3://")
            )
            kept.extend(
                record.reference
                for record in Stack.of(stack).records.values()
                if record.type
                in (AutopilotJob.type, TrainingJob.type, TransformJob.type, TuningJob.type)
            )
        for plan in rows.plan_in(pipeline):
            own = self._assets_bucket(plan.account)
            kept.extend(f"s3://{own}/{asset.copy}" for asset in plan.assets)
        return kept


def _stacks(snapshot: Snapshot, pipeline: Resource) -> list[Resource]:
    """Return the stacks that a pipeline has deployed, the first stage's first."""
    found = (
        snapshot.find(
            Scope(account=plan.account, region=pipeline.scope.region), STACK, plan.stack_name
        )
        for plan in rows.plan_in(pipeline)
    )
    return [stack for stack in found if stack is not None]


def _built(stack: Resource) -> list[str]:
    """Return the image that an image builder's stack tells of; it stays, too."""
    uri = stack.observed.get("outputs", {}).get("CustomAlgorithmImageURI")
    return [] if uri is None else [str(uri)]


def _pipelines(context: Context, named: object = None) -> str:
    """Return the ARN of the pipeline that a body names, of all of them where it names none."""
    if isinstance(named, str) and named.startswith("arn:"):
        return named
    arn = Arn(
        service="cloudformation",
        region=context.region,
        account=context.account,
        resource=f"stack/{named if isinstance(named, str) and named else '*'}",
    )
    return str(arn)


def _named(body: Mapping[str, Any]) -> str:
    given = [body[key] for key in ("pipeline_id", "pipeline_name") if body.get(key)]
    if not given:
        raise BadRequest([f"{MISSING}pipeline_id", "give pipeline_id or pipeline_name"])
    if len(given) > 1 or not isinstance(given[0], str):
        raise BadRequest(["Bad request. Give either pipeline_id or pipeline_name, as text"])
    return given[0]


def _pipeline_stack(snapshot: Snapshot, context: Context, named: str) -> Resource:
    """Return a pipeline's own stack by its id or name, or by those of the stack it deployed."""
    name = named.split("/")[1] if named.startswith("arn:") and named.count("/") == 2 else named
    own = f"{name.removesuffix(PIPELINE_SUFFIX)}{PIPELINE_SUFFIX}"
    stack = snapshot.find(scope_of(context), STACK, own)
    if stack is None:  # an image builder's stack is the pipeline
        stack = snapshot.find(scope_of(context), STACK, name)
        if stack is None or rows.pipeline_in(stack.observed) is None:
            raise _does_not_exist(named)
    if named.startswith("arn:") and named != stack.arn:
        deployed = snapshot.find(scope_of(context), STACK, name)
        if deployed is None or deployed.arn != named:
            raise _does_not_exist(named)
    return stack


def _stack(snapshot: Snapshot, context: Context, named: str, operation: str) -> StackFound:
    try:
        return stack_named(snapshot, context, named)
    except StackNotFound as error:
        raise client_error(error, operation) from error


def _does_not_exist(named: str) -> ClientError:
    return client_error(StackNotFound(f"Stack with id {named} does not exist"), "DeleteStack")


def _pipeline_not_found(context: Context, name: str) -> ClientError:
    message = f"Account '{context.account}' does not have a pipeline with name '{name}'"
    return ClientError(
        {"Error": {"Code": "PipelineNotFoundException", "Message": message}}, "GetPipelineState"
    )
