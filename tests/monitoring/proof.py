"""A world whose monitoring jobs are carried out, and a real model of census data in it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import uuid
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import xgboost

from modelyard.compute.capacity import Capacity
from modelyard.compute.images import find_image, image_of, retrieve
from modelyard.compute.sandbox import SandboxRuntime
from modelyard.gateway.capture import Destination, Record
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.model import JobModel
from modelyard.jobs.workflow import JobWorkflow
from modelyard.jobs.workshop import Workshop
from modelyard.operations.context import Context
from modelyard.processing.operations import ProcessingOperations
from modelyard.processing.predictor import Models
from modelyard.processing.task import KIND, ProcessingTask
from modelyard.store.encryption.data_keys import NoKeys
from modelyard.store.logs import LogStreams
from modelyard.store.objects import ObjectStores
from modelyard.store.resources import Json
from modelyard.store.s3_uris import S3Uri
from tests.images.clarify.datasets import adult
from tests.monitoring.world import ACCOUNT, BUCKET, REGION, ROLE, SCHEMA, World, definition
from tests.transform.world import archive

HOUR = timedelta(hours=1)
COLUMNS = ("age", "hours", "sex", "race")
ANALYZER = retrieve("model-monitor", "", REGION)
CLARIFY = retrieve("clarify", "1.0", REGION)
CENSUS = JobModel(
    name="census",
    image=retrieve("xgboost", "1.7-1", REGION),
    archive=f"s3://{BUCKET}/models/census.tar.gz",
    account=ACCOUNT,
    sha256=None,
    environment={},
    role=None,
)
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
Row = list[str]  # of COLUMNS, as a client sends it


class Model:
    """A model of the income, and the people that it was trained on and those that ask."""

    def __init__(self) -> None:
        people = adult().select(
            "income",
            pl.col("age"),
            pl.col("hours-per-week").alias("hours"),
            "sex",
            "race",
        )
        people = people.sample(6000, seed=7)
        self._words = {name: sorted(people[name].unique()) for name in ("sex", "race")}
        self.rows: list[Row] = [[str(value) for value in row[1:]] for row in people.rows()]
        self.labels = [int(row[0]) for row in people.rows()]
        train = xgboost.DMatrix(self._encoded(self.rows[:3000]), label=self.labels[:3000])
        self._booster = xgboost.train(
            {"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, train, 30
        )

    def answers(self, rows: list[Row]) -> list[str]:
        found = self._booster.predict(xgboost.DMatrix(self._encoded(rows)))
        return [f"{probability:.6f}" for probability in found]

    def encoded(self, rows: list[Row]) -> list[Row]:
        """Return rows as a client sends them to the model itself, that knows numbers only."""
        return [[f"{number:g}" for number in row] for row in self._encoded(rows)]

    def archive(self) -> bytes:
        """The model as training leaves it."""
        return archive({"xgboost-model": bytes(self._booster.save_raw("ubj"))})

    def _encoded(self, rows: list[Row]) -> Any:
        return np.array(
            [[self._number(*cell) for cell in zip(COLUMNS, row, strict=True)] for row in rows]
        )

    def _number(self, name: str, cell: str) -> float:
        if name in self._words:
            words = self._words[name]
            return words.index(cell) if cell in words else np.nan
        try:
            return float(cell)
        except ValueError:
            return np.nan


class Proof(World):
    """A world whose processing jobs are carried out."""

    def __init__(self, home: Path, runtime: SandboxRuntime) -> None:
        super().__init__(home)
        self.stores = ObjectStores(home / "objects")
        self.jobs: list[str] = []
        self.merger = ANALYZER
        workshop = Workshop(
            store=self.store,
            objects=self.stores,
            runtime=runtime,
            capacity=Capacity(64, 256.0),
            logs=LogStreams(home / "logs"),
            jobs=home / "jobs",
            image_of=find_image,
        )
        models = Models(
            find=lambda _job, _wanted: CENSUS,
            image_of=lambda uri: image_of(uri, purpose="serve"),
            keys_of=lambda _job, _role: NoKeys(),
        )
        task = partial(ProcessingTask, models=models)
        self.job_workflow = JobWorkflow(workshop, KIND, task)
        desk = JobDesk(
            self.store,
            KIND,
            noun="processing job",
            require_role=lambda *_: None,
            begin=lambda _, arn: self.jobs.append(arn),
            wake=self.job_workflow.wake,
            remove_files=self.job_workflow.remove_files,
        )
        self.real = ProcessingOperations(
            desk, self.stores, image_of=find_image, key_problem=lambda *_: None
        )
        self.table.add(self.real)
        self.processing.create = self._create  # type: ignore[method-assign]

    def _create(self, context: Context, request: Any, observed: Json) -> None:
        SCHEMA.validate("sagemaker", "CreateProcessingJob", request)
        self.real.create(context, request, observed=observed)

    async def work(self) -> None:
        """Carry out the jobs that were made."""
        while self.jobs:
            await self.job_workflow.run(self.jobs.pop(0))

    async def baseline(self, name: str, header: list[str], rows: list[Row], **more: str) -> None:
        """Suggest a baseline of a table."""
        self.put_table(f"{name}/data.csv", header, rows)
        folder = "/opt/ml/processing/input/data"
        environment = {
            "dataset_format": '{"csv": {"header": true}}',
            "dataset_source": folder,
            "output_path": "/opt/ml/processing/output",
            **more,
        }
        await self.process(name, ANALYZER, {folder: f"{name}/data.csv"}, environment)

    async def clarify(self, name: str, header: list[str], rows: list[Row], config: Json) -> None:
        """Make the baseline of a table as a configuration says."""
        self.put_table(f"{name}/data.csv", header, rows)
        self.put_json(f"{name}/analysis_config.json", {**config, "headers": header})
        inputs = {
            "/opt/ml/processing/input/data": f"{name}/data.csv",
            "/opt/ml/processing/input/config": f"{name}/analysis_config.json",
        }
        await self.process(name, CLARIFY, inputs, {})

    async def process(
        self, name: str, image: str, inputs: dict[str, str], environment: dict[str, str]
    ) -> None:
        """Run a processing job to its end; `inputs` are keys by the folders where they go."""
        place, written = f"s3://{BUCKET}/{name}/baseline", "/opt/ml/processing/output"
        output = {"S3Uri": place, "LocalPath": written, "S3UploadMode": "EndOfJob"}
        kind = {"S3DataType": "S3Prefix", "S3InputMode": "File"}
        self.call(
            "CreateProcessingJob",
            ProcessingJobName=name,
            AppSpecification={"ImageUri": image},
            RoleArn=ROLE,
            ProcessingResources={"ClusterConfig": CLUSTER},
            ProcessingInputs=[
                {
                    "InputName": f"input-{number}",
                    "S3Input": {"S3Uri": f"s3://{BUCKET}/{key}", "LocalPath": folder, **kind},
                }
                for number, (folder, key) in enumerate(inputs.items())
            ],
            ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": output}]},
            **({"Environment": environment} if environment else {}),
        )
        await self.work()
        described = self.call("DescribeProcessingJob", ProcessingJobName=name)
        assert described["ProcessingJobStatus"] == "Completed", described

    def put_table(self, key: str, header: list[str], rows: list[Row]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        self.objects.put_bytes(S3Uri(BUCKET, key), text.getvalue().encode())

    def put_json(self, key: str, document: Any) -> None:
        self.objects.put_bytes(S3Uri(BUCKET, key), json.dumps(document).encode())

    def watch(self, type_: str, name: str, **members: Any) -> None:
        """Have a monitor of a baseline look every hour."""
        request = definition(type_, name, **members)
        self.call(f"Create{type_}JobDefinition", **request)
        self.call(
            "CreateMonitoringSchedule",
            MonitoringScheduleName=name,
            MonitoringScheduleConfig={
                "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
                "MonitoringJobDefinitionName": name,
                "MonitoringType": type_,
            },
        )

    def watch_clarified(self, type_: str, name: str, config: Json, **members: Any) -> None:
        """Have a monitor of a Clarify job's baseline look every hour."""
        place = f"s3://{BUCKET}/{name}"
        self.put_json(f"{name}/monitor/analysis_config.json", config)
        baseline = {"ConstraintsResource": {"S3Uri": f"{place}/baseline/analysis.json"}}
        self.watch(
            type_,
            name,
            app={"ImageUri": CLARIFY, "ConfigUri": f"{place}/monitor/analysis_config.json"},
            **{f"{type_}BaselineConfig": baseline},
            **members,
        )

    def traffic(self, hour: datetime, rows: list[Row], answers: list[str]) -> list[str]:
        """Capture what was asked and answered in an hour, cut at its end; return the event ids."""
        place = Destination(
            root=Path(),
            bucket=BUCKET,
            prefix="captured/census/AllTraffic",
            percentage=100,
            input=True,
            output=True,
            csv_content_types=frozenset({"text/csv"}),
            json_content_types=frozenset(),
        )
        records = [
            Record(
                destination=place,
                event_id=str(uuid.uuid4()),
                inference_id=None,
                seconds=hour.timestamp() + number,
                input=",".join(row).encode(),
                input_type="text/csv",
                output=answer.encode(),
                output_type="text/csv; charset=utf-8",
            )
            for number, (row, answer) in enumerate(zip(rows, answers, strict=True))
        ]
        lines = [record.line() for record in records]
        key = f"captured/census/AllTraffic/{hour:%Y/%m/%d/%H}/traffic.jsonl"
        # A disk that was full left half a line.
        content = b"\n".join([*lines, lines[0][:70]])
        self.objects.put_bytes(S3Uri(BUCKET, key), content)
        return [record.event_id for record in records]

    def labels(self, hour: datetime, ids: list[str], labels: list[int]) -> None:
        """Upload the truth about an hour, and about an invocation that never was."""
        lines = [
            json.dumps(
                {
                    "groundTruthData": {"data": str(label), "encoding": "CSV"},
                    "eventMetadata": {"eventId": event_id},
                    "eventVersion": "0",
                }
            )
            for event_id, label in zip([*ids, "never-was"], [*labels, 1], strict=True)
        ]
        key = f"labels/{hour:%Y/%m/%d/%H}/labels.jsonl"
        self.objects.put_bytes(S3Uri(BUCKET, key), "\n".join(lines).encode())

    async def pass_hour(self) -> None:
        """Let an hour pass, and carry out all that is due."""
        self.begun.clear()
        self.tick(hours=1)
        for arn in list(self.begun):
            while not await asyncio.to_thread(self.steps.look, arn):
                await self.work()

    def found(self, schedule: str, hour: datetime) -> set[tuple[str, str]]:
        """Return what the report about an hour says is violated."""
        newest = self.executions(MonitoringScheduleName=schedule)[0]
        assert "FailureReason" not in newest, newest["FailureReason"]
        key = f"reports/census/{schedule}/{hour:%Y/%m/%d/%H}/constraint_violations.json"
        document = json.loads(self.objects.get(S3Uri(BUCKET, key)))
        return {
            (
                one.get("feature_name") or one["metric_name"],
                one["constraint_check_type"],
            )
            for one in document["violations"]
        }
