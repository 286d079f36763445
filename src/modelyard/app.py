"""The object graph: the one place where the rooms meet, built from settings."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from starlette.types import ASGIApp

from modelyard.api.app import Rooms, build_app
from modelyard.api.event_metrics import DeliveryCollector
from modelyard.api.gateway_metrics import GatewayCollector
from modelyard.api.metrics import Metrics
from modelyard.api.orchestrator import orchestrator_app
from modelyard.api.s3 import actions as s3_actions
from modelyard.api.s3.door import S3Door
from modelyard.arns import role_arn
from modelyard.audit.log import AuditLog
from modelyard.compute.capacity import Capacity
from modelyard.compute.images import image_of, processing_image_of, retrieve
from modelyard.compute.instance_types import instance_type
from modelyard.compute.memory import MemoryFolder
from modelyard.compute.moved_base import MovedBase
from modelyard.compute.runtime import Runtime
from modelyard.events.buses import BUS_KIND
from modelyard.events.room import EventBus
from modelyard.gateway.routes import Keys
from modelyard.gateway.supervisor import GatewayPool
from modelyard.governance.cards import content as card_content
from modelyard.governance.cards import export_operations
from modelyard.governance.cards import search as card_search
from modelyard.governance.cards.drafting.operations import DraftOperations
from modelyard.governance.cards.export_operations import ModelCardExportOperations
from modelyard.governance.cards.export_workflow import ExportWorkflow
from modelyard.governance.cards.operations import ModelCardOperations
from modelyard.governance.cards.paper.card import PrintedCard
from modelyard.governance.cards.rows import CARD
from modelyard.governance.cards.sealed_content import SealedContents
from modelyard.governance.stages.keeper import StageKeeper
from modelyard.governance.stages.operations import StageOperations
from modelyard.home import Home
from modelyard.hosting import endpoint_operations
from modelyard.hosting.artifacts import ModelCache
from modelyard.hosting.endpoint_config_operations import EndpointConfigOperations
from modelyard.hosting.endpoint_operations import EndpointOperations
from modelyard.hosting.invoker import EndpointInvoker
from modelyard.hosting.invokers import Invokers
from modelyard.hosting.model_operations import ModelOperations
from modelyard.hosting.model_operations import description_of as description_of_model
from modelyard.hosting.routing import Routing
from modelyard.hosting.workflow import EndpointWorkflow
from modelyard.identity.account_operations import AccountOperations
from modelyard.identity.accounts import ensure_accounts, find_account
from modelyard.identity.authentication import Authenticator
from modelyard.identity.authorisation import Permissions
from modelyard.identity.authority import authority
from modelyard.identity.aws_accounts import AwsClients
from modelyard.identity.credentials import Credentials, establish_credentials
from modelyard.identity.gateway_keys import gateway_keys
from modelyard.identity.known_callers import KnownCallers
from modelyard.identity.operations import IdentityOperations
from modelyard.identity.own_credentials import OwnCredentials
from modelyard.identity.people_operations import PeopleOperations
from modelyard.identity.policies.book import PolicyBook
from modelyard.identity.policies.shares import KeptPolicies, Shares
from modelyard.identity.policy_operations import PolicyOperations
from modelyard.identity.provider_operations import ProviderOperations
from modelyard.identity.role_operations import RoleOperations
from modelyard.identity.roles import DEFAULT_ROLE, require_role
from modelyard.identity.session_operations import SessionOperations
from modelyard.identity.signing_keys import SigningKeys
from modelyard.identity.user_operations import UserOperations
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.workflow import JobWorkflow
from modelyard.jobs.workshop import Workshop
from modelyard.keys.access import KeyAccess
from modelyard.keys.alias_operations import AliasOperations
from modelyard.keys.crypto_operations import CryptoOperations
from modelyard.keys.keeper import KeyKeeper
from modelyard.keys.key_operations import KeyOperations
from modelyard.keys.master import load_master
from modelyard.keys.ring import KIND as KEY_KIND
from modelyard.keys.ring import KeyRing
from modelyard.keys.rotation_operations import RotationOperations
from modelyard.keys.service import KeyService
from modelyard.keys.tags import KeyTagOperations
from modelyard.logs.operations import LogOperations
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import pipeline
from modelyard.orchestrator.delivery.execution import Deliverer
from modelyard.orchestrator.delivery.status import PipelineStatus
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.inference import Invoke
from modelyard.orchestrator.model_cards import ModelCards
from modelyard.orchestrator.operations import StackOperations
from modelyard.orchestrator.provisioning import Provisioner
from modelyard.orchestrator.provisioning import Settings as ProvisioningSettings
from modelyard.orchestrator.service import OrchestratorService
from modelyard.orchestrator.stacks import engine as stacks
from modelyard.orchestrator.stacks import resources as stack_resources
from modelyard.outbound import Outbound
from modelyard.processing import task as processing_task
from modelyard.processing.operations import ProcessingOperations
from modelyard.registry import descriptions, people
from modelyard.registry.approval_operations import ApprovalOperations
from modelyard.registry.approvals import Approvals
from modelyard.registry.artifacts import Artifacts
from modelyard.registry.deployment import Deployments
from modelyard.registry.descriptions import searched_version
from modelyard.registry.group_operations import GroupOperations
from modelyard.registry.references import GROUP, VERSION
from modelyard.registry.registration import Registration
from modelyard.registry.search_operations import Searchable, SearchOperations
from modelyard.registry.sharing import ModelPackageGroupPolicies
from modelyard.registry.source_operations import SourceOperations
from modelyard.registry.version_changes import VersionChanges
from modelyard.registry.version_operations import VersionOperations
from modelyard.settings import Settings
from modelyard.store.database import Database
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.logs import LogStreams
from modelyard.store.objects import ObjectStores
from modelyard.store.origins import following
from modelyard.store.outbox import Event, Outbox
from modelyard.store.resources import Json, Resource, Store
from modelyard.store.s3_server import S3Servers
from modelyard.tagging.operations import TaggingOperations
from modelyard.tls.renewal import Renewal
from modelyard.training import description as training_description
from modelyard.training import task as training_task
from modelyard.training.operations import TrainingOperations
from modelyard.workflows.engine import Engine

#: The services whose models are read while the rest starts, else the first request would wait.
_WARMED = ("sagemaker", "logs", "sts", "iam", "cloudformation", "events")

#: What is asked of the policies without being an operation of a service's model.
_GUARDED = (
    *s3_actions.ACTIONS,
    *(f"modelyard:{name}" for name in ("GetMetrics", "GetReadiness", "InvokeInference")),
    *(f"modelyard:{name}" for name in ("DeletePipeline", "GetPipelineStatus", "ProvisionPipeline")),
    "iam:PassRole",
    "sagemaker:InvokeEndpoint",
)

log = structlog.get_logger(__name__)


async def _nothing() -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Step:
    """A part of the server's start, and what undoes it at the end."""

    start: Callable[[], Awaitable[object]] = _nothing
    stop: Callable[[], Awaitable[object]] = _nothing


