"""The runtime of one job on a Ray cluster: a place for its hosts, and the programs in it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.compute.environments import MOUNT
from modelyard.compute.instance_types import InstanceType
from modelyard.compute.ray.agent import PYTHON
from modelyard.compute.ray.cluster import Cluster
from modelyard.compute.ray.exchange import Exchange, Sign
from modelyard.compute.ray.shipping import ShippingError
from modelyard.compute.runtime import HostLostError, Program, RuntimeUnavailableError
from modelyard.store.errors import StoreError
from modelyard.store.objects import Objects

#: Where the hosts of one job meet, by job: several jobs' first hosts may be on one node.
MEETING_VARIABLE = "MODELYARD_MEETING_PORT"
_FIRST_MEETING_PORT, _MEETING_PORTS = 30_000, 2_700  # below those that systems give out

_GIB = 2**30
_KILL_SECONDS = 60.0  # uploading what was written counts


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What the runtimes of all jobs on one cluster have in common."""

    sign: Sign
    server: str  # what tells this server from others on the same cluster: a few letters
    authority: str = ""  # PEM of what vouches for the server, if it has its own
    runtime: str = "auto"  # how programs are kept apart on the nodes; the setting `runtime`
    sync_seconds: float = 30.0  # how often what is kept of a running program is brought


class RayJob:
    """One job's place on a cluster; a `capacity.Place`, and a `runtime.Runtime`.

    Args:
        name: unique to the job.
        identities: of its hosts, in their order.
        kept: the folder below /opt/ml that is brought also while programs run; empty: none.
        patient: whether it waits for a node that is large enough, where there is none.
    """

    name = "ray"

    def __init__(
        self,
        cluster: Cluster,
        ways: Ways,
        objects: Objects,
        *,
        account: str,
        name: str,
        identities: Sequence[str],
        instance_type: InstanceType,
        kept: str,
        patient: bool,
    ) -> None:
        self._cluster = cluster
        self._ways = ways
        self._objects = objects
        self._account = account
        self._name = f"{name}#{uuid.uuid4().hex}"
        self._identities = list(identities)
        self._bundle = bundle_of(instance_type)
        self._kept = kept
        self._patient = patient
        self._addresses: list[str] = []
        self._asked = False
        self._leaving: asyncio.Task[None] | None = None

    @property
    def is_admitted(self) -> bool:
        """Whether it holds its room."""
        return bool(self._addresses)

    async def wait(self) -> None:
        """Wait until the cluster has room for all hosts; it is held from then on.

        Raises:
            RuntimeUnavailableError: the cluster cannot be reached, or will never have room.
        """
        self._asked = True
        self._addresses = await self._cluster.request(
            "place",
            place=self._name,
            bundles=[self._bundle for _ in self._identities],
            patient=self._patient,
        )

    async def preempted(self) -> None:
        """Never: a cluster takes no room back from one job for another."""
        await asyncio.Event().wait()

    def leave(self) -> None:
        """Give the room back."""
        if self._asked and self._leaving is None:
            self._leaving = asyncio.ensure_future(self._leave())

    @property
    def addresses(self) -> Sequence[str]:
        """Where its hosts are, in their order; known once it is admitted."""
        return self._addresses

    async def start(self, program: Program, on_line: Callable[[str], None]) -> RayProcess:
        """See `runtime.Runtime`."""
        _require_portable(program)
        index = self._identities.index(program.identity)
        exchange = await asyncio.to_thread(
            Exchange,
            self._objects,
            self._account,
            f"{uuid.uuid4().hex}/{index + 1}",
            self._ways.sign,
        )
        try:
            manifest = await asyncio.to_thread(exchange.send, program)
            host = actor_of(self._ways.server, program.identity)
            order = {
                "server": self._ways.server,
                "manifest": manifest,
                "authority": self._ways.authority,
                "runtime": self._ways.runtime,
                "requirements": self._account if MOUNT in program.inputs else None,
                # Where the other hosts find this one; empty: on its node's loopback, as all are.
                "address": self._addresses[index] if self._is_apart else "",
                "program": self._portable(program),
            }
            await self._cluster.request(
                "start",
                host=host,
                place=self._name,
                index=index,
                bundle=self._bundle,
            )
        except BaseException:
            await asyncio.to_thread(exchange.clear)
            raise
        return RayProcess(
            self._cluster,
            host,
            order,
            exchange,
            program.base,
            on_line,
            kept=self._kept,
            sync_seconds=self._ways.sync_seconds,
        )

    async def end(self, identity: str) -> None:
        """See `runtime.Runtime`."""
        await self._cluster.request("end", host=actor_of(self._ways.server, identity))

    @property
    def _is_apart(self) -> bool:
        return len(set(self._addresses)) > 1

    def _meeting(self, program: Program) -> Mapping[str, str]:
        if not self._is_apart:
            return {}
        job = program.identity.rpartition("/")[0]
        digest = int.from_bytes(hashlib.sha256(job.encode()).digest()[:4], "big")
        return {MEETING_VARIABLE: str(_FIRST_MEETING_PORT + digest % _MEETING_PORTS)}

    async def _leave(self) -> None:
        # With the cluster out of reach the place is gone anyway: Ray takes it back itself.
        with suppress(RuntimeUnavailableError):
            await self._cluster.request("leave", place=self._name)

    def _portable(self, program: Program) -> Mapping[str, Any]:
        hosts = dict(program.hosts)
        if self._is_apart and hosts:
            # Their names lead to their nodes; hosts of one node keep to its loopback addresses.
            hosts = dict(zip(hosts, self._addresses, strict=True))
        return {
            "identity": program.identity,
            "argv": [PYTHON if part == sys.executable else part for part in program.argv],
            "environment": {**program.environment, **self._meeting(program)},
            "hosts": hosts,
            "network": program.network,
            "unix_sockets": program.unix_sockets,
            "vcpus": program.vcpus,
            "memory_bytes": program.memory_bytes,
        }


