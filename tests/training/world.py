"""A small world for training jobs: a home, a real runtime, and toy images made of shell scripts."""

from __future__ import annotations

import asyncio
import io
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.compute.capacity import Capacity
from modelyard.compute.images import Image, UnknownImageError
from modelyard.compute.runtime import Runtime
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.metric_series import MetricSeries
from modelyard.jobs.workflow import JobWorkflow
from modelyard.jobs.workshop import Workshop
from modelyard.operations.context import Context, Principal
from modelyard.store.database import Database
from modelyard.store.logs import LogStreams
from modelyard.store.objects import ObjectStores, S3Uri
from modelyard.store.resources import Resource, Store
from modelyard.training.operations import TrainingOperations
from modelyard.training.task import KIND, TrainingTask

ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = "bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"

TOY_METRICS = (("validation:auc", r"(?:\t|#011)validation-auc:(\S+)"),)


@dataclass
class World:
    """One server's rooms, as `app.py` would put them together."""

    home: Path
    runtime: Runtime
    capacity: Capacity = field(default_factory=lambda: Capacity(64, 256.0))
    #: What the toy image runs, by its URI.
    scripts: dict[str, str] = field(default_factory=lambda: {"toy": "echo x > /opt/ml/model/m"})
    patience: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        database = Database(f"sqlite:///{self.home}/modelyard.db")
        self.database = database
        self.store = Store(database)
        self.stores = ObjectStores(self.home / "objects")
        self.objects = self.stores.of(ACCOUNT)
        if not self.objects.has_bucket(BUCKET):
            self.objects.create_bucket(BUCKET)
        self.logs = LogStreams(self.home / "logs")
        self.series = MetricSeries(self.home / "metrics")
        self.begun: list[str] = []
        self.context = Context(
            account=ACCOUNT,
            region=REGION,
            principal=Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x"),
            request_id="r",
            source="in-process",
        )
        self.restart()

    def restart(self) -> None:
        """Forget all that a server holds in memory."""
        self.workflow = JobWorkflow(
            Workshop(
                store=self.store,
                objects=self.stores,
                runtime=self.runtime,
                capacity=self.capacity,
                logs=self.logs,
                jobs=self.home / "jobs",
                series=self.series,
                image_of=self.image_of,
                **self.patience,
            ),
            KIND,
            TrainingTask,
        )
        self.desk = JobDesk(
            self.store,
            KIND,
            noun="training job",
            require_role=lambda *_: None,
            begin=lambda _, arn: self.begun.append(arn),
            wake=self.workflow.wake,
            remove_files=self.workflow.forget,
        )
        self.operations = TrainingOperations(
            self.desk,
            self.stores,
            image_of=self.image_of,
            key_problem=lambda _scope, _role, key: None if key == "key" else f"there is no {key}",
        )

    def image_of(self, uri: str) -> Image:
        if uri not in self.scripts:
            raise UnknownImageError(f"Image {uri!r} is not offered")
        script = ("/bin/sh", "-c", self.scripts[uri])
        return Image(
            name="toy",
            version="1",
            entrypoint=script,
            purposes=("train",),
            metric_definitions=TOY_METRICS,
        )

    def put(self, key: str, data: str | bytes) -> None:
        content = data.encode() if isinstance(data, str) else data
        self.objects.put_bytes(S3Uri(BUCKET, key), content)

    def get(self, key: str) -> bytes:
        return self.objects.get(S3Uri(BUCKET, key))

    def keys(self, prefix: str = "") -> list[str]:
        return [found.key for found in self.objects.list(S3Uri(BUCKET, prefix))]

    def unpacked(self, key: str) -> dict[str, bytes]:
        """Return the files of an uploaded archive."""
        with tarfile.open(fileobj=io.BytesIO(self.get(key)), mode="r:gz") as tar:
            return {
                member.name: content.read()
                for member in tar
                if (content := tar.extractfile(member)) is not None
            }

    def create(self, script: str | None = None, *, name: str = "job", **members: Any) -> str:
        if script is not None:
            self.scripts["toy"] = script
        response = self.operations.create_training_job(self.context, request(name, **members))
        return str(response["TrainingJobArn"])

    async def run(
        self, script: str | None = None, *, name: str = "job", **members: Any
    ) -> Resource:
        """Create a job and carry it out; return how it ended."""
        await self.workflow.run(self.create(script, name=name, **members))
        return self.job(name)

    def start(self, script: str | None = None, *, name: str = "job", **members: Any) -> Running:
        arn = self.create(script, name=name, **members)
        return Running(self, name, asyncio.create_task(self.workflow.run(arn)))

    def job(self, name: str = "job") -> Resource:
        arn = sagemaker_arn(account=ACCOUNT, region=REGION, kind="training-job", name=name)
        with self.store.read() as snapshot:
            return snapshot.get_by_arn(arn)

    def describe(self, name: str = "job") -> dict[str, Any]:
        return self.operations.describe_training_job(self.context, {"TrainingJobName": name})

    def stop(self, name: str = "job") -> None:
        self.operations.stop_training_job(self.context, {"TrainingJobName": name})

    def base(self, host: str = "algo-1", name: str = "job") -> Path:
        return self.home / "jobs" / ACCOUNT / REGION / "training-job" / name / host

    def log(self, name: str = "job", host: str = "algo-1") -> list[str]:
        [stream] = self.logs.streams(ACCOUNT, REGION, KIND.log_group, f"{name}/{host}-")
        page = self.logs.events(ACCOUNT, REGION, KIND.log_group, stream.name, from_head=True)
        return [event.message for event in page.events]


@dataclass
class Running:
    """A job whose workflow runs in a task."""

    world: World
    name: str
    task: asyncio.Task[None]

    async def until(self, condition: Callable[[], bool]) -> None:
        await until(lambda: condition() or self.task.done())
        assert condition(), self.world.describe(self.name)

    async def until_secondary(self, *statuses: str) -> None:
        await self.until(lambda: self.world.job(self.name).observed["secondary"] in statuses)

    async def until_says(self, line: str) -> None:
        await self.until(
            lambda: (
                self.world.job(self.name).observed["secondary"] == "Training"
                and line in self.world.log(self.name)
            )
        )

    async def end(self) -> Resource:
        await self.task
        return self.world.job(self.name)

    async def shut_down(self) -> None:
        """Stop the server as it is stopped: by cancelling what runs."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert self.task.cancelled()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


def request(name: str = "job", **members: Any) -> dict[str, Any]:
    """Return a CreateTrainingJob request; `members` replace or add, None removes."""
    whole = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": "toy", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **members,
    }
    return {key: value for key, value in whole.items() if value is not None}


def channel(
    name: str = "train", uri: str = f"s3://{BUCKET}/train/", **members: Any
) -> dict[str, Any]:
    """Return one entry of InputDataConfig; source members have their own names."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    for key in ("S3DataType", "S3DataDistributionType", "AttributeNames"):
        if key in members:
            source[key] = members.pop(key)
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}


def statuses(job: Resource) -> list[str]:
    return [entry["status"] for entry in job.observed["transitions"]]