@dataclass(frozen=True, kw_only=True)
class Modelyard:
    """One server, built and not yet started."""

    asgi: ASGIApp
    steps: Sequence[Step]  # each may need those ahead of it; undone in the opposite order
    gateway_url: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What every capability stands on."""

    settings: Settings
    home: Home
    url: str
    credentials: Credentials
    database: Database
    store: Store
    objects: ObjectStores
    logs: LogStreams
    schema: Schema
    table: OperationTable
    permissions: Permissions
    shares: Shares  # to which a room adds the finder of its resources' own policies
    engine: Engine
    key_ring: KeyRing
    keys: KeyService
    audit: AuditLog


def build(
    settings: Settings, home: Home, runtime: Runtime, url: str, tls: Renewal | None = None
) -> Modelyard:
    """Build a server; its database and its credentials are brought up to date.

    Args:
        runtime: runs its jobs.
        url: how its clients reach it.
        tls: with TLS, the certificate that is in force.

    Raises:
        StoreError: the database or the objects cannot be used.
        CredentialsError: the root credentials cannot be used.
        MasterKeyError: the master key cannot be used.
        PolicyErrors: the policies in the home cannot be used, nor any that were in force before.
    """
    ground = _lay_ground(settings, home, url)
    gateway = GatewayPool(
        host=settings.host,
        port=settings.gateway_port,
        workers=settings.gateway_workers or None,
        capture_flush_seconds=settings.capture_flush_seconds,
        certificate=None if tls is None else tls.certificate,
        name=None if tls is None else tls.host,
        judge=Invokers(ground.table.decide).judge,
        record=ground.audit.invoked,
    )
    trust = None if tls is None else tls.trust

    key_keeper = _add_keys(ground)
    memory = _memory(settings, home, runtime)
    memory.clear()
    deployments = _add_registry(ground)
    endpoints, routing = _add_hosting(ground, gateway, runtime, memory, deployments)
    workshop = Workshop(
        store=ground.store,
        objects=ground.objects,
        runtime=runtime,
        capacity=Capacity.of_machine(),
        logs=ground.logs,
        jobs=home.jobs,
        memory=memory,
        keys_of=lambda job: ground.keys.of_role(job.scope, job.spec["RoleArn"], job.name),
        image_of=processing_image_of,
    )
    _add_training(ground, workshop)
    _add_processing(ground, workshop)
    drafter = _add_cards(ground)
    credentials = ground.credentials
    invoker = EndpointInvoker(
        lambda: gateway.local_url,
        OwnCredentials(credentials, account=settings.account).of,
        trust=trust,
    )
    service = _add_orchestrator(ground, invoker.invoke, drafter)
    known = _add_identity(ground)
    for capability in (
        LogOperations(ground.logs),
        TaggingOperations(ground.store),
        ground.audit.operations,
    ):
        ground.table.add(capability)
    s3_servers = S3Servers(ground.objects, home.run)
    outbox = Outbox(ground.store)
    outbox.subscribe("log", _tell)
    outbox.subscribe("stages", StageKeeper(ground.store).handle)
    events = _add_events(ground, outbox, service)
    outbox.subscribe("captured-data-keys", _on_keys(routing))
    authenticator = Authenticator(
        credentials,
        account=settings.account,
        default_region=settings.region,
        known=lambda: known.known,
    )
    # Once every operation is there: policies are checked against them.
    ground.permissions.book.load()
    s3_door = S3Door(
        ground.table.guard,
        authenticator.secret_of,
        ground.objects,
        s3_servers,
        keys_of=ground.keys.of,
    )
    return Modelyard(
        asgi=_doors(ground, authenticator, service, s3_door, gateway, trust, events),
        steps=[
            Step(stop=lambda: asyncio.to_thread(ground.database.dispose)),
            _watched(ground.permissions.book),
            # Records until the last door is closed.
            Step(start=ground.audit.start, stop=ground.audit.stop),
            Step(stop=lambda: asyncio.to_thread(memory.clear)),
            Step(stop=s3_servers.close),
            Step(stop=s3_door.close),
            Step(start=known.start, stop=known.stop),
            Step(start=gateway.start, stop=gateway.stop),
            *_renewal(tls, gateway),
            Step(start=lambda: _tell_gateway(ground, known, gateway)),
            # What served before serves again ahead of the first request.
            Step(start=endpoints.restore),
            Step(stop=invoker.stop),
            Step(start=ground.engine.launch, stop=ground.engine.shutdown),
            Step(start=events.start, stop=events.stop),
            Step(start=outbox.start, stop=outbox.stop),
            Step(start=key_keeper.start, stop=key_keeper.stop),
        ],
        gateway_url=lambda: gateway.url,
    )


def _renewal(tls: Renewal | None, gateway: GatewayPool) -> list[Step]:
    if tls is None:
        return []
    tls.subscribe(gateway.set_certificate)
    return [Step(start=tls.start, stop=tls.stop)]


def _lay_ground(settings: Settings, home: Home, url: str) -> _Ground:
    schema = Schema()
    schema.warm(*_WARMED)
    database = Database(settings.database_url)
    database.claim()
    database.migrate()
    store = Store(database)
    credentials = establish_credentials(
        home.credentials,
        access_key_id=settings.root_access_key_id,
        secret_access_key=settings.root_secret_access_key,
        token=settings.root_token,
    )
    audit = AuditLog(
        database,
        home,
        sealing_key=credentials.sealing_key,
        account=settings.account,
        keep_days=settings.audit_keep_days,
    )
    deciding = authority(
        store,
        schema,
        account=settings.account,
        folder=home.policies,
        guarded=_GUARDED,
        auditor=audit.recorder,
    )
    table = deciding.table
    key_ring = _key_ring(settings, home, store)
    keys = KeyService(key_ring, table.guard, table.decide, region=settings.region)
    objects = ObjectStores(home.objects, keys.of_account)
    ensure_accounts(
        store,
        settings.account,
        settings.all_accounts(),
        lambda account: _make_bucket(settings, objects, account),
    )
    return _Ground(
        settings=settings,
        home=home,
        url=url,
        credentials=credentials,
        database=database,
        store=store,
        objects=objects,
        logs=LogStreams(home.logs),
        schema=schema,
        table=table,
        permissions=deciding.permissions,
        shares=deciding.shares,
        engine=Engine(database),
        key_ring=key_ring,
        keys=keys,
        audit=audit,
    )


def _watched(book: PolicyBook) -> Step:
    async def start() -> None:
        book.start()

    return Step(start=start, stop=lambda: asyncio.to_thread(book.stop))


def _make_bucket(settings: Settings, objects: ObjectStores, account: str) -> None:
    name, own = settings.assets_bucket_of(account), objects.of(account)
    if not own.has_bucket(name):
        own.create_bucket(name)


def _add_identity(ground: _Ground) -> KnownCallers:
    store, credentials = ground.store, ground.credentials
    known = KnownCallers(store, credentials, account=ground.settings.account)
    outbound = Outbound(ground.settings.outbound_allowed_hosts)
    for capability in (
        IdentityOperations(store, ground.permissions),
        PolicyOperations(ground.permissions),
        SessionOperations(store, credentials, known.refresh),
        RoleOperations(store, known.refresh),
        UserOperations(store, credentials, known.refresh),
        PeopleOperations(store, credentials, known.refresh),
        ProviderOperations(store, credentials, SigningKeys(outbound), outbound.check),
        AccountOperations(
            store,
            ground.settings.account,
            make_bucket=lambda account: _make_bucket(ground.settings, ground.objects, account),
            bucket_of=ground.settings.assets_bucket_of,
        ),
    ):
        ground.table.add(capability)
    return known


def _key_ring(settings: Settings, home: Home, store: Store) -> KeyRing:
    given = settings.master_key_file
    master = load_master(Path(given) if given else home.keys / "master", may_make=not given)
    ring = KeyRing(store, master)
    ring.check_master()
    return ring


def _memory(settings: Settings, home: Home, runtime: Runtime) -> MemoryFolder:
    folder, refused = Path(settings.memory_folder), ""
    if runtime.name == MovedBase.name and folder.is_relative_to("/dev"):
        refused = (
            "what is under a key is worked with in memory, and jobs that are confined by "
            f"{runtime.name!r} can see {folder}: install bubblewrap, or mount a tmpfs elsewhere "
            "and name it with the setting memory_folder"
        )
    return MemoryFolder(folder, home.path, refused=refused)


def _add_keys(ground: _Ground) -> KeyKeeper:
    ring, access = ground.key_ring, KeyAccess(ground.table.decide)
    for capability in (
        KeyOperations(ring, access),
        KeyTagOperations(ring, access),
        AliasOperations(ring, access),
        RotationOperations(ring, access),
        CryptoOperations(ring, access),
    ):
        ground.table.add(capability)
    return KeyKeeper(ring)


def _add_registry(ground: _Ground) -> Deployments:
    ground.shares.add(ModelPackageGroupPolicies(ground.store))
    store = ground.store
    artifacts = Artifacts(ground.objects)
    approvals = Approvals(people.STORED, artifacts.exists)
    registration = Registration(store, artifacts, approvals, card_content.problems_of)
    for capability in (
        GroupOperations(store, account_exists=lambda account: _is_account(ground, account)),
        VersionOperations(store, registration, VersionChanges(store, registration, approvals)),
        ApprovalOperations(store, approvals),
        SearchOperations(store, _searchable()),
        SourceOperations(
            ground.objects,
            registration,
            default_image=lambda region: retrieve("xgboost", "1.7-1", region),
        ),
    ):
        ground.table.add(capability)
    store.index_missing()
    return Deployments(store, artifacts)


def _is_account(ground: _Ground, account: str) -> bool:
    with ground.store.read() as snapshot:
        return find_account(snapshot, ground.settings.account, account) is not None


def _searchable() -> dict[str, Searchable]:
    def searched_job(job: Resource) -> Json:
        return training_description.describe(job, image_of)

    def shown_model(model: Resource) -> Json:
        return {"Model": description_of_model(model)}

    return {
        "ModelPackage": Searchable(
            kind=VERSION, project=searched_version, show=descriptions.describe_version
        ),
        "ModelCard": Searchable(kind=CARD, project=card_search.result, show=card_search.result),
        "ModelPackageGroup": Searchable(
            kind=GROUP, project=descriptions.describe_group, show=descriptions.describe_group
        ),
        "TrainingJob": Searchable(kind="training-job", project=searched_job, show=searched_job),
        "Model": Searchable(kind="model", project=shown_model, show=shown_model),
        "Endpoint": Searchable(
            kind="endpoint",
            project=endpoint_operations.description_of,
            show=endpoint_operations.description_of,
        ),
    }


def _add_hosting(
    ground: _Ground,
    gateway: GatewayPool,
    runtime: Runtime,
    memory: MemoryFolder,
    deployments: Deployments,
) -> tuple[EndpointWorkflow, Routing]:
    store, objects, home = ground.store, ground.objects, ground.home

    def keys_of(endpoint: Resource, role: str | None) -> DataKeys:
        # Without a role a model is nobody, and may use no key.
        if role is None:
            return NoKeys()
        return ground.keys.of_role(endpoint.scope, role, endpoint.name)

    for capability in (
        ModelOperations(
            store,
            objects,
            require_role=require_role,
            require_image=image_of,
            resolve_package=deployments.resolve,
        ),
        EndpointConfigOperations(
            store,
            objects,
            require_instance_type=instance_type,
            key_problem=ground.keys.problem,
        ),
        EndpointOperations(store, ground.engine),
    ):
        ground.table.add(capability)
    models = ModelCache(home.models, objects, runtime, memory)
    routing = Routing(store, gateway, objects, models.path, keys_of=keys_of)
    workflow = EndpointWorkflow(
        store, models, routing, ground.logs, image_of=image_of, keys_of=keys_of
    )
    ground.engine.register(endpoint_operations.WORKFLOW, workflow.run)
    return workflow, routing


def _on_keys(routing: Routing) -> Callable[[Event], Awaitable[None]]:
    """Look again at what is captured when a key's state changes."""

    async def refresh(event: Event) -> None:
        if event.kind == KEY_KIND:
            await routing.refresh()

    return refresh


