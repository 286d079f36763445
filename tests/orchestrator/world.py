"""A small world to build stacks in: a real store, a real operation table, toy capabilities."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from modelyard.operations.context import Context, Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Request
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.preview import stack_arn
from modelyard.orchestrator.stacks.resources import (
    Endpoint,
    EndpointConfig,
    InferenceApi,
    Model,
    ResourceType,
    TableCalls,
    TrainingJob,
)
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.resources import Resource, Scope, Store, Transaction
from tests.orchestrator.toys import Crash, Faults, Toys

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


class Policy:
    """Lets everybody do everything but what is denied."""

    def __init__(self) -> None:
        self.denied: set[str] = set()
        self.asked: list[str] = []

    def refusal(self, context: Context, action: str, request: Request) -> str | None:
        self.asked.append(action)
        if action not in self.denied:
            return None
        return f"User: {context.principal.arn} is not authorized to perform: {action}"


class Queue:
    """The workflows that were asked for; like the durable engine it runs them after a crash too."""

    def __init__(self) -> None:
        self.functions: dict[str, Any] = {}
        self.waiting: deque[tuple[str, str]] = deque()

    def start(self, transaction: Transaction, workflow: str, argument: str) -> None:
        self.waiting.append((workflow, argument))

    async def drain(self) -> None:
        """Run all that waits, several at once, each until it returns."""
        while self.waiting:
            async with asyncio.TaskGroup() as group:
                while self.waiting:
                    workflow, argument = self.waiting.popleft()
                    group.create_task(self.functions[workflow](argument))

    async def one_after_the_other(self) -> None:
        """Run all that waits; after a crash what was running runs again."""
        while self.waiting:
            workflow, argument = self.waiting[0]
            await self.functions[workflow](argument)
            self.waiting.popleft()


class World:
    """Everything that a stack needs."""

    def __init__(self, store: Store, faults: Faults | None = None, *, looks: int = 1) -> None:
        self.store = store
        self.policy = Policy()
        self.toys = Toys(faults, looks=looks)
        self.table = OperationTable(SCHEMA, self.policy)
        self.table.add(self.toys)
        calls = TableCalls(self.table, SCHEMA)
        kinds: list[ResourceType] = [
            Model(calls),
            EndpointConfig(calls),
            Endpoint(calls),
            TrainingJob(calls),
            InferenceApi(store, lambda: BASE_URL),
        ]
        self.types = {kind.type: kind for kind in kinds}
        self.queue = Queue()
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
                await self.queue.one_after_the_other()
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
        try:
            yield Store(database)
        finally:
            database.dispose()
