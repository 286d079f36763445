"""The monitors catch what really goes wrong, in the hour in which it does, and nothing else.

A real model of census data answers; what it was asked is captured as the gateway captures it; the
analyses run as they do in production, in the jobs' sandbox. Only the clock is the test's.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost

from modelyard.compute.capacity import Capacity
from modelyard.compute.images import find_image, image_of, retrieve
from modelyard.compute.runtimes import confinements
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
from tests.processing.conftest import best_confinement
from tests.transform.world import archive

__all__ = ["best_confinement"]

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


@pytest.fixture(scope="module")
def model() -> Model:
    """What is trained once, since nothing changes it."""
    return Model()


@pytest.fixture
def proof(tmp_path: Path, empty_database: Path, best_confinement: str) -> Iterator[Proof]:
    (tmp_path / "modelyard.db").write_bytes(empty_database.read_bytes())
    (tmp_path / "run").mkdir()
    [confinement] = [way for way in confinements([tmp_path]) if way.name == best_confinement]
    proof = Proof(tmp_path, SandboxRuntime(confinement, tmp_path / "run"))
    yield proof
    proof.database.dispose()


def spoilt(rows: list[Row], share: float, change: Callable[[Row], Row]) -> list[Row]:
    """Return rows of which a share is changed."""
    chance = random.Random(5)
    return [change(row) if chance.random() < share else row for row in rows]


def older(row: Row) -> Row:
    return [str(int(row[0]) + 15), *row[1:]]


def of_a_new_race(row: Row) -> Row:
    return [*row[:3], "Martian"]


def without_age(row: Row) -> Row:
    return ["", *row[1:]]


def in_words(row: Row) -> Row:
    return ["forty", *row[1:]]


@pytest.mark.slow
async def test_each_monitor_reports_what_goes_wrong_in_its_hour_and_nothing_else(
    proof: Proof, model: Model
) -> None:
    trained, answers = model.rows[:3000], model.answers(model.rows[:3000])
    table = [[answer, *row] for answer, row in zip(answers, trained, strict=True)]
    await proof.baseline("data", ["answer", *COLUMNS], table)
    held, truth = model.rows[3000:4500], model.labels[3000:4500]
    judged = [
        [answer, str(label)] for answer, label in zip(model.answers(held), truth, strict=True)
    ]
    await proof.baseline(
        "quality",
        ["probability", "label"],
        judged,
        analysis_type="MODEL_QUALITY",
        problem_type="BinaryClassification",
        probability_attribute="probability",
        ground_truth_attribute="label",
    )
    for type_, name, files in (
        ("DataQuality", "data", ("Constraints", "Statistics")),
        ("ModelQuality", "quality", ("Constraints",)),
    ):
        baseline = {
            f"{file}Resource": {"S3Uri": f"s3://{BUCKET}/{name}/baseline/{file.lower()}.json"}
            for file in files
        }
        members = {f"{type_}BaselineConfig": baseline}
        proof.watch(type_, name, app={"ImageUri": ANALYZER}, **members)
    asked, right = model.rows[4500:], model.labels[4500:]
    wrong = [1 - label for label in right]
    hours = [
        ("clean", asked, right),
        ("drifted", spoilt(asked, 1, older), right),
        ("unseen", spoilt(asked, 0.05, of_a_new_race), right),
        ("missing", spoilt(asked, 0.1, without_age), right),
        ("words", spoilt(asked, 0.1, in_words), right),
        ("flipped", asked, wrong),
    ]
    found: dict[str, set[tuple[str, str]]] = {}
    for name, rows, labels in hours:
        hour = proof.time
        # The answers stay those to the sound rows: nothing else is wrong than what is named.
        ids = proof.traffic(hour, rows, model.answers(asked))
        proof.labels(hour, ids, labels)
        await proof.pass_hour()
        found[name] = proof.found("data", hour)
        found[f"{name} labels"] = proof.found("quality", hour)
    assert found["clean"] == set()
    assert found["drifted"] == {("age", "baseline_drift_check")}
    assert found["unseen"] == {("race", "categorical_values_check")}
    assert found["missing"] == {("age", "completeness_check")}
    assert found["words"] == {("age", "data_type_check")}
    assert found["flipped"] == set()
    for name, _, labels in hours:
        assert bool(found[f"{name} labels"]) == (labels is wrong), (name, found)
    assert ("auc", "LessThanThreshold") in found["flipped labels"]


@pytest.mark.slow
async def test_a_model_that_prefers_men_is_told_of_in_its_hour(proof: Proof, model: Model) -> None:
    rows, labels = model.rows[3000:4500], model.labels[3000:4500]
    guesses = [str(int(float(answer) >= 0.5)) for answer in model.answers(rows)]
    shared = {
        "headers": ["income", *COLUMNS],
        "label": "income",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["Female"]}],
    }
    methods = {name: {"methods": "all"} for name in ("pre_training_bias", "post_training_bias")}
    table = [
        [str(label), *row, guess] for label, row, guess in zip(labels, rows, guesses, strict=True)
    ]
    asked = {"dataset_type": "text/csv", "methods": methods, "predicted_label": "guess"}
    await proof.clarify("bias", ["income", *COLUMNS, "guess"], table, shared | asked)
    answers_at = {"ProbabilityAttribute": "0", "ProbabilityThresholdAttribute": 0.5}
    proof.watch_clarified("ModelBias", "bias", shared, endpoint=answers_at)
    people, truth = model.rows[4500:], model.labels[4500:]
    fair = model.answers(people)
    unfair = [
        "0.99" if row[2] == "Male" and int(row[1]) >= 40 else answer
        for row, answer in zip(people, fair, strict=True)
    ]
    found = []
    for answers in (fair, unfair):
        hour = proof.time
        proof.labels(hour, proof.traffic(hour, people, answers), truth)
        await proof.pass_hour()
        found.append(proof.found("bias", hour))
    assert found[0] == set()
    assert ("DPPL", "bias_drift_check") in found[1]


def swapped(row: Row) -> Row:
    """Age and race in each other's place."""
    return [row[3], *row[1:3], row[0]]


@pytest.mark.slow
async def test_features_in_each_others_place_change_what_answers_rest_on(
    proof: Proof, model: Model
) -> None:
    proof.objects.put_bytes(S3Uri.parse(CENSUS.archive), model.archive())
    rows = model.encoded(model.rows[3000:3400])
    table = [[str(label), *row] for label, row in zip(model.labels[3000:3400], rows, strict=True)]
    # Somebody young who works a little: exact, as there are four features.
    shap = {"baseline": [[20, 20, 0, 0]], "agg_method": "mean_abs", "num_samples": 20}
    shared = {
        "dataset_type": "text/csv",
        "methods": {"shap": shap},
        "predictor": {"model_name": "census", "content_type": "text/csv"},
    }
    await proof.clarify("explained", ["income", *COLUMNS], table, shared | {"label": "income"})
    proof.watch_clarified("ModelExplainability", "explained", {**shared, "headers": [*COLUMNS]})
    people = model.encoded(model.rows[4500:4800])
    answers = model.answers(model.rows[4500:4800])
    found = []
    for asked in (people, [swapped(row) for row in people], people):
        hour = proof.time
        proof.traffic(hour, asked, answers)
        await proof.pass_hour()
        found.append(proof.found("explained", hour))
    assert found == [set(), {("shap", "feature_attribution_drift_check")}, set()]
