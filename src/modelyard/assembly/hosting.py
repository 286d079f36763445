"""Models and endpoints, in front of the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from modelyard.assembly.containers import Images
from modelyard.assembly.ground import Ground
from modelyard.compute.environments import Environments
from modelyard.compute.instance_types import instance_type
from modelyard.compute.memory import MemoryFolder
from modelyard.compute.runtime import Runtime
from modelyard.gateway.supervisor import GatewayPool
from modelyard.hosting import endpoint_operations
from modelyard.hosting.artifacts import ModelCache
from modelyard.hosting.endpoint_config_operations import EndpointConfigOperations
from modelyard.hosting.endpoint_operations import EndpointOperations
from modelyard.hosting.model_operations import ModelOperations
from modelyard.hosting.programs import EndpointPrograms
from modelyard.hosting.routing import Routing
from modelyard.hosting.workflow import EndpointWorkflow
from modelyard.identity.roles import require_role
from modelyard.registry.deployment import Deployments
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.outbox import Event
from modelyard.store.resources import Resource


def add_hosting(
    ground: Ground,
    gateway: GatewayPool,
    runtime: Runtime,
    memory: MemoryFolder,
    environments: Environments,
    deployments: Deployments,
    images: Images,
) -> tuple[EndpointWorkflow, Routing]:
    store, objects, home = ground.store, ground.objects, ground.home

    def keys_of(endpoint: Resource, role: str | None) -> DataKeys:
        # Without a role a model is nobody, and may use no key.
        if role is None:
            return NoKeys()
        return ground.keys.of_role(endpoint.scope, role, endpoint.name)

    serving_image = partial(images.catalogue.image_of, purpose="serve")
    for capability in (
        ModelOperations(
            store,
            objects,
            require_role=require_role,
            require_image=serving_image,
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
    programs = EndpointPrograms(
        runtime,
        home.run / "serving",
        models.path,
        ground.logs,
        image_of=serving_image,
        environments=environments,
        memory=memory,
    )
    workflow = EndpointWorkflow(
        store,
        models,
        routing,
        programs,
        ground.logs,
        image_of=serving_image,
        pull=images.pull,
        keys_of=keys_of,
    )
    ground.engine.register(endpoint_operations.WORKFLOW, workflow.run)
    return workflow, routing


def on_keys(routing: Routing) -> Callable[[Event], Awaitable[None]]:
    """Look again at what is captured when a key's state changes."""

    async def refresh(_event: Event) -> None:
        await routing.refresh()

    return refresh