def _add_training(ground: _Ground, workshop: Workshop) -> None:
    workflow = JobWorkflow(workshop, training_task.KIND, training_task.TrainingTask)
    desk = _desk(ground, workflow, "training job")
    ground.table.add(
        TrainingOperations(desk, ground.objects, image_of=image_of, key_problem=ground.keys.problem)
    )


def _add_processing(ground: _Ground, workshop: Workshop) -> None:
    workflow = JobWorkflow(workshop, processing_task.KIND, processing_task.ProcessingTask)
    desk = _desk(ground, workflow, "processing job")
    ground.table.add(
        ProcessingOperations(
            desk,
            ground.objects,
            image_of=processing_image_of,
            key_problem=ground.keys.problem,
        )
    )


def _desk(ground: _Ground, workflow: JobWorkflow, noun: str) -> JobDesk:
    ground.engine.register(workflow.kind.name, workflow.run)
    return JobDesk(
        ground.store,
        workflow.kind,
        noun=noun,
        require_role=require_role,
        begin=lambda transaction, arn: ground.engine.start(transaction, workflow.kind.name, arn),
        wake=workflow.wake,
        remove_files=workflow.remove_files,
    )


def _add_cards(ground: _Ground) -> DraftOperations:
    store, objects, table = ground.store, ground.objects, ground.table
    contents = SealedContents(table)
    for capability in (
        ModelCardOperations(store, contents),
        ModelCardExportOperations(store, objects, table, ground.engine),
        drafter := DraftOperations(table, objects),
        StageOperations(store),
    ):
        table.add(capability)
    workflow = ExportWorkflow(store, objects, contents, _render)
    ground.engine.register(export_operations.WORKFLOW, workflow.run)
    return drafter


