"""The node's end: runs one host of a job, in the node's own sandbox.

An agent is a Ray actor. It fetches what the host is to find, runs the program, keeps its log lines
until they were taken, and uploads what the program left. When the actor ends, however it ends, so
does the program: the sandbox's warden sees to that.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelyard.compute.environments import MOUNT, Environments, RequirementsError
from modelyard.compute.job_files import remove_tree
from modelyard.compute.ray.interfaces import tell_interface
from modelyard.compute.ray.node import node_folder, node_runtime, sweep
from modelyard.compute.ray.shipping import Shipping, ShippingError
from modelyard.compute.runtime import Process, Program, RuntimeUnavailableError

#: What the driver may call.
METHODS = frozenset({"begin", "follow", "terminate", "kill", "sync", "finish"})
#: In an argument list or an environment: this node's Python.
PYTHON = "{modelyard:python}"

_REQUIREMENTS = Path("input", "code", "requirements.txt")
_FOLLOW_SECONDS = 10.0
_BATCH_BYTES = 1 << 20


class HostAgent:
    """One host of one job. Its methods take and return JSON, and are called by the driver."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._news = asyncio.Event()
        self._running: asyncio.Task[int] | None = None
        self._process: Process | None = None
        self._asked: list[str] = []  # to terminate, to kill, also before it has begun
        self._folder = Path()
        self._base = Path()
        self._shipping = Shipping()
        self._work: Path | None = None

    async def begin(self, order: str) -> str:
        """Begin with a host; what becomes of it is what `follow` tells."""
        self._running = asyncio.create_task(self._run(json.loads(order)))
        self._running.add_done_callback(lambda _: self._news.set())
        return "null"

    async def follow(self) -> str:
        """Return what is new: log lines, and the end: an exit code, or why there is none."""
        running = self._running
        if not self._lines and running is not None and not running.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _FOLLOW_SECONDS)
        self._news.clear()
        lines, size = [], 0
        while self._lines and size < _BATCH_BYTES:
            lines.append(self._lines.popleft())
            size += len(lines[-1])
        answer: dict[str, Any] = {"lines": lines}
        if not self._lines and running is not None and running.done():
            try:
                answer["code"] = running.result()
            except (RuntimeUnavailableError, ShippingError, OSError) as error:
                answer["error"] = str(error)
            except RequirementsError as error:
                answer["refused"] = f"InstallRequirementsError: {error}"
            except Exception as error:  # a fault of ours: told, since nothing else is seen of it
                answer["error"] = f"{type(error).__name__}: {error}"
            if "code" not in answer:
                self._shipping.close()
        return json.dumps(answer)

    async def terminate(self) -> str:
        """Ask the program to end, also if it has not begun yet."""
        self._asked.append("terminate")
        if self._process is not None:
            self._process.terminate()
        return "null"

    async def kill(self) -> str:
        """End the program now."""
        self._asked.append("kill")
        if self._process is not None:
            self._process.kill()
        return "null"

    async def sync(self, folder: str, url: str) -> str:
        """Upload a folder below /opt/ml while the program runs."""
        return await self._deliver(folder, url)

    async def finish(self, url: str) -> str:
        """Upload all that the program has left, and remove it here."""
        answer = await self._deliver(".", url)
        self._shipping.close()
        if self._work is not None:
            await asyncio.to_thread(remove_tree, self._work)
        return answer

    async def _deliver(self, folder: str, url: str) -> str:
        try:
            await asyncio.to_thread(self._shipping.deliver, self._base, folder, url)
        except (ShippingError, OSError) as error:
            return json.dumps({"error": str(error)})
        return "{}"

    async def _run(self, order: dict[str, Any]) -> int:
        node = node_folder(order["server"])
        runtime = await node_runtime(node, only=order["runtime"])
        self._shipping = Shipping(order["authority"])
        await asyncio.to_thread(sweep, node / "jobs")
        # A new folder in each start, so that one that is still ending disturbs none.
        work = self._work = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=node / "jobs"))
        self._base, staged = work / "base", work / "staged"
        self._base.mkdir()
        staged.mkdir()
        mounts = await asyncio.to_thread(
            self._shipping.fetch, order["manifest"], self._base, staged
        )
        if order["address"]:
            tell_interface(self._base, order["address"])
        inputs = {mount: staged / mount for mount in mounts}
        if order["requirements"] is not None:
            environments = Environments(runtime, node / "environments", os.environ)
            account = order["requirements"]
            name = await environments.ensure(
                account,
                staged / _REQUIREMENTS,
                network=order["program"]["network"],
                say=lambda line: self._line(f"modelyard: {line}"),
            )
            if name is not None:
                inputs[MOUNT] = environments.path(account, name)
        if self._asked:
            return -signal.SIGTERM
        wanted = order["program"]
        program = Program(
            **{**wanted, "argv": [part.replace(PYTHON, sys.executable) for part in wanted["argv"]]},
            base=self._base,
            inputs=inputs,
        )
        process = self._process = await runtime.start(program, self._line)
        for asked in self._asked:
            process.kill() if asked == "kill" else process.terminate()
        return await process.wait()

    def _line(self, line: str) -> None:
        self._lines.append(line)
        self._news.set()
