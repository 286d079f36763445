"""The object graph: the one place where the rooms meet, built from settings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.types import ASGIApp

from modelyard.api.s3.door import S3Door
from modelyard.assembly.autopilot import add_autopilot
from modelyard.assembly.containers import images_of
from modelyard.assembly.doors import doors, renewal
from modelyard.assembly.events import add_events, tell, tell_all
from modelyard.assembly.experiments import experiments
from modelyard.assembly.gateway import gateway_pool
from modelyard.assembly.gitops import add_gitops
from modelyard.assembly.governance import add_governance
from modelyard.assembly.ground import lay_ground
from modelyard.assembly.hosting import add_hosting, on_keys
from modelyard.assembly.identity import add_identity, tell_gateway, watched
from modelyard.assembly.jobs import add_processing, add_training, add_transform, keys_of
from modelyard.assembly.keys import add_keys, memory_of
from modelyard.assembly.launch import launch
from modelyard.assembly.monitoring import add_monitoring
from modelyard.assembly.orchestrator import add_orchestrator
from modelyard.assembly.ray import RayClusters
from modelyard.assembly.registry import add_registry
from modelyard.assembly.steps import Step
from modelyard.assembly.tuning import add_tuning
from modelyard.cloudwatch.job_metrics import keep as keep_metrics
from modelyard.cloudwatch.operations import MetricOperations
from modelyard.compute.capacity import Capacity
from modelyard.compute.environments import Environments
from modelyard.compute.runtime import Runtime
from modelyard.gateway.relay import Relay
from modelyard.gateway.supervisor import GatewayPool
from modelyard.governance.stages.keeper import VERSION, StageKeeper
from modelyard.home import Home
from modelyard.hosting.invoker import EndpointInvoker
from modelyard.hosting.invokers import Invokers
from modelyard.identity.authentication import Authenticator
from modelyard.identity.own_credentials import OwnCredentials
from modelyard.jobs.metric_operations import JobMetricOperations
from modelyard.jobs.metric_series import MetricSeries
from modelyard.jobs.workshop import Workshop
from modelyard.keys.ring import KIND as KEY_KIND
from modelyard.logs.operations import LogOperations
from modelyard.settings import Settings
from modelyard.store.outbox import Outbox
from modelyard.store.s3_server import S3Servers
from modelyard.tagging.operations import TaggingOperations
from modelyard.tagging.resources import TaggedResources
from modelyard.tls.renewal import Renewal


@dataclass(frozen=True, kw_only=True)
class Modelyard:
    """One server, built and not yet started."""

    asgi: ASGIApp
    steps: Sequence[Step]  # each may need those ahead of it; undone in the opposite order
    gateway_url: Callable[[], str]


def build(
    settings: Settings,
    home: Home,
    runtime: Runtime,
    url: str,
    tls: Renewal | None = None,
    gateway: GatewayPool | None = None,
) -> Modelyard:
    """Build a server; its database and its credentials are brought up to date.

    Args:
        runtime: runs its jobs.
        url: how its clients reach it.
        tls: with TLS, the certificate that is in force.
        gateway: one of `gateway_pool` that may be launched already; None: a new one.

    Raises:
        StoreError: the database or the objects cannot be used.
        CredentialsError: the root credentials cannot be used.
        MasterKeyError: the master key cannot be used.
        PolicyErrors: the policies in the home cannot be used, nor any that were in force before.
    """
    ground = lay_ground(settings, home, url)
    gateway = gateway or gateway_pool(settings, tls)
    gateway.answer_with(Invokers(ground.table.decide).judge, ground.audit.invoked)
    trust = None if tls is None else tls.trust
    relay = Relay.new()

    key_keeper = add_keys(ground)
    memory = memory_of(settings, home, runtime)
    memory.clear()
    deployments = add_registry(ground, memory)
    environments = Environments(runtime, home.environments, os.environ)
    containers = images_of(ground, runtime)
    images = containers.catalogue
    endpoints, routing = add_hosting(
        ground, gateway, runtime, memory, environments, deployments, containers
    )
    series = MetricSeries(home.metrics)
    known = add_identity(ground)
    tracked = experiments(
        ground, runtime, series, known, ca_file=None if tls is None else tls.ca_file
    )
    ca_file = None if tls is None else tls.ca_file
    clusters = RayClusters(ground, authority=ca_file.read_text() if ca_file else "")
    workshop = Workshop(
        store=ground.store,
        objects=ground.objects,
        runtime=runtime,
        capacity=Capacity.of_machine(),
        logs=ground.logs,
        jobs=home.jobs,
        series=series,
        tracker=tracked.tracker,
        memory=memory,
        environments=environments,
        keys_of=partial(keys_of, ground),
        measured=partial(keep_metrics, ground.store),
        image_of=images.find,
        pull=containers.pull,
        prices=dict(settings.instance_prices),
        cluster_of=clusters.site_of,
    )
    training = add_training(ground, workshop, containers)
    processing = add_processing(ground, workshop, containers)
    monitors = add_monitoring(ground, processing)
    add_tuning(ground, training, series, containers)
    add_autopilot(ground, training, containers.places)
    add_transform(ground, workshop, containers)
    drafter = add_governance(ground)
    credentials = ground.credentials
    invoker = EndpointInvoker(
        lambda: gateway.local_url,
        OwnCredentials(credentials, account=settings.account).of,
        trust=trust,
    )
    service = add_orchestrator(
        ground, invoker.invoke, drafter, images, containers.workshop, runtime
    )
    intake = add_gitops(ground, service)
    for capability in (
        LogOperations(ground.logs),
        MetricOperations(ground.store),
        JobMetricOperations(ground.store, series),
        TaggingOperations(ground.store),
        TaggedResources(ground.store),
        ground.audit.operations,
    ):
        ground.table.add(capability)
    s3_servers = S3Servers(ground.objects, home.run)
    outbox = Outbox(ground.store)
    outbox.subscribe("log", tell, tell_all)
    outbox.project("stages", StageKeeper(), kinds={VERSION})
    tracked.subscribe(outbox, workshop.kinds)
    events = add_events(ground, outbox, service)
    outbox.subscribe("captured-data-keys", on_keys(routing), kinds={KEY_KIND})
    authenticator = Authenticator(
        credentials,
        account=settings.account,
        default_region=settings.region,
        known=lambda: known.known,
    )
    # Once every operation is there: policies are checked against them.
    ground.permissions.book.load()
    launch(ground)
    s3_door = S3Door(
        ground.table.guard,
        authenticator.secret_of,
        ground.objects,
        s3_servers,
        keys_of=ground.keys.of,
        intake=intake,
    )
    return Modelyard(
        asgi=doors(
            ground,
            authenticator,
            service,
            s3_door,
            gateway,
            trust,
            relay,
            events,
            tracked.servers,
            intake,
            invoker.invoke,
        ),
        steps=[
            Step(stop=lambda: asyncio.to_thread(ground.database.dispose)),
            watched(ground.permissions.book),
            # Records until the last door is closed.
            Step(start=ground.audit.start, stop=ground.audit.stop),
            Step(stop=lambda: asyncio.to_thread(memory.clear)),
            Step(stop=s3_servers.close),
            tracked.step,
            Step(stop=s3_door.close),
            Step(start=known.start, stop=known.stop),
            # Its programs outlast the gateway, which finishes what is under way.
            Step(stop=endpoints.close),
            Step(start=gateway.start, stop=gateway.stop),
            *renewal(tls, gateway),
            Step(start=lambda: tell_gateway(ground, known, gateway, relay)),
            # What served before serves again ahead of the first request.
            Step(start=endpoints.restore),
            Step(stop=invoker.stop),
            clusters.step,
            Step(start=ground.engine.launch, stop=ground.engine.shutdown),
            Step(start=lambda: asyncio.to_thread(intake.recover)),
            Step(start=events.start, stop=events.stop),
            Step(start=monitors.start, stop=monitors.stop),
            Step(start=outbox.start, stop=outbox.stop),
            Step(start=key_keeper.start, stop=key_keeper.stop),
        ],
        gateway_url=lambda: gateway.url,
    )
