"""The durable engine: coroutines that run to their end, whatever happens to the process.

A capability registers a coroutine function under a name. Starting it writes one row in the same
transaction as the resource that it is about, so neither exists without the other. The engine then
runs it in the server's event loop, and runs it again from its beginning after a crash, for as long
as it has not returned.

What a registered function must do:

- Take one argument, the ARN of its resource; read the rest from the store.
- Be idempotent: look at what the row and the disk say was done, and go on from there. The engine
  promises at least once, and never two runs for one ARN at once within a server.
- Let `CancelledError` through. It means that the server stops, and that the next one goes on.
- Set the resource's status itself, also on failure: an exception that leaves the function is
  logged and ends the workflow.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig
from dbos._serialization import Serializer

from modelyard.store.database import Database
from modelyard.store.resources import Transaction
from modelyard.workflows.worker import POLL_SECONDS, QueueWorker

WorkflowFunction = Callable[[str], Awaitable[None]]

#: The version of the workflows' own schema, not the release's: a release that runs what an
#: earlier one left pending keeps it, one that could not raises it and says how to drain.
WORKFLOW_VERSION = "1"

_QUEUE = "modelyard"

log = structlog.get_logger(__name__)


class _Json(Serializer):
    """DBOS pickles by default; nothing here is ever unpickled."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=str)

    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805 - the base class spells it so
        return json.loads(serialized_data)

    def name(self) -> str:
        return "modelyard_json"


class Engine:
    """Runs the registered workflows of one server.

    DBOS keeps its own tables in the same database, which is what makes `start` one transaction
    with the resource. There is one Engine to a process, as DBOS has it.
    """

    def __init__(self, database: Database) -> None:
        self._url = database.url.render_as_string(hide_password=False)
        self._functions: dict[str, WorkflowFunction] = {}
        self._client: DBOSClient | None = None
        self._worker: QueueWorker | None = None
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    def register(self, name: str, function: WorkflowFunction) -> None:
        """Offer `function` as the workflow `name`; before `launch` only.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._functions:
            raise ValueError(f"workflow {name!r} is registered twice")
        self._functions[name] = function

    def start(self, transaction: Transaction, workflow: str, argument: str) -> None:
        """Write down that `workflow` is to run for `argument`, an ARN, with the transaction.

        Raises:
            ValueError: no such workflow is registered.
            RuntimeError: the engine was not launched.
        """
        if workflow not in self._functions:
            raise ValueError(f"no workflow {workflow!r} is registered")
        if self._client is None or self._worker is None:
            raise RuntimeError("the workflow engine was not launched")
        self._client.enqueue_in_transaction(
            transaction.connection,
            {
                "workflow_name": workflow,
                "queue_name": _QUEUE,
                "workflow_id": f"{workflow}/{uuid.uuid4()}",
                "app_version": WORKFLOW_VERSION,
            },
            argument,
        )
        transaction.committed.append(self._worker.nudge)

    async def launch(self) -> None:
        """Begin to run workflows in the running event loop, those that a crash left first."""
        logging.getLogger("dbos").setLevel(logging.ERROR)
        serializer = _Json()
        config: DBOSConfig = {
            "name": "modelyard",
            "system_database_url": self._url,
            "application_version": WORKFLOW_VERSION,
            # One control-plane process per database: what an earlier one left is ours.
            "executor_id": "local",
            "serializer": serializer,
            "enable_otlp": False,
            "log_level": "ERROR",
        }
        dbos = DBOS(config=config)
        DBOS.listen_queues([])  # a worker of our own does
        for name, function in self._functions.items():
            DBOS.workflow(name=name, max_recovery_attempts=None)(self._guarded(name, function))
        DBOS.launch()
        queue = await DBOS.register_queue_async(
            _QUEUE, polling_interval_sec=POLL_SECONDS, on_conflict="always_update"
        )
        self._client = DBOSClient(system_database_url=self._url, serializer=serializer)
        self._worker = QueueWorker(dbos, queue)
        self._worker.start()

    async def shutdown(self) -> None:
        """Cancel what runs, wait until it has let go, and stop. The next launch goes on with it."""
        self._stopping = True
        if self._worker is not None:
            await asyncio.to_thread(self._worker.stop)
            self._worker = None
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._client is not None:
            self._client.destroy()
            self._client = None
        # DBOS has made its thread pool the loop's own, and is about to close it; others go on.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)

    def _guarded(self, name: str, function: WorkflowFunction) -> WorkflowFunction:
        async def run(argument: str) -> None:
            if self._stopping:
                raise asyncio.CancelledError
            task = asyncio.ensure_future(self._run(name, function, argument))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await task

        return run

    async def _run(self, name: str, function: WorkflowFunction, argument: str) -> None:
        async with self._one_at_a_time[argument]:
            try:
                await function(argument)
            except Exception:
                log.exception("workflow failed", workflow=name, resource=argument)
                raise
