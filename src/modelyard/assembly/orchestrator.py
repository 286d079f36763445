"""Stacks, deliveries and the orchestrator's API."""

from __future__ import annotations

from functools import partial

from botocore.exceptions import ClientError

from modelyard.arns import role_arn
from modelyard.assembly.ground import Ground
from modelyard.compute.images import retrieve
from modelyard.containers.catalogue import Catalogue
from modelyard.containers.workshop import ImageWorkshop
from modelyard.governance.cards.drafting.operations import DraftOperations
from modelyard.identity.aws_accounts import AwsClients
from modelyard.identity.roles import DEFAULT_ROLE
from modelyard.monitoring.types import TYPES
from modelyard.operations.context import Context
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import pipeline
from modelyard.orchestrator.delivery.execution import Deliverer
from modelyard.orchestrator.delivery.status import PipelineStatus
from modelyard.orchestrator.image_builds import provisioning as image_builds_rows
from modelyard.orchestrator.image_builds.execution import ImageBuilds
from modelyard.orchestrator.inference import Invoke
from modelyard.orchestrator.model_cards import ModelCards
from modelyard.orchestrator.operations import StackOperations
from modelyard.orchestrator.provisioning import Provisioner
from modelyard.orchestrator.provisioning import Settings as ProvisioningSettings
from modelyard.orchestrator.service import OrchestratorService
from modelyard.orchestrator.stacks import engine as stacks
from modelyard.orchestrator.stacks import resources as stack_resources
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.origins import following
from modelyard.store.s3_uris import S3Uri


def add_orchestrator(
    ground: Ground,
    invoke: Invoke,
    drafter: DraftOperations,
    images: Catalogue,
    image_workshop: ImageWorkshop,
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
    deliverer = Deliverer(store, stack_engine, assets)
    # What a rule set off stays known as that, down to the last resource of a pipeline's stack.
    engine.register(stacks.WORKFLOW, following(store, stack_engine.run))
    engine.register(pipeline.WORKFLOW, following(store, deliverer.run))
    image_builds = ImageBuilds(
        store, image_workshop, assets, ground.logs, ground.home.run / "image-builds"
    )
    engine.register(image_builds_rows.WORKFLOW, following(store, image_builds.run))
    table.add(StackOperations(store, stack_engine))
    provisioner = Provisioner(
        store,
        engine,
        types,
        assets,
        ProvisioningSettings(
            execution_role_arn=lambda account: role_arn(account=account, name=DEFAULT_ROLE),
            retrieve_image=retrieve,
            model_of=partial(_model_of, calls),
            require_image=partial(images.image_of, purpose="serve"),
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
