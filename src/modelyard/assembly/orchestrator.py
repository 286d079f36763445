"""Stacks, deliveries and the orchestrator's API."""

from __future__ import annotations

from modelyard.arns import role_arn
from modelyard.assembly.ground import Ground
from modelyard.compute.images import retrieve
from modelyard.governance.cards.drafting.operations import DraftOperations
from modelyard.identity.aws_accounts import AwsClients
from modelyard.identity.roles import DEFAULT_ROLE
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import pipeline
from modelyard.orchestrator.delivery.execution import Deliverer
from modelyard.orchestrator.delivery.status import PipelineStatus
from modelyard.orchestrator.inference import Invoke
from modelyard.orchestrator.model_cards import ModelCards
from modelyard.orchestrator.operations import StackOperations
from modelyard.orchestrator.provisioning import Provisioner
from modelyard.orchestrator.provisioning import Settings as ProvisioningSettings
from modelyard.orchestrator.service import OrchestratorService
from modelyard.orchestrator.stacks import engine as stacks
from modelyard.orchestrator.stacks import resources as stack_resources
from modelyard.store.origins import following


def add_orchestrator(
    ground: Ground, invoke: Invoke, drafter: DraftOperations
) -> OrchestratorService:
    store, table, engine = ground.store, ground.table, ground.engine
    bucket_of = ground.settings.assets_bucket_of

    def assets(account: str) -> Assets:
        return Assets(ground.objects.of(account), bucket_of(account))

    calls = stack_resources.TableCalls(
        table, ground.schema, AwsClients(store, table, ground.settings.account).client
    )
    kinds: list[stack_resources.ResourceType] = [
        stack_resources.Model(calls),
        stack_resources.EndpointConfig(calls),
        stack_resources.Endpoint(calls),
        stack_resources.TrainingJob(calls),
        stack_resources.TuningJob(calls),
        stack_resources.TransformJob(calls),
        stack_resources.InferenceApi(store, lambda: ground.url),
    ]
    types = {kind.type: kind for kind in kinds}
    stack_engine = stacks.StackEngine(store, engine, types)
    deliverer = Deliverer(store, stack_engine, assets)
    # What a rule set off stays known as that, down to the last resource of a pipeline's stack.
    engine.register(stacks.WORKFLOW, following(store, stack_engine.run))
    engine.register(pipeline.WORKFLOW, following(store, deliverer.run))
    table.add(StackOperations(store, stack_engine))
    provisioner = Provisioner(
        store,
        engine,
        types,
        assets,
        ProvisioningSettings(
            execution_role_arn=lambda account: role_arn(account=account, name=DEFAULT_ROLE),
            retrieve_image=retrieve,
        ),
    )
    status = PipelineStatus(stack_engine, calls)
    return OrchestratorService(
        store,
        table,
        engine,
        stack_engine,
        provisioner,
        status,
        invoke,
        bucket_of,
        ModelCards(table, ground.objects_of, drafter, bucket_of),
    )
