"""The programs of one job, one per host, from the first one's start to the last one's end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping

from modelyard.compute.runtime import Process, Program, Runtime
from modelyard.jobs.job_log import JobLog
from modelyard.jobs.outcome import Stop


class Hosts:
    """Runs the hosts of a job together.

    A host that fails ends the others: they could only wait for it.

    Args:
        grace_seconds: how long programs have between SIGTERM and SIGKILL.
    """

    def __init__(self, runtime: Runtime, *, grace_seconds: float) -> None:
        self._runtime = runtime
        self._grace_seconds = grace_seconds

    async def run(
        self,
        programs: Mapping[str, Program],
        logs: Mapping[str, JobLog],
        reason_to_stop: Awaitable[Stop],
    ) -> tuple[dict[str, int], Stop | None]:
        """Run the programs; return their exit codes as they ended, and why they were stopped.

        Whatever ends this, an exception or a cancellation too, no program is left.

        Raises:
            RuntimeUnavailableError: a program cannot be run here.
        """
        stopping = asyncio.ensure_future(reason_to_stop)
        processes: dict[str, Process] = {}
        try:
            for host, program in programs.items():
                processes[host] = await self._runtime.start(program, logs[host].line)
            return await self._watch(processes, stopping)
        finally:
            stopping.cancel()
            await end_all(processes)
            await asyncio.gather(stopping, return_exceptions=True)

    async def _watch(
        self, processes: Mapping[str, Process], stopping: asyncio.Future[Stop]
    ) -> tuple[dict[str, int], Stop | None]:
        running = {asyncio.create_task(process.wait()): host for host, process in processes.items()}
        codes: dict[str, int] = {}
        stop: Stop | None = None
        kill_at: float | None = None
        clock = asyncio.get_running_loop().time
        while running:
            awaited: set[asyncio.Future[int] | asyncio.Future[Stop]] = {*running}
            if stop is None:
                awaited.add(stopping)
            done, _ = await asyncio.wait(
                awaited,
                timeout=None if kill_at is None else max(0.0, kill_at - clock()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in [task for task in running if task in done]:
                codes[running.pop(task)] = task.result()
            if stop is None and stopping in done:
                stop = stopping.result()
                kill_at = clock() + self._grace_seconds
                for host in running.values():
                    processes[host].terminate()
            elif not done or (stop is None and any(codes.values())):
                kill_at = None
                for host in running.values():
                    processes[host].kill()
        return codes, stop


async def end_all(processes: Mapping[str, Process]) -> None:
    """Kill what still runs, and wait until it is gone."""
    for process in processes.values():
        process.kill()
    await asyncio.gather(
        *(process.wait() for process in processes.values()), return_exceptions=True
    )
