"""A small world for Autopilot jobs: a real store, real rows, real logs; its tests do the search."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.autopilot.kind import KIND
from modelyard.autopilot.operations import AutopilotOperations
from modelyard.autopilot.rooms import Rooms
from modelyard.autopilot.search_job import LOG_GROUP
from modelyard.autopilot.workflow import AutopilotWorkflow
from modelyard.jobs.desk import JobDesk
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of, tags_of
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response
from modelyard.store.database import Database
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Json, Resource, Store
from tests.autopilot.toys import ACCOUNT, REGION, first
from tests.policies import AllowAll

SCHEMA = Schema()
MODEL = "s3://bucket/out/search/job/output/model/"


class Dead(BaseException):
    """The server ends here."""


class Training:
    """Training jobs that are rows, and logs that tests write."""

    def __init__(self, store: Store, logs: LogStreams) -> None:
        self._store = store
        self._logs = logs
        self.created: list[str] = []
        self.stopped: list[str] = []
        self.refusal: Exception | None = None
        self.dies = False  # the server, once the next one is created
        self.found: list[str] = []  # what stands against the next requests

    def create(self, context: Context, request: Mapping[str, Any], observed: Json) -> None:
        SCHEMA.validate("sagemaker", "CreateTrainingJob", request)
        if self.refusal is not None:
            raise self.refusal
        name = request["TrainingJobName"]
        with self._store.write() as transaction:
            transaction.create(
                scope_of(context),
                "training-job",
                name,
                arn=_arn(name),
                spec={key: value for key, value in request.items() if key != "Tags"},
                status="InProgress",
                observed=dict(observed),
                tags=tags_of(request),
            )
        self.created.append(name)
        if self.dies:
            raise Dead

    def stop(self, context: Context, name: str) -> None:
        if self.job.status != "InProgress":
            raise ValidationError(f"{name} is {self.job.status}")
        self.stopped.append(name)
        with self._store.write() as transaction:
            transaction.update(self.job, status="Stopping")

    def problems(self, context: Context, request: Mapping[str, Any]) -> list[str]:
        SCHEMA.validate("sagemaker", "CreateTrainingJob", request)
        return self.found

    @property
    def job(self) -> Resource:
        """The one training job."""
        [name] = self.created
        with self._store.read() as snapshot:
            return snapshot.get_by_arn(_arn(name))

    def say(self, *lines: str, stream: str = "algo-1") -> None:
        """Write lines to the training job's log."""
        name = f"{self.job.name}/{stream}"
        with self._logs.writer(ACCOUNT, REGION, LOG_GROUP, name) as writer:
            for line in lines:
                writer.write(line)

    def tell(self, **facts: Any) -> None:
        self.say(f"#autopilot {json.dumps(facts)}")

    def end(self, status: str = "Completed", reason: str | None = None) -> None:
        observed = {"failure_reason": reason, "model": None if status == "Failed" else MODEL}
        with self._store.write() as transaction:
            transaction.update(self.job, status=status, observed=observed)


class World:
    """One server's rooms, as far as Autopilot needs them."""

    def __init__(self, home: Path) -> None:
        self.database = Database(f"sqlite:///{home}/modelyard.db")
        self.database.migrate()
        self.store = Store(self.database)
        logs = LogStreams(home / "logs")
        self.training = Training(self.store, logs)
        self.rooms = Rooms(store=self.store, training=self.training, logs=logs, poll_seconds=0.05)
        self.begun: list[str] = []
        self.context = Context(
            account=ACCOUNT,
            region=REGION,
            principal=Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x"),
            request_id="r",
            source="in-process",
        )
        self.restart()
        self.table = OperationTable(SCHEMA, AllowAll())
        desk = JobDesk(
            self.store,
            KIND,
            noun="AutoML job",
            require_role=lambda *_: None,
            begin=lambda _, arn: self.begun.append(arn),
            wake=lambda arn: self.workflow.wake(arn),
            remove_files=lambda _job: None,
        )
        self.table.add(AutopilotOperations(desk, self.training))
        self.store.on_event(lambda: self.workflow.wake_all(), kinds={KIND.name, "training-job"})

    def restart(self) -> None:
        """Forget all that a server holds in memory."""
        self.workflow = AutopilotWorkflow(self.rooms)

    def call(self, operation: str, **members: Any) -> Response:
        return self.table.call(self.context, "sagemaker", operation, members)

    def create(self, **overrides: Any) -> str:
        return str(self.call("CreateAutoMLJob", **first(**overrides))["AutoMLJobArn"])

    def describe(self, name: str = "search") -> Response:
        return self.call("DescribeAutoMLJob", AutoMLJobName=name)

    def candidates(self, **members: Any) -> list[Response]:
        answer = self.call("ListCandidatesForAutoMLJob", AutoMLJobName="search", **members)
        return list(answer["Candidates"])

    async def begin(self, **overrides: Any) -> asyncio.Task[None]:
        """Create a job and run it until its training job is there."""
        running = asyncio.create_task(self.workflow.run(self.create(**overrides)))
        await until(lambda: bool(self.training.created) or running.done())
        return running

    async def until_secondary(self, status: str) -> None:
        await until(lambda: self.describe()["AutoMLJobSecondaryStatus"] == status)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


def _arn(name: str) -> str:
    return sagemaker_arn(account=ACCOUNT, region=REGION, kind="training-job", name=name)
