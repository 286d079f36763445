"""The driver: the child process through which the server speaks with one Ray cluster.

It is the only part that imports Ray, which is heavy and unpickles what its cluster sends. It holds
no state of its own beside what dies with it: Ray ends the actors and gives back the placement
groups of a driver that has ended, however it ended.

Run as `python -m modelyard.compute.ray.driver <descriptor> <address>`; it ends with the socket.
Each request is `{"id", "do", ...}`, each answer `{"id", "answer"}` or `{"id", "error", "kind"}`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray
from ray._raylet import GcsClient  # type: ignore[attr-defined]
from ray.exceptions import AuthenticationError, RayError, RayTaskError
from ray.util.placement_group import (
    PlacementGroup,
    placement_group,
    placement_group_table,
    remove_placement_group,
)
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from modelyard.compute.ray import wire
from modelyard.compute.ray.agent import METHODS, HostAgent

NAMESPACE = "modelyard"
_GONE_SECONDS = 60.0
_LOOK_SECONDS = 10.0
_POLL_SECONDS = 0.1
_LEFT = "the job does not wait any longer"


class Refusal(Exception):
    """The request cannot be met; the message is for the job's owner."""


class Driver:
    """Answers requests. One event loop.

    Args:
        send: sends an answer.
    """

    def __init__(self, send: Callable[[wire.Message], None]) -> None:
        self._send = send
        #: By place; None while it is not asked for yet.
        self._groups: dict[str, PlacementGroup | None] = {}
        self._actors: dict[str, Any] = {}
        self._requests: Mapping[str, Callable[[wire.Message], Any]] = {
            "look": self._look,
            "place": self._place,
            "leave": self._leave,
            "start": self._start,
            "call": self._call,
            "end": self._end,
        }

    async def handle(self, message: wire.Message) -> None:
        """Answer one request."""
        try:
            answer = await self._requests[message["do"]](message)
        except Refusal as error:
            reply: wire.Message = {"error": str(error), "kind": "refused"}
        except RayTaskError as error:
            reply = {"error": f"the agent failed: {error.cause!r}", "kind": "refused"}
        except RayError as error:
            reply = {"error": _first_line(error), "kind": "lost"}
        except Exception as error:  # Ray's calls raise more than they say, and somebody waits
            reply = {"error": f"{type(error).__name__}: {_first_line(error)}", "kind": "refused"}
        else:
            reply = {"answer": answer}
        self._send({"id": message["id"], **reply})

    async def _look(self, _: wire.Message) -> Any:
        """Return the nodes: their addresses, and what each has."""
        nodes = await asyncio.to_thread(ray.nodes)
        return [
            {"address": node["NodeManagerAddress"], "resources": node["Resources"]}
            for node in nodes
            if node["Alive"]
        ]

    async def _place(self, message: wire.Message) -> Any:
        """Wait until the cluster has room for a job, and hold it; return its hosts' addresses."""
        name, bundles = message["place"], message["bundles"]
        self._groups[name] = None
        nodes = await self._look(message)
        if not message["patient"]:
            _require_room(bundles, nodes)
        # Each host on a node of its own where there are as many, else as far apart as can be.
        able = [node for node in nodes if _holds(bundles[0], node["resources"])]
        strategy = "STRICT_SPREAD" if 1 < len(bundles) <= len(able) else "SPREAD"
        if name not in self._groups:
            raise Refusal(_LEFT)
        group = placement_group(bundles, strategy=strategy, name=name)
        self._groups[name] = group
        pause = _POLL_SECONDS
        while not await asyncio.to_thread(group.wait, 0):
            if name not in self._groups:
                raise Refusal(_LEFT)
            await asyncio.sleep(pause)
            pause = min(1.0, 1.5 * pause)
        table = placement_group_table(group)
        addresses = {
            node["NodeID"]: node["NodeManagerAddress"]
            for node in await asyncio.to_thread(ray.nodes)
        }
        placed = table["bundles_to_node_id"]
        return [addresses.get(placed[index], "") for index in range(len(bundles))]

    async def _leave(self, message: wire.Message) -> None:
        """Give back a job's room, or stop waiting for it."""
        group = self._groups.pop(message["place"], None)
        if group is not None:
            await asyncio.to_thread(remove_placement_group, group)

    async def _start(self, message: wire.Message) -> None:
        """Make the agent of one host, having ended an earlier one of the same name.

        It need not be there yet: its node may be busy, or gone meanwhile.
        """
        host = message["host"]
        await self._end(message)
        bundle = message["bundle"]
        group = self._groups.get(message["place"])
        if group is None:
            raise Refusal(_LEFT)
        options: dict[str, Any] = {
            "name": host,
            "namespace": NAMESPACE,
            "num_cpus": bundle["CPU"],
            "memory": bundle["memory"],
            "num_gpus": bundle.get("GPU", 0),
            "max_restarts": 0,
            "max_concurrency": 64,
            "scheduling_strategy": PlacementGroupSchedulingStrategy(
                placement_group=group,
                placement_group_bundle_index=message["index"],
            ),
        }
        self._actors[host] = ray.remote(HostAgent).options(**options).remote()

    async def _call(self, message: wire.Message) -> Any:
        """Call a method of an agent."""
        method = message["method"]
        actor = self._actors.get(message["host"])
        if actor is None or method not in METHODS:
            raise Refusal(f"{message['host']} has no agent that can {method!r}")
        return json.loads(await getattr(actor, method).remote(*message["arguments"]))

    async def _end(self, message: wire.Message) -> None:
        """End an agent and its program, whoever started it; return once it is gone."""
        host = message["host"]
        actor = self._actors.pop(host, None) or _find(host)
        if actor is None:
            return
        ray.kill(actor)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _GONE_SECONDS
        while await asyncio.to_thread(_find, host) is not None:
            if loop.time() > give_up:
                raise Refusal(f"an earlier start of {host} cannot be ended on the cluster")
            await asyncio.sleep(_POLL_SECONDS)


