"""A small world for tuning jobs: a real store and real rows; its tests carry out the training."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelyard import clock
from modelyard.arns import sagemaker_arn
from modelyard.compute.images import Image, UnknownImageError
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.metric_series import MetricSeries
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ResourceInUse, ValidationError
from modelyard.operations.requests import scope_of, tags_of
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response
from modelyard.store.database import Database
from modelyard.store.errors import AlreadyExists
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Json, Resource, Scope, Store
from modelyard.tuning.kind import KIND
from modelyard.tuning.operations import TuningOperations
from modelyard.tuning.rooms import Rooms
from modelyard.tuning.trial_jobs import TrialJobs
from modelyard.tuning.workflow import TuningWorkflow
from tests.policies import AllowAll
from tests.tuning.toys import ACCOUNT, REGION, request

SCHEMA = Schema()
SCOPE = Scope(account=ACCOUNT, region=REGION)
METRIC = "validation:auc"
REGEX = r"validation-auc:(\S+)"

#: What becomes of a training job, by its hyperparameters: status, value, reason.
Fate = Callable[[Mapping[str, str]], tuple[str, float | None, str | None]]


class Dead(BaseException):
    """The server ends here."""


class Training:
    """Training jobs that are rows; they end as `end` says, or when they are stopped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.created: list[str] = []
        self.refuse: Callable[[str], Exception | None] = lambda _name: None
        self.dies = False  # the server, once the next one is created
        self.found: list[str] = []  # what stands against the next requests
        self.asked: list[Mapping[str, Any]] = []

    def create(self, context: Context, request: Mapping[str, Any], observed: Json) -> None:
        SCHEMA.validate("sagemaker", "CreateTrainingJob", request)
        name = request["TrainingJobName"]
        refusal = self.refuse(name)
        if refusal is not None:
            raise refusal
        with self._store.write() as transaction:
            try:
                transaction.create(
                    scope_of(context),
                    "training-job",
                    name,
                    arn=_arn(name),
                    spec={key: value for key, value in request.items() if key != "Tags"},
                    status="InProgress",
                    observed={**observed, "started": clock.to_micros(clock.now())},
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ResourceInUse(name) from error
        self.created.append(name)
        if self.dies:
            raise Dead

    def stop(self, context: Context, name: str) -> None:
        job = self.job(name)
        if job.status != "InProgress":
            raise ValidationError(f"{name} is {job.status}")
        with self._store.write() as transaction:
            transaction.update(job, status="Stopping")

    def problems(self, context: Context, request: Mapping[str, Any]) -> list[str]:
        SCHEMA.validate("sagemaker", "CreateTrainingJob", request)
        self.asked.append(request)
        return self.found

    def job(self, name: str) -> Resource:
        with self._store.read() as snapshot:
            return snapshot.get_by_arn(_arn(name))

    def end(
        self,
        name: str,
        value: float | None = None,
        status: str = "Completed",
        reason: str | None = None,
    ) -> None:
        now = clock.to_micros(clock.now())
        metrics = [{"MetricName": METRIC, "Value": value, "Timestamp": now}]
        observed = {
            "ended": now,
            "metrics": [] if value is None else metrics,
            "failure_reason": reason,
        }
        with self._store.write() as transaction:
            transaction.update(self.job(name), status=status, observed=observed)

    def active(self) -> list[Resource]:
        return [job for name in self.created if (job := self.job(name)).status in _ACTIVE]


_ACTIVE = ("InProgress", "Stopping")


class World:
    """One server's rooms, as far as tuning needs them."""

    def __init__(self, home: Path) -> None:
        self.database = Database(f"sqlite:///{home}/modelyard.db")
        self.store = Store(self.database)
        self.training = Training(self.store)
        self.series = MetricSeries(home / "metrics")
        self.logs = LogStreams(home / "logs")
        self.begun: list[str] = []
        self.context = Context(
            account=ACCOUNT,
            region=REGION,
            principal=Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x"),
            request_id="r",
            source="in-process",
        )
        self.trials = TrialJobs(self.store, self.series, self.logs)
        self.restart()
        self.table = OperationTable(SCHEMA, AllowAll())
        self.table.add(
            TuningOperations(
                JobDesk(
                    self.store,
                    KIND,
                    noun="tuning job",
                    require_role=lambda *_: None,
                    begin=lambda _, arn: self.begun.append(arn),
                    wake=lambda arn: self.workflow.wake(arn),
                    remove_files=lambda _job: None,
                ),
                self.store,
                self.trials,
                self.training,
                require_role=lambda *_: None,
                image_of=self.image_of,
            )
        )
        self.store.on_event(lambda: self.workflow.wake_all(), kinds={KIND.name, "training-job"})

    def restart(self) -> None:
        """Forget all that a server holds in memory."""
        self.workflow = TuningWorkflow(
            Rooms(
                store=self.store,
                trials=self.trials,
                training=self.training,
                image_of=self.image_of,
                poll_seconds=0.05,
            )
        )

    @staticmethod
    def image_of(uri: str) -> Image:
        if uri != "toy":
            raise UnknownImageError(f"Image {uri!r} is not offered")
        return Image(
            name="toy",
            version="1",
            entrypoint=("toy",),
            purposes=("train",),
            metric_definitions=[(METRIC, REGEX)],
            hyperparameter_problems=_problems,
        )

    def call(self, operation: str, **members: Any) -> Response:
        return self.table.call(self.context, "sagemaker", operation, members)

    def create(self, name: str = "search", **overrides: Any) -> str:
        made = self.call("CreateHyperParameterTuningJob", **request(name, **overrides))
        return str(made["HyperParameterTuningJobArn"])

    def describe(self, name: str = "search") -> Response:
        return self.call("DescribeHyperParameterTuningJob", HyperParameterTuningJobName=name)

    def stop(self, name: str = "search") -> None:
        self.call("StopHyperParameterTuningJob", HyperParameterTuningJobName=name)

    def listed(self, name: str = "search", **members: Any) -> list[Response]:
        answer = self.call(
            "ListTrainingJobsForHyperParameterTuningJob",
            HyperParameterTuningJobName=name,
            **members,
        )
        return list(answer["TrainingJobSummaries"])

    async def carry_out(
        self, fate: Fate, name: str = "search", *, most: int = 1, **overrides: Any
    ) -> Response:
        """Run a tuning job to its end; return its description.

        Args:
            fate: says how each training job ends.
            most: how many may be active at once.
        """
        running = asyncio.create_task(self.workflow.run(self.create(name, **overrides)))
        await self.attend(running, fate, most=most)
        return self.describe(name)

    async def attend(self, running: asyncio.Task[None], fate: Fate, *, most: int = 1) -> None:
        """End training jobs until the workflow has ended."""
        deadline = time.monotonic() + 60
        while not running.done():
            assert time.monotonic() < deadline, "the tuning job does not end"
            active = self.training.active()
            assert len(active) <= most
            for job in active:
                if job.status == "Stopping":
                    self.training.end(job.name, status="Stopped")
                else:
                    status, value, reason = fate(job.spec["HyperParameters"])
                    self.training.end(job.name, value, status, reason)
            await asyncio.sleep(0.005)
        await running


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


def by_eta(hyperparameters: Mapping[str, str]) -> tuple[str, float | None, str | None]:
    """End well, the better the greater eta is."""
    return "Completed", float(hyperparameters["eta"]), None


def _problems(texts: Mapping[str, str], hosts: int) -> list[str]:
    known = {"eta", "num_round", "depth", "_tuning_objective_metric"}
    found = [f"{name}={texts[name]} is no hyperparameter" for name in texts if name not in known]
    if float(texts.get("eta", 0)) > 1:
        found.append(f"eta={texts['eta']} must be a number in [0, 1]")
    return found


def _arn(name: str) -> str:
    return sagemaker_arn(account=ACCOUNT, region=REGION, kind="training-job", name=name)
