"""The MLflow servers of all accounts, each started when it is first needed.

One per account, and not one for all: what keeps accounts apart is then the store, the folder and
the process, and no check within MLflow that a release may forget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from modelyard.compute.moved_base import MovedBase
from modelyard.compute.runtime import Runtime
from modelyard.experiments.errors import ExperimentsNotInstalled
from modelyard.experiments.program import MlflowProgram, is_installed
from modelyard.experiments.server import MlflowServer

_LOOK_SECONDS = 60.0


class MlflowServers:
    """Finds an account's server. It belongs to one event loop.

    Args:
        root: `<home>/mlflow`.
        database_of: where an account's store is, by the account; empty: a file in its folder.
            Called in a thread.
        installed: whether MLflow is there.
    """

    def __init__(
        self,
        runtime: Runtime,
        root: Path,
        *,
        database_of: Callable[[str], str] = lambda _account: "",
        installed: Callable[[], bool] = is_installed,
    ) -> None:
        self._runtime = runtime
        self._root = root
        self._database_of = database_of
        self._installed = installed
        self._servers: dict[str, MlflowServer] = {}
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def installed(self) -> bool:
        return self._installed()

    def of(self, account: str) -> MlflowServer:
        """Return the server of an account (12 digits); it is not started by that.

        Raises:
            ExperimentsNotInstalled: the extra is missing.
        """
        if not self.installed:
            raise ExperimentsNotInstalled
        if account not in self._servers:
            folder = self._root / account

            def program() -> MlflowProgram:
                return MlflowProgram(
                    account=account,
                    folder=folder,
                    database=self._database_of(account),
                    sees_machine=self._runtime.name == MovedBase.name,
                )

            self._servers[account] = MlflowServer(self._runtime, account, folder, program)
        return self._servers[account]

    async def start(self) -> None:
        """Begin to look for servers that nobody uses."""
        self._sweeper = asyncio.create_task(self._sweep(), name="idle-mlflow")

    async def stop(self) -> None:
        """End all servers."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        self._servers.clear()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for server in list(self._servers.values()):
                await server.stop_if_idle()