def _find(host: str) -> Any | None:
    try:
        return ray.get_actor(host, namespace=NAMESPACE)
    except ValueError:
        return None


def _holds(bundle: Mapping[str, float], resources: Mapping[str, float]) -> int:
    """Return how many of a bundle a node has room for when nothing else is on it."""
    return int(min(resources.get(name, 0) // amount for name, amount in bundle.items()))


def _require_room(bundles: Sequence[Mapping[str, float]], nodes: list[dict[str, Any]]) -> None:
    bundle, room = bundles[0], sum(_holds(bundles[0], node["resources"]) for node in nodes)
    if room >= len(bundles):
        return
    if room > 0:
        raise Refusal(
            f"the Ray cluster has room for {room} hosts of {_amounts(bundle)} when it is empty, "
            f"and the job asks for {len(bundles)}: ask for fewer, add nodes, or let the job wait "
            "for some with StoppingCondition.MaxPendingTimeInSeconds"
        )
    largest: Mapping[str, float] = max(
        (node["resources"] for node in nodes),
        key=lambda has: (has.get("CPU", 0), has.get("memory", 0)),
        default={},
    )
    raise Refusal(
        f"no node of the Ray cluster has {_amounts(bundle)}, which one host of the job asks for; "
        f"the largest has {_amounts(largest)}: choose a smaller instance type, add such a node, or "
        "let the job wait for one with StoppingCondition.MaxPendingTimeInSeconds"
    )


def _amounts(resources: Mapping[str, float]) -> str:
    parts = [f"{resources.get('CPU', 0):g} vCPUs", f"{resources.get('memory', 0) / 2**30:g} GiB"]
    if resources.get("GPU"):
        parts.append(f"{resources['GPU']:g} GPUs")
    return " and ".join(parts)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:500] if lines else type(error).__name__


def connect(address: str) -> None:
    """Connect with the cluster.

    Raises:
        Refusal: it cannot be reached, or does not know the token.
    """
    try:
        GcsClient(address=address).get_all_node_info(timeout=_LOOK_SECONDS)
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    except AuthenticationError as error:
        raise Refusal(
            f"the Ray cluster at {address} does not know the token: set the account's "
            "compute.ray.token_file to the file that its nodes were started with"
        ) from error
    except (RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise Refusal(
            f"the Ray cluster at {address} cannot be reached ({_first_line(error)}): this machine "
            "must be one of its nodes (ray start --address ... --num-cpus 0), with the same "
            "versions of Ray and of Python"
        ) from error


async def _serve(descriptor: int, address: str) -> None:
    channel = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_connection(sock=channel, limit=wire.MAX_LINE_BYTES)
    first = asyncio.create_task(wire.read(reader))  # the server ends while this connects: so do we
    connecting = asyncio.create_task(asyncio.to_thread(connect, address))
    await asyncio.wait({first, connecting}, return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        _leave_at_once(0)
    try:
        connecting.result()
    except Refusal as error:
        wire.write(writer, {"id": 0, "error": str(error), "kind": "refused"})
        await writer.drain()
        _leave_at_once(1)
    wire.write(writer, {"id": 0, "answer": None})
    driver = Driver(lambda message: wire.write(writer, message))
    tasks: set[asyncio.Task[None]] = set()
    message = await first
    while message is not None:
        task = asyncio.create_task(driver.handle(message))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        message = await wire.read(reader)
    # Ray ends what this driver has started; if that hangs, the process ends all the same.
    threading.Timer(10, _leave_at_once, [1]).start()
    ray.shutdown()
    _leave_at_once(0)


def _leave_at_once(code: int) -> None:
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
