"""A small world for processing jobs: a home, a real runtime, and shell scripts as programs."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.compute.capacity import Capacity
from modelyard.compute.images import Image, UnknownImageError
from modelyard.compute.runtime import Runtime
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.workflow import JobWorkflow
from modelyard.jobs.workshop import Workshop
from modelyard.operations.context import Context, Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response
from modelyard.processing.operations import ProcessingOperations
from modelyard.processing.predictor import Models
from modelyard.processing.task import KIND, ProcessingTask
from modelyard.store.database import Database
from modelyard.store.logs import LogStreams
from modelyard.store.objects import ObjectStores, S3Uri
from modelyard.store.resources import Resource, Store
from tests.policies import AllowAll

ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "bucket"
SCHEMA = Schema()

#: An analysis: tells what it was given, and what the model answers.
ANALYST = """
import json, os, sys, time
from pathlib import Path
from modelyard.images.processing.layout import Layout
from modelyard.images.clarify.predict.serving import _Address

layout = Layout.from_environment(os.environ)
told = lambda name: os.environ.get(name, "")
for uri, path in json.loads(told("CLARIFY_S3_FILES") or "{}").items():
    print(uri, [file.read_text() for file in layout.translate(path).iterdir()])
if told("CLARIFY_MODEL_DIR"):
    print("files", [file.name for file in layout.translate(told("CLARIFY_MODEL_DIR")).iterdir()])
for path in filter(None, told("CLARIFY_PREDICTOR_URL").split(",")):
    connection = _Address.parse(str(layout.translate(path))).connection(60)
    connection.request("POST", "/invocations", told("ASK"), {"Content-Type": "text/csv"})
    answer = connection.getresponse()
    print("answer", answer.status, answer.read().decode(), flush=True)
print("done", flush=True)
(layout.base / "processing/done").touch()
time.sleep(float(told("LINGER") or 0))
"""


@dataclass
class World:
    """One server's rooms, as `app.py` would put them together."""

    home: Path
    runtime: Runtime
    patience: dict[str, Any] = field(default_factory=dict)
    models: Models | None = None

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.home}/modelyard.db")
        self.database.migrate()
        self.store = Store(self.database)
        self.stores = ObjectStores(self.home / "objects")
        self.objects = self.stores.of(ACCOUNT)
        self.objects.create_bucket(BUCKET)
        self.logs = LogStreams(self.home / "logs")
        root = Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x")
        self.context = Context(
            account=ACCOUNT, region=REGION, principal=root, request_id="r", source="in-process"
        )
        self.restart()

    def restart(self) -> None:
        """Forget all that a server holds in memory."""
        workshop = Workshop(
            store=self.store,
            objects=self.stores,
            runtime=self.runtime,
            capacity=Capacity(64, 256.0),
            logs=self.logs,
            jobs=self.home / "jobs",
            image_of=image_of,
            **self.patience,
        )
        self.workflow = JobWorkflow(workshop, KIND, partial(ProcessingTask, models=self.models))
        desk = JobDesk(
            self.store,
            KIND,
            noun="processing job",
            require_role=lambda *_: None,
            begin=lambda *_: None,
            wake=self.workflow.wake,
            remove_files=self.workflow.remove_files,
        )
        self.table = OperationTable(SCHEMA, AllowAll())
        self.table.add(
            ProcessingOperations(
                desk,
                self.stores,
                image_of=image_of,
                key_problem=lambda _scope, _role, key: f"there is no key {key}",
            )
        )

    @property
    def folder(self) -> Path:
        """Where the job's files are while it runs."""
        return self.home / "jobs" / ACCOUNT / REGION / "processing-job" / "job"

    def call(self, operation: str, **members: Any) -> Response:
        return self.table.call(self.context, "sagemaker", operation, members)

    def put(self, key: str, data: str) -> None:
        self.objects.put_bytes(S3Uri(BUCKET, key), data.encode())

    def files(self, prefix: str) -> dict[str, str]:
        """Return the objects below a prefix, by what follows it."""
        return {
            found.key[len(prefix) :]: self.objects.get(S3Uri(BUCKET, found.key)).decode()
            for found in self.objects.list(S3Uri(BUCKET, prefix))
        }

    async def run(self, script: str, **members: Any) -> Resource:
        """Create a job of a shell script and carry it out; return how it ended."""
        await self.workflow.run(self.create(script, **members))
        return self.job()

    def create(self, script: str, **members: Any) -> str:
        arn = self.call("CreateProcessingJob", **request(script, **members))["ProcessingJobArn"]
        return str(arn)

    def start(self, script: str, **members: Any) -> asyncio.Task[None]:
        return asyncio.create_task(self.workflow.run(self.create(script, **members)))

    def job(self) -> Resource:
        arn = sagemaker_arn(account=ACCOUNT, region=REGION, kind="processing-job", name="job")
        with self.store.read() as snapshot:
            return snapshot.get_by_arn(arn)

    def describe(self) -> Response:
        return self.call("DescribeProcessingJob", ProcessingJobName="job")

    def log(self, host: str = "algo-1") -> list[str]:
        [stream] = self.logs.streams(ACCOUNT, REGION, KIND.log_group, f"job/{host}-")
        page = self.logs.events(ACCOUNT, REGION, KIND.log_group, stream.name, from_head=True)
        return [event.message for event in page.events]


def image_of(uri: str) -> Image:
    match uri:
        case "toy":
            return Image(name="toy", version="1", entrypoint=(), purposes=("process",))
        case "whole":
            script = "echo $* > /opt/ml/processing/out/said"
            return Image(
                name="whole",
                version="1",
                entrypoint=("/bin/sh", "-c", script, "it"),
                purposes=("process",),
            )
        case "analyst":
            return Image(
                name="analyst",
                version="1",
                entrypoint=(sys.executable, "-c", ANALYST),
                purposes=("process",),
                analyses_models=True,
            )
    raise UnknownImageError(f"Image {uri!r} is not offered")


def request(script: str = "true", **members: Any) -> dict[str, Any]:
    """Return a CreateProcessingJob request; `members` replace or add, None removes."""
    program = {"ImageUri": "toy", "ContainerEntrypoint": ["/bin/sh", "-c", script]}
    whole = {
        "ProcessingJobName": "job",
        "AppSpecification": program,
        "ProcessingResources": resources(),
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution",
        **members,
    }
    return {key: value for key, value in whole.items() if value is not None}


def resources(count: int = 1, **members: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1}
    return {"ClusterConfig": {**cluster, **members}}


def given(
    name: str = "in", key: str = "in/", path: str | None = None, **members: Any
) -> dict[str, Any]:
    """Return one entry of ProcessingInputs."""
    s3 = {
        "S3Uri": f"s3://{BUCKET}/{key}",
        "LocalPath": path or f"/opt/ml/processing/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        **members,
    }
    return {"InputName": name, "S3Input": {k: v for k, v in s3.items() if v is not None}}


def outputs(*names: str, mode: str = "EndOfJob", **members: Any) -> dict[str, Any]:
    """Return a ProcessingOutputConfig, each output below out/ in the bucket."""
    entries = [
        {
            "OutputName": name,
            "S3Output": {
                "S3Uri": f"s3://{BUCKET}/out/{name}",
                "LocalPath": f"/opt/ml/processing/{name}",
                "S3UploadMode": mode,
                **members,
            },
        }
        for name in names
    ]
    return {"Outputs": entries}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)
