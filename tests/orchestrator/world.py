"""A small world to build stacks in: a real store, a real operation table, toy capabilities."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from modelyard.monitoring.types import TYPES
from modelyard.operations.context import Context, Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.preview import stack_arn
from modelyard.orchestrator.stacks.resources import (
    AnalysisConfig,
    AutopilotJob,
    Endpoint,
    EndpointConfig,
    InferenceApi,
    JobDefinition,
    Model,
    MonitoringSchedule,
    ProcessingJob,
    ResourceType,
    TableCalls,
    TrainingJob,
    TransformJob,
    TuningJob,
)
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.resources import Resource, Scope, Store, Transaction
from modelyard.workflows.starter import WorkflowStarter
from tests.orchestrator.toys import Crash, Faults, Toys
from tests.policies import Denying

ACCOUNT = "123456789012"
REGION = "us-east-1"
SCOPE = Scope(account=ACCOUNT, region=REGION)
BASE_URL = "http://127.0.0.1:8080"
SCHEMA = Schema()


def caller(name: str = "root", *, account: str = ACCOUNT, region: str = REGION) -> Context:
    return Context(
        account=account,
        region=region,
        principal=Principal(account=account, arn=f"arn:aws:iam::{account}:{name}", user_id=name),
        request_id=str(uuid.uuid4()),
        source="test",
    )


_metadata = sa.MetaData()
_workflows = sa.Table(
    "workflows",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("workflow", sa.String, nullable=False),
    sa.Column("argument", sa.String, nullable=False),
    sqlite_autoincrement=True,
)


class Queue:
    """The workflows that were asked for, run as the durable engine runs them.

    Asked for in a transaction; several at once, but one at a time for each argument; and what a
    crash interrupted is still to be run, from its beginning.
    """

    def __init__(self, store: Store) -> None:
        self.functions: dict[str, Any] = {}
        self._store = store
        self._asked = 0  # a hint that there is something to read
        self._other: WorkflowStarter | None = None

    def use(self, other: WorkflowStarter) -> None:
        """Leave everything to another engine from now on."""
        self._other = other

    def start(self, transaction: Transaction, workflow: str, argument: str) -> None:
        if self._other is not None:
            self._other.start(transaction, workflow, argument)
            return
        self._asked += 1
        transaction.connection.execute(
            sa.insert(_workflows).values(workflow=workflow, argument=argument)
        )

    def waiting(self) -> dict[int, tuple[str, str]]:
        with self._store.read() as snapshot:
            rows = snapshot.connection.execute(sa.select(_workflows).order_by(_workflows.c.id))
            return {row.id: (row.workflow, row.argument) for row in rows}

    async def drain(self) -> None:
        """Run all that waits, and all that is asked for meanwhile, to the end.

        Raises:
            Crash: the process ended.
        """
        locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        running: dict[asyncio.Task[None], int] = {}

        async def guarded(workflow: str, argument: str) -> None:
            async with locks[argument]:
                await self.functions[workflow](argument)

        started: set[int] = set()
        try:
            while True:
                if len(started) < self._asked or not running:
                    waiting = self.waiting()
                    for number in waiting.keys() - started:
                        started.add(number)
                        running[asyncio.create_task(guarded(*waiting[number]))] = number
                if not running:
                    return
                done, _ = await asyncio.wait(
                    running, timeout=0.005, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                    self._forget(running.pop(task))
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _forget(self, number: int) -> None:
        with self._store.write() as transaction:
            transaction.connection.execute(sa.delete(_workflows).where(_workflows.c.id == number))


class World:
    """Everything that a stack needs."""

    def __init__(self, store: Store, faults: Faults | None = None, *, looks: int = 1) -> None:
        self.store = store
        self.policy = Denying()
        self.toys = Toys(faults, looks=looks)
        self.table = OperationTable(SCHEMA, self.policy)
        self.table.add(self.toys)
        calls = TableCalls(self.table, SCHEMA)
        kinds: list[ResourceType] = [
            Model(calls),
            EndpointConfig(calls),
            Endpoint(calls),
            TrainingJob(calls),
            TuningJob(calls),
            AutopilotJob(calls),
            TransformJob(calls),
            ProcessingJob(calls),
            *(JobDefinition(calls, monitor) for monitor in TYPES.values()),
            MonitoringSchedule(calls),
            AnalysisConfig(store, lambda *_: None),
            InferenceApi(store, lambda: BASE_URL),
        ]
        self.types = {kind.type: kind for kind in kinds}
        self.queue = Queue(store)
        self.engine = StackEngine(
            store, self.queue, self.types, poll_seconds=0.0, patience_seconds=60.0
        )
        self.queue.functions["stack"] = self.engine.run

    def create(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str] | None = None,
        *,
        name: str = "stack",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Ask for a stack and return its ARN."""
        arn = stack_arn(SCOPE, name, str(uuid.uuid4()))
        with self.store.write() as transaction:
            self.engine.create(
                transaction,
                caller(),
                name,
                arn=arn,
                template=template,
                parameters=parameters or {},
                tags={"stack_name": name} if tags is None else tags,
                deployment=str(uuid.uuid4()),
            )
        return arn

    def update(
        self, arn: str, template: Mapping[str, Any], parameters: Mapping[str, str] | None = None
    ) -> None:
        with self.store.write() as transaction:
            self.engine.update(
                transaction,
                caller(),
                transaction.get_by_arn(arn),
                template=template,
                parameters=parameters or {},
                deployment=str(uuid.uuid4()),
            )

    def delete(self, arn: str) -> None:
        with self.store.write() as transaction:
            self.engine.delete(
                transaction, caller(), transaction.get_by_arn(arn), deployment=str(uuid.uuid4())
            )

    async def run(self) -> None:
        """Carry out all that was asked for; a crash is a restart of the process."""
        while True:
            try:
                await self.queue.drain()
                return
            except Crash:
                self.toys.faults.crash_before = self.toys.faults.crash_after = None

    def stack(self, arn: str) -> Resource:
        with self.store.read() as snapshot:
            return snapshot.get_by_arn(arn)

    def status(self, arn: str) -> str:
        return self.stack(arn).status

    def exists(self, arn: str) -> bool:
        with self.store.read() as snapshot:
            return snapshot.find(SCOPE, "stack", self.name_in(arn)) is not None

    @staticmethod
    def name_in(arn: str) -> str:
        return arn.split("/")[1]


@contextmanager
def new_store() -> Iterator[Store]:
    """Yield a store on a database of its own, which no power cut has to survive."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/store.db")

        @event.listens_for(database.engine, "connect")
        def hurry(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        tables.metadata.create_all(database.engine)
        _metadata.create_all(database.engine)
        try:
            yield Store(database)
        finally:
            database.dispose()
