"""Stacks, deliveries and the orchestrator's API."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from botocore.exceptions import ClientError

from modelyard.arns import role_arn
from modelyard.assembly.ground import Ground
from modelyard.compute.images import retrieve
from modelyard.compute.runtime import Runtime
from modelyard.containers.catalogue import Catalogue
from modelyard.containers.workshop import ImageWorkshop
from modelyard.governance.cards.drafting.operations import DraftOperations
from modelyard.identity.aws_accounts import AwsClients
from modelyard.identity.roles import DEFAULT_ROLE
from modelyard.monitoring.types import TYPES
from modelyard.operations.context import Context
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import pipeline, plan
from modelyard.orchestrator.delivery.acting import RoleActing
from modelyard.orchestrator.delivery.carrying import Carrier
from modelyard.orchestrator.delivery.deploying import StageDeployer
from modelyard.orchestrator.delivery.execution import Deliverer
from modelyard.orchestrator.delivery.integration_tests import Case, load
from modelyard.orchestrator.delivery.opened_endpoint import EndpointOpener
from modelyard.orchestrator.delivery.publishing import Publisher
from modelyard.orchestrator.delivery.removal import Remover
from modelyard.orchestrator.delivery.scripts import Script, ScriptRunner
from modelyard.orchestrator.delivery.status import PipelineStatus
from modelyard.orchestrator.delivery.testing import StageTester
from modelyard.orchestrator.image_builds.execution import ImageBuilds
from modelyard.orchestrator.inference import Invoke
from modelyard.orchestrator.model_cards import ModelCards
from modelyard.orchestrator.operations import StackOperations
from modelyard.orchestrator.pipeline_operations import PipelineOperations
from modelyard.orchestrator.planning import Planner, StageAccount
from modelyard.orchestrator.planning import Settings as ProvisioningSettings
from modelyard.orchestrator.provisioning import Provisioner
from modelyard.orchestrator.service import OrchestratorService
from modelyard.orchestrator.stacks import engine as stacks
from modelyard.orchestrator.stacks import resources as stack_resources
from modelyard.registry.approvals import Approvals
from modelyard.registry.people import STORED
from modelyard.settings import Settings
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.origins import following
from modelyard.store.s3_uris import S3Uri


def add_orchestrator(
    ground: Ground,
    invoke: Invoke,
    drafter: DraftOperations,
    images: Catalogue,
    image_workshop: ImageWorkshop,
    runtime: Runtime,
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
        stack_resources.AutopilotJob(calls),
        stack_resources.TransformJob(calls),
        stack_resources.ProcessingJob(calls),
        *(stack_resources.JobDefinition(calls, monitor) for monitor in TYPES.values()),
        stack_resources.MonitoringSchedule(calls),
        stack_resources.AnalysisConfig(store, partial(_write, ground)),
        stack_resources.InferenceApi(store, lambda: ground.url),
    ]
    types = {kind.type: kind for kind in kinds}
    stack_engine = stacks.StackEngine(store, engine, types)
    acting = RoleActing(table)
    parts = (store, stack_engine, calls, acting)

    def load_tests(context: Context, prefix: str) -> Sequence[Case | Script]:
        bucket = bucket_of(context.account)
        with table.guard(context, "s3:GetObject", f"arn:aws:s3:::{bucket}/{prefix}/*", {}):
            return load(ground.objects_of(context), bucket, prefix)

    deploy = StageDeployer(*parts, Carrier(table.guard, ground.objects_of, bucket_of)).carry_out
    image_builds = ImageBuilds(
        store, image_workshop, assets, ground.logs, ground.home.run / "image-builds"
    )
    scripts = ScriptRunner(runtime, ground.home.run / "integration-tests", EndpointOpener(invoke))
    carry = {
        plan.SOURCE: Publisher(assets).carry_out,
        plan.DEPLOY: deploy,
        plan.STACK_SET: deploy,
        plan.TEST: StageTester(*parts, invoke, load_tests, assets, scripts).carry_out,
        plan.ARCHIVE: image_builds.fetch,
        plan.BUILD: image_builds.build,
    }
    deliverer = Deliverer(store, Remover(store, stack_engine, acting), carry)
    # What a rule set off stays known as that, down to the last resource of a pipeline's stack.
    engine.register(stacks.WORKFLOW, following(store, stack_engine.run))
    engine.register(pipeline.WORKFLOW, following(store, deliverer.run))
    table.add(StackOperations(store, stack_engine))
    table.add(PipelineOperations(store, engine, _approvals()))
    told = ProvisioningSettings(
        execution_role_arn=lambda account: role_arn(account=account, name=DEFAULT_ROLE),
        retrieve_image=retrieve,
        model_of=partial(_model_of, calls),
        require_image=partial(images.image_of, purpose="serve"),
        use_model_registry=ground.settings.use_model_registry,
        image_repository=ground.settings.existing_image_repository,
        stages=stages_of(ground.settings),
    )
    provisioner = Provisioner(
        store, engine, types, Planner(types, assets, load_tests, acting, told), acting, told
    )
    status = PipelineStatus(*parts)
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


def _write(ground: Ground, context: Context, uri: S3Uri, content: bytes, key: str) -> None:
    """Write a file of a caller's, who may write there."""
    encryption = Encryption(mode="aws:kms", key=key) if key else None
    arn = f"arn:aws:s3:::{uri.bucket}/{uri.key}"
    with (
        ground.table.guard(context, "s3:PutObject", arn, {}),
        ground.objects_of(context).writing(uri, encryption) as sink,
    ):
        sink.write(content)


def _model_of(calls: stack_resources.TableCalls, context: Context, endpoint: str) -> str:
    """Return the model of an endpoint's first variant.

    Raises:
        ValueError: there is no such endpoint, or the caller may not look at it.
    """
    client = calls.client(context, "sagemaker")
    try:
        described = client.describe_endpoint(EndpointName=endpoint)
        config = client.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    except ClientError as error:
        message = error.response["Error"]["Message"]
        raise ValueError(f"{message} (provision its realtime pipeline first)") from error
    return str(config["ProductionVariants"][0]["ModelName"])


def stages_of(settings: Settings) -> dict[str, StageAccount]:
    """Return the account of each stage; none, where everything is deployed in one account."""
    return {
        stage: StageAccount(id=account.id, provider=account.provider)
        for stage, account in settings.stage_accounts().items()
    }


def _approvals() -> Approvals:
    """Return the rules of approval for deliveries, which show no evidence of their own."""
    return Approvals(STORED, exists=lambda _accounts, _url: False, card_problems=lambda _card: ())