def _render(card: PrintedCard) -> bytes:
    """Print a card; the printer is loaded with the first one."""
    from modelyard.governance.cards.paper.document import render

    return render(card)


def _add_orchestrator(
    ground: _Ground, invoke: Invoke, drafter: DraftOperations
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
        ModelCards(table, ground.objects, drafter, bucket_of),
    )


def _add_events(ground: _Ground, outbox: Outbox, service: OrchestratorService) -> EventBus:
    def provision(context: Context, body: Mapping[str, Any]) -> object:
        try:
            return service.provision(context, body)
        except BadRequest as error:
            raise ValidationError(str(error)) from error

    settings = ground.settings
    # Who of another account may put events on a bus is what its own policy says.
    ground.shares.add(KeptPolicies(ground.store, "events", BUS_KIND, "Policy"))
    return EventBus(
        ground.store,
        ground.table,
        outbox,
        topics=settings.notifications,
        webhooks=settings.webhooks,
        outbound=Outbound(settings.outbound_allowed_hosts),
        inbox=ground.home.inbox,
        provision=provision,
    )


def _doors(
    ground: _Ground,
    authenticator: Authenticator,
    service: OrchestratorService,
    s3_door: S3Door,
    gateway: GatewayPool,
    gateway_trust: ssl.SSLContext | None,
    events: EventBus,
) -> ASGIApp:
    settings = ground.settings
    metrics = Metrics()
    metrics.add(GatewayCollector(gateway.metrics))
    metrics.add(DeliveryCollector(events.tally.counts, ground.store))

    def look_at_database() -> None:
        with ground.store.read() as snapshot:
            snapshot.with_status("none", "none")

    return build_app(
        Rooms(
            table=ground.table,
            schema=ground.schema,
            authenticator=authenticator,
            s3=s3_door,
            orchestrator=orchestrator_app(
                service, allow_detailed_error_message=settings.allow_detailed_error_message
            ),
            gateway_url=lambda: gateway.local_url,
            gateway_trust=gateway_trust,
            bound_host=settings.host,
            allowed_hosts=settings.allowed_hosts,
            readiness={"database": look_at_database},
            metrics=metrics,
            refusals=ground.audit.refusals,
        )
    )


async def _tell_gateway(ground: _Ground, known: KnownCallers, gateway: GatewayPool) -> None:
    """Have the gateway know the callers that are known here, now and after each change."""
    loop = asyncio.get_running_loop()

    def push() -> None:
        with suppress(RuntimeError):  # the loop was closed this instant
            asyncio.run_coroutine_threadsafe(gateway.set_keys(keys()), loop)

    def keys() -> Keys:
        return gateway_keys(
            known.known,
            sealing_key=ground.credentials.sealing_key,
            default_region=ground.settings.region,
        )

    def ask_again(_generation: int) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(gateway.policies_changed)

    known.on_change(push)
    ground.permissions.book.on_change(ask_again)
    await gateway.set_keys(keys())


async def _tell(event: Event) -> None:
    """Log what happened: the notification that needs no set-up."""
    log.info("event", kind=event.kind, resource=event.arn, status=event.status)
