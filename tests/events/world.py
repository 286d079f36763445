"""A small world for the event bus: a real store and table, and targets that keep what they get."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from modelyard.destinations import Topic, Webhook
from modelyard.events.backoff import Backoff
from modelyard.events.dispatcher import Pace
from modelyard.events.room import EventBus
from modelyard.identity.roles import ensure_default_role
from modelyard.operations.context import Context, Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Request, Response, operation
from modelyard.operations.targets import named
from modelyard.outbound import Outbound
from modelyard.store.database import Database
from modelyard.store.outbox import Outbox
from modelyard.store.outbox import Pace as OutboxPace
from modelyard.store.resources import Resource, Scope, Store
from tests.policies import Denying

ACCOUNT, OTHER, REGION = "123456789012", "234567890123", "us-east-1"
SCOPE = Scope(account=ACCOUNT, region=REGION)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"
INBOX = f"arn:aws:sns:{REGION}:{ACCOUNT}:inbox"
CREATE_JOB = "arn:aws:scheduler:::aws-sdk:sagemaker:createTrainingJob"
PROVISION = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:orchestrator/prod/POST/provisionpipeline"
SCHEMA = Schema()
AT_ONCE = Pace(poll_seconds=0.02, backoff=Backoff(first_seconds=0.0))


def caller(account: str = ACCOUNT, name: str = "root") -> Context:
    return Context(
        account=account,
        region=REGION,
        principal=Principal(account=account, arn=f"arn:aws:iam::{account}:{name}", user_id=account),
        request_id="r-1",
        source="test",
    )


class Jobs:
    """Stands where training does: each job is a row, and who asked is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[tuple[Context, str]] = []

    @operation("sagemaker", "CreateTrainingJob", on=named("training-job", "TrainingJobName"))
    def create(self, context: Context, request: Request) -> Response:
        name = request["TrainingJobName"]
        self.asked.append((context, name))
        with self._store.write() as transaction:
            job(transaction, name)
        return {"TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"}


def job(transaction: Any, name: str, *, status: str = "InProgress") -> Resource:
    made: Resource = transaction.create(
        SCOPE,
        "training-job",
        name,
        arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}",
        spec={"RoleArn": ROLE, "Environment": {"TOKEN": "s3cr3t"}},
        status=status,
        observed={"secondary": "Starting", "transitions": []},
        tags={"team": "risk"},
    )
    return made


class Provisioned:
    """Stands where the orchestrator does; fails as it is told."""

    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.tried: list[str] = []
        self.fails: Callable[[Mapping[str, Any], int], Exception | None] = lambda body, times: None
        self.hangs = threading.Event()
        self.hangs.set()

    def __call__(self, context: Context, body: Mapping[str, Any]) -> object:
        label = json.dumps(body, sort_keys=True)
        self.tried.append(label)
        error = self.fails(body, self.tried.count(label))
        if body.get("hang"):
            self.hangs.wait(60)
        if error is not None:
            raise error
        self.bodies.append(body)
        return {}


class World:
    """The bus, and what is asked of it."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        webhooks: Sequence[Webhook] = (),
        topics: Sequence[Topic] = (),
        allowed_hosts: Sequence[str] = (),
        pace: Pace = AT_ONCE,
    ) -> None:
        self.store = Store(database)
        for account in (ACCOUNT, OTHER):
            ensure_default_role(self.store, account)
        self.policy = Denying()
        self.table = OperationTable(SCHEMA, self.policy)
        self.outbox = Outbox(self.store, OutboxPace(poll_seconds=0.02, first_retry_seconds=0))
        self.provisioned = Provisioned()
        self.jobs = Jobs(self.store)
        self.bus = EventBus(
            self.store,
            self.table,
            self.outbox,
            topics=topics,
            webhooks=webhooks,
            outbound=Outbound(allowed_hosts),
            inbox=folder / "inbox",
            provision=self.provisioned,
            pace=pace,
        )
        self.table.add(self.jobs)

    def call(self, name: str, *, by: Context | None = None, **request: Any) -> Response:
        return self.table.call(by or caller(), "events", name, request)

    def own(self, name: str, **request: Any) -> Response:
        return self.table.call(caller(), "modelyard", name, request)

    def rule(self, name: str, pattern: Mapping[str, Any], *targets: Mapping[str, Any]) -> None:
        """Put a rule with its targets, all of which must be taken."""
        self.call("PutRule", Name=name, EventPattern=json.dumps(pattern))
        if targets:
            answer = self.call("PutTargets", Rule=name, Targets=list(targets))
            assert answer["FailedEntryCount"] == 0, answer

    def put(self, detail: Mapping[str, Any], *, resource: str = "", **entry: Any) -> str:
        """Put an event of the source `shop` on the bus, and return its id."""
        given = {
            "Source": "shop",
            "DetailType": "Order",
            "Detail": json.dumps(detail),
            "Resources": [resource] if resource else [],
            **entry,
        }
        (answer,) = self.call("PutEvents", Entries=[given])["Entries"]
        assert "EventId" in answer, answer
        return str(answer["EventId"])

    def dead_letters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.own("ListDeadLetters")["DeadLetters"]
        return found

    def notifications(self, topic: str = "inbox") -> list[str]:
        found = self.own("ListNotifications", Topic=topic)["Notifications"]
        return [one["Text"] for one in found]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.bus.start()
        await self.outbox.start()
        try:
            yield
        finally:
            self.provisioned.hangs.set()
            await self.outbox.stop()
            await self.bus.stop()


def pipeline_target(id_: str = "t", **others: Any) -> dict[str, Any]:
    """A target whose body is the event's detail."""
    return {"Id": id_, "Arn": PROVISION, "InputPath": "$.detail", **others}


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(reached):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.01)
