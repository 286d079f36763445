"""A small world for transform jobs: a home, a real runtime, and a small program as the image."""

from __future__ import annotations

import asyncio
import hashlib
import io
import sys
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
from modelyard.jobs.model import JobModel
from modelyard.jobs.workflow import JobWorkflow
from modelyard.jobs.workshop import Workshop
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ValidationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response
from modelyard.store.database import Database
from modelyard.store.logs import LogStreams
from modelyard.store.objects import ObjectStores, S3Uri
from modelyard.store.resources import Resource, Store
from modelyard.transform.operations import TransformOperations
from modelyard.transform.task import KIND, TransformTask
from tests.batch.jobs import SERVE
from tests.policies import AllowAll

ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"
SCHEMA = Schema()


@dataclass
class World:
    """One server's rooms, as `app.py` would put them together."""

    home: Path
    runtime: Runtime
    patience: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.home}/modelyard.db")
        self.database.migrate()
        self.store = Store(self.database)
        self.stores = ObjectStores(self.home / "objects")
        self.objects = self.stores.of(ACCOUNT)
        self.objects.create_bucket(BUCKET)
        self.put("model.tar.gz", archive({"m": b"x"}))
        self.logs = LogStreams(self.home / "logs")
        root = Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x")
        self.context = Context(
            account=ACCOUNT, region=REGION, principal=root, request_id="r", source="in-process"
        )
        self.models = {"Mine": self.model()}
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
        self.workflow = JobWorkflow(workshop, KIND, TransformTask)
        desk = JobDesk(
            self.store,
            KIND,
            noun="transform job",
            require_role=lambda *_: None,
            begin=lambda *_: None,
            wake=self.workflow.wake,
            remove_files=self.workflow.remove_files,
        )
        self.table = OperationTable(SCHEMA, AllowAll())
        self.table.add(
            TransformOperations(
                desk,
                self.stores,
                find_model=self._find_model,
                image_of=image_of,
                key_problem=lambda _scope, _role, key: f"there is no key {key}",
            )
        )

    def model(self, **changes: Any) -> JobModel:
        facts: dict[str, Any] = {
            "name": "Mine",
            "image": "plus-one",
            "archive": f"s3://{BUCKET}/model.tar.gz",
            "account": ACCOUNT,
            "sha256": None,
            "environment": {},
            "role": ROLE,
            **changes,
        }
        return JobModel(**facts)

    @property
    def folder(self) -> Path:
        """Where the job's files are while it runs."""
        return self.home / "jobs" / ACCOUNT / REGION / "transform-job" / "job"

    def call(self, operation: str, **members: Any) -> Response:
        return self.table.call(self.context, "sagemaker", operation, members)

    def put(self, key: str, data: str | bytes) -> str:
        """Store an object and return its SHA-256."""
        content = data.encode() if isinstance(data, str) else data
        self.objects.put_bytes(S3Uri(BUCKET, key), content)
        return hashlib.sha256(content).hexdigest()

    def files(self, prefix: str) -> dict[str, str]:
        """Return the objects below a prefix, by what follows it."""
        return {
            found.key[len(prefix) :]: self.objects.get(S3Uri(BUCKET, found.key)).decode()
            for found in self.objects.list(S3Uri(BUCKET, prefix))
        }

    async def run(self, **members: Any) -> Resource:
        """Create a job and carry it out; return how it ended."""
        await self.workflow.run(self.create(**members))
        return self.job()

    def create(self, **members: Any) -> str:
        return str(self.call("CreateTransformJob", **request(**members))["TransformJobArn"])

    def start(self, **members: Any) -> asyncio.Task[None]:
        return asyncio.create_task(self.workflow.run(self.create(**members)))

    def job(self) -> Resource:
        arn = sagemaker_arn(account=ACCOUNT, region=REGION, kind="transform-job", name="job")
        with self.store.read() as snapshot:
            return snapshot.get_by_arn(arn)

    def describe(self) -> Response:
        return self.call("DescribeTransformJob", TransformJobName="job")

    def log(self, host: str = "algo-1") -> list[str]:
        [stream] = self.logs.streams(ACCOUNT, REGION, KIND.log_group, f"job/{host}-")
        page = self.logs.events(ACCOUNT, REGION, KIND.log_group, stream.name, from_head=True)
        return [event.message for event in page.events]

    def _find_model(self, _context: Context, name: str) -> JobModel:
        if name not in self.models:
            raise ValidationError(f'Could not find model "{name}".')
        return self.models[name]


def image_of(uri: str) -> Image:
    if uri != "plus-one":
        raise UnknownImageError(f"Image {uri!r} is not offered")
    entrypoint = (sys.executable, "-c", SERVE)
    return Image(name="plus-one", version="1", entrypoint=entrypoint, purposes=("serve",))


def archive(files: dict[str, bytes]) -> bytes:
    """Return a model archive."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def request(**members: Any) -> dict[str, Any]:
    """Return a CreateTransformJob request; `members` replace or add, None removes."""
    whole = {
        "TransformJobName": "job",
        "ModelName": "Mine",
        "TransformInput": given(),
        "TransformOutput": output(),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }
    return {key: value for key, value in whole.items() if value is not None}


def given(key: str = "in/", data_type: str = "S3Prefix", **members: Any) -> dict[str, Any]:
    """Return a TransformInput of lines."""
    source = {"S3DataType": data_type, "S3Uri": f"s3://{BUCKET}/{key}"}
    return {
        "DataSource": {"S3DataSource": source},
        "ContentType": "text/csv",
        "SplitType": "Line",
        **members,
    }


def output(**members: Any) -> dict[str, Any]:
    return {"S3OutputPath": f"s3://{BUCKET}/out", "AssembleWith": "Line", **members}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)
