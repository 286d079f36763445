"""Where a job's programs run: on this machine, or on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from modelyard.compute.capacity import Capacity, Place, Ticket
from modelyard.compute.ray.cluster import Cluster
from modelyard.compute.ray.runtime import RayJob, Ways, actor_of
from modelyard.compute.runtime import Runtime
from modelyard.jobs.placement import identity_of
from modelyard.jobs.task import Demand
from modelyard.store.objects import ObjectStores
from modelyard.store.resources import Resource


class Berth(Protocol):
    """A job's place: in the queue, then where its programs run."""

    @property
    def is_admitted(self) -> bool:
        """Whether it holds its room."""

    async def wait(self) -> None:
        """Wait until there is room; it is held from then on.

        Raises:
            RuntimeUnavailableError: there never will be.
        """

    async def preempted(self) -> None:
        """Wait until the room is asked to be given up."""

    def leave(self) -> None:
        """Give up the place, in the queue or in the room; again does no harm."""

    @property
    def runtime(self) -> Runtime:
        """What runs programs there."""

    @property
    def remarks(self) -> Sequence[str]:
        """What the job's owner is to know of the place."""


class Site(Protocol):
    """Where jobs run."""

    @property
    def name(self) -> str:
        """As `compute.choice` has it."""

    def queue(self, job: Resource, demand: Demand, ticket: Ticket) -> Berth:
        """Take a place, which the caller leaves in the end whatever happens."""

    async def end(self, identity: str) -> None:
        """End the program of that identity, if an earlier start of it still lives.

        Raises:
            RuntimeUnavailableError: nobody can tell.
        """


class ThisMachine:
    """The machine of the server."""

    name = "sandbox"

    def __init__(self, runtime: Runtime, capacity: Capacity) -> None:
        self._runtime = runtime
        self._capacity = capacity

    def queue(self, job: Resource, demand: Demand, ticket: Ticket) -> Berth:
        place = self._capacity.queue(
            demand.vcpus, demand.memory_gib, ticket, preemptible=demand.preemptible
        )
        return _HereBerth(place, self._runtime, self._remarks(demand))

    async def end(self, identity: str) -> None:
        await self._runtime.end(identity)

    def _remarks(self, demand: Demand) -> Sequence[str]:
        capacity = self._capacity
        if capacity.fits(demand.vcpus, demand.memory_gib):
            return ()
        return (
            f"{len(demand.hosts)} x {demand.instance_type.name} ask for {demand.vcpus} vCPUs "
            f"and {demand.memory_gib:g} GiB, this machine has {capacity.vcpus} vCPUs and "
            f"{capacity.memory_gib:.1f} GiB: the job runs alone, with what there is",
        )


class _HereBerth:
    def __init__(self, place: Place, runtime: Runtime, remarks: Sequence[str]) -> None:
        self._place = place
        self.runtime = runtime
        self.remarks = remarks

    @property
    def is_admitted(self) -> bool:
        return self._place.is_admitted

    async def wait(self) -> None:
        await self._place.wait()

    async def preempted(self) -> None:
        await self._place.preempted()

    def leave(self) -> None:
        self._place.leave()


class RaySite:
    """A Ray cluster."""

    name = "ray"

    def __init__(self, cluster: Cluster, ways: Ways, objects: ObjectStores) -> None:
        self._cluster = cluster
        self._ways = ways
        self._objects = objects

    def queue(self, job: Resource, demand: Demand, ticket: Ticket) -> Berth:
        return _RayBerth(
            RayJob(
                self._cluster,
                self._ways,
                self._objects.of(job.scope.account),
                account=job.scope.account,
                name=job.arn,
                identities=[identity_of(job, host) for host in demand.hosts],
                instance_type=demand.instance_type,
                kept=demand.kept_folder,
                patient=demand.limits.max_pending_seconds is not None,
            ),
            self._cluster,
            demand.hosts,
        )

    async def end(self, identity: str) -> None:
        await self._cluster.request("end", host=actor_of(self._ways.server, identity))


class _RayBerth:
    def __init__(self, place: RayJob, cluster: Cluster, hosts: Sequence[str]) -> None:
        self._place = place
        self._cluster = cluster
        self._hosts = hosts
        self.runtime: Runtime = place

    @property
    def is_admitted(self) -> bool:
        return self._place.is_admitted

    async def wait(self) -> None:
        await self._place.wait()

    async def preempted(self) -> None:
        await self._place.preempted()

    def leave(self) -> None:
        self._place.leave()

    @property
    def remarks(self) -> Sequence[str]:
        at = zip(self._hosts, self._place.addresses, strict=False)
        where = ", ".join(f"{host} on {address}" for host, address in at)
        cluster = self._cluster.where.address
        return (f"runs on the Ray cluster at {cluster}: {where}",) if where else ()