class RayProcess:
    """A program on a node; see `runtime.Process`."""

    def __init__(
        self,
        cluster: Cluster,
        host: str,
        order: Mapping[str, Any],
        exchange: Exchange,
        base: Path,
        on_line: Callable[[str], None],
        *,
        kept: str,
        sync_seconds: float,
    ) -> None:
        self._cluster = cluster
        self._host = host
        self._order = order
        self._exchange = exchange
        self._base = base
        self._on_line = on_line
        self._kept = kept
        self._sync_seconds = sync_seconds
        self._asking: set[asyncio.Task[None]] = set()
        self._ended = asyncio.create_task(self._follow())

    async def wait(self) -> int:
        """See `runtime.Process`; what the program left is in its folder by then.

        Raises:
            HostLostError: its node is gone, or the connection with the cluster.
            RuntimeUnavailableError: the node cannot run it.
        """
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        self._ask(self._try("terminate"))

    def kill(self) -> None:
        self._ask(self._kill())

    def _ask(self, asking: Coroutine[Any, Any, None]) -> None:
        if self._ended.done():
            asking.close()
            return
        task = asyncio.create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _try(self, method: str) -> None:
        with suppress(RuntimeUnavailableError):  # gone already, which `_follow` finds out
            await self._call(method)

    async def _kill(self) -> None:
        """Have the program killed, and its agent too if that brings no end."""
        asking = asyncio.create_task(self._try("kill"))
        done, _ = await asyncio.wait({self._ended}, timeout=_KILL_SECONDS)
        asking.cancel()
        if not done:
            with suppress(RuntimeUnavailableError):
                await self._cluster.request("end", host=self._host)

    async def _call(self, method: str, *arguments: str) -> Any:
        return await self._cluster.request(
            "call", host=self._host, method=method, arguments=list(arguments)
        )

    async def _follow(self) -> int:
        syncing = asyncio.create_task(self._sync())
        try:
            code = await self._code()
            syncing.cancel()
            await asyncio.gather(syncing, return_exceptions=True)
            await self._bring("finish", "output.tar.gz", "")
            return code
        finally:
            syncing.cancel()
            await asyncio.gather(syncing, return_exceptions=True)
            with suppress(RuntimeUnavailableError):
                await self._cluster.request("end", host=self._host)
            with suppress(StoreError):
                await asyncio.to_thread(self._exchange.clear)

    async def _code(self) -> int:
        await self._call("begin", json.dumps(self._order))
        while True:
            news = await self._call("follow")
            for line in news["lines"]:
                self._on_line(line)
            if "code" in news:
                return int(news["code"])
            if "refused" in news:
                self._on_line(news["refused"])
                return 1
            if "error" in news:
                raise RuntimeUnavailableError(f"the node cannot run the job: {news['error']}")

    async def _sync(self) -> None:
        """Bring what is to be kept from time to time; what fails is tried again."""
        while self._kept:
            await asyncio.sleep(self._sync_seconds)
            with suppress(RuntimeUnavailableError, StoreError):
                await self._bring("sync", "kept.tar.gz", self._kept)

    async def _bring(self, method: str, name: str, folder: str) -> None:
        url = await asyncio.to_thread(self._exchange.url_for, name)
        answer = await self._call(method, *([folder] if folder else []), url)
        if "error" in answer:
            raise HostLostError(answer["error"])
        try:
            receiving = asyncio.to_thread(self._exchange.receive, name, self._base, folder)
            await asyncio.shield(asyncio.ensure_future(receiving))
        except ShippingError as error:
            raise RuntimeUnavailableError(str(error)) from error


def bundle_of(instance: InstanceType) -> dict[str, float]:
    """Return what Ray is to set aside for one host: vCPUs, bytes of memory, GPUs."""
    bundle: dict[str, float] = {
        "CPU": instance.vcpus,
        "memory": int(instance.memory_gib * _GIB),
    }
    if instance.gpus:
        bundle["GPU"] = instance.gpus
    return bundle


def actor_of(server: str, identity: str) -> str:
    """Return the name of the actor that runs a server's program, the same in every start of it."""
    return f"{server}-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def _require_portable(program: Program) -> None:
    if program.image is not None:
        raise RuntimeUnavailableError(
            "container images do not run on Ray nodes: tag the job modelyard:compute=container"
        )
    if program.descriptors or program.builder or program.temporary is not None:
        raise RuntimeUnavailableError(
            "the program works with what only this machine has: tag the job "
            "modelyard:compute=sandbox"
        )


__all__ = ["MEETING_VARIABLE", "RayJob", "RayProcess", "Ways", "actor_of", "bundle_of"]
