"""What the tests of all twelve pipelines ask of a server: data, an image, and what came of them."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from tests.clients.monitors import COLUMNS, label_line, now
from tests.clients.people import As, administrator
from tests.container_images import make_context, zipped
from tests.data import breast_cancer, csv_of
from tests.guide import Filling
from tests.live import LiveServer

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
SECONDS = 300
#: Whose mean fractal dimension is above the median: one half of the tumours.
FACET, MEDIAN = "f9", "0.0615"
HYPERPARAMETERS = {"objective": "binary:logistic", "eval_metric": "auc", "num_round": 10}
TUNER = {
    "early_stopping_type": "Auto",
    "objective_metric_name": "validation:auc",
    "max_jobs": 2,
    "max_parallel_jobs": 2,
}
RANGES = {"min_child_weight": ["continuous", [0, 4]], "max_depth": ["integer", [1, 4]]}
ROWS = 20  # of what is explained, transformed and sent


def filling(bucket: str | dict[str, str], endpoint: str | dict[str, str]) -> Filling:
    """Return what stands in for the guide's placeholders."""
    return Filling(
        bucket=bucket,
        endpoint=endpoint,
        model="tumours",
        artifact="models/tumours/model.tar.gz",
        image=f"{REGISTRY}/toys/mean:v1",
        image_archive="images/mean.zip",
        repository="toys/mean",
        tag="v1",
        hyperparameters=HYPERPARAMETERS,
        tuner_configs=TUNER,
        ranges=RANGES,
        target="benign",
        facet=FACET,
        facet_value=MEDIAN,
    )


def upload(server: LiveServer, fill: Filling, folder: Path) -> None:
    """Put real data, and what an image is built of, into the assets bucket."""
    split = breast_cancer()
    header = ",".join(["benign", *COLUMNS[1:]])
    train, held_out = split.train_csv.splitlines(), split.test_csv.splitlines()
    # Few rows make quick baselines; a facet's two sides must both be among them.
    table = "\n".join([header, *train[:120]])
    put = server.client("s3").put_object
    for key, text in {
        fill.train: "\n".join(train),
        fill.validation: csv_of(np.column_stack([split.y_test, split.x_test])),
        fill.table: table,
        fill.shap_rows: train[0].partition(",")[2],
    }.items():
        put(Bucket=server.bucket, Key=key, Body=text)
    for bucket in [fill.bucket] if isinstance(fill.bucket, str) else fill.bucket.values():
        owner = in_account(server, bucket)
        owner.put_object(Bucket=bucket, Key=fill.rows, Body="\n".join(held_out[:ROWS]))
    put(Bucket=server.bucket, Key=fill.image_archive, Body=zipped(make_context(folder)))


def in_account(server: LiveServer, bucket: str) -> Any:
    """Return S3 as the administrator of the account that an assets bucket is of."""
    return account(server, bucket.rpartition("-")[2]).client("s3")


@cache
def account(server: LiveServer, id_: str) -> As:
    """Return an account's administrator; of the orchestrator's own the root.

    A session holds through restarts, and asking for one costs more than a second.
    """
    if server.bucket.endswith(id_):
        return As(server, server.env)
    return administrator(server, id_)


def booster(server: LiveServer, key: str) -> xgboost.Booster:
    """Return the model of an archive in the assets bucket."""
    archive = server.client("s3").get_object(Bucket=server.bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
        member = files.extractfile("xgboost-model")
        assert member is not None
        return xgboost.Booster(model_file=bytearray(member.read()))


def answers_csv(model: xgboost.Booster) -> str:
    """Return what a model says of the training rows: prediction, probability, label."""
    split = breast_cancer()
    scores = model.predict(xgboost.DMatrix(split.x_train))
    rows = zip(scores, split.y_train, strict=True)
    lines = [f"{int(score >= 0.5)},{float(score)!r},{label}" for score, label in rows]
    return "\n".join(["prediction,probability,label", *lines])


def toy_archive(mean: float) -> bytes:
    """Return a model of the toy image."""
    content, target = json.dumps({"mean": mean}).encode(), io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        entry = tarfile.TarInfo("model.json")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def until(reached: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Return the first answer that is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = reached()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {reached()!r}")


class Watched:
    """An endpoint of one account, and the monitors that watch it.

    Args:
        who: acts in the account.
        bucket: the account's assets bucket.
    """

    def __init__(self, who: As, bucket: str, endpoint: str) -> None:
        self._sagemaker, self._s3 = who.client("sagemaker"), who.client("s3")
        self._runtime = who.client("sagemaker-runtime")
        self._bucket, self._endpoint = bucket, endpoint

    def ask(self, rows: Sequence[str]) -> list[float]:
        """Send rows, one to a request; return the answers, once all are captured."""
        said = [
            self._runtime.invoke_endpoint(
                EndpointName=self._endpoint, ContentType="text/csv", Body=row
            )["Body"].read()
            for row in rows
        ]
        until(lambda: len(self._captured()) >= len(rows))
        return [float(one) for one in said]

    def label(self, labels: dict[str, int]) -> None:
        """Say, by row, what is true of what was asked."""
        lines = [
            label_line(record["eventMetadata"]["eventId"], labels[_asked(record)])
            for record in self._captured()
        ]
        key = f"labels/{datetime.now(UTC):%Y/%m/%d/%H}/labels.jsonl"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body="\n".join(lines))

    def look_at_once(self, outputs: dict[str, str]) -> str:
        """Have a pipeline's definition look at the last hour too; return that schedule's name."""
        made = self._sagemaker.describe_monitoring_schedule(
            MonitoringScheduleName=outputs["MonitoringScheduleJobName"]
        )
        assert made["MonitoringScheduleStatus"] == "Scheduled", made
        definition = made["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"]
        name = f"now-{outputs['MonitoringScheduleType']}"
        self._sagemaker.create_monitoring_schedule(
            MonitoringScheduleName=name,
            MonitoringScheduleConfig=now(definition, outputs["MonitoringScheduleType"]),
        )
        return name

    def execution(self, schedule: str) -> dict[str, Any]:
        """Return the newest execution of a schedule, once it has ended."""

        def ended() -> Any:
            answer = self._sagemaker.list_monitoring_executions(MonitoringScheduleName=schedule)
            found = answer["MonitoringExecutionSummaries"]
            at_work = ("Pending", "InProgress", "Stopping")
            return found and found[0]["MonitoringExecutionStatus"] not in at_work and found[0]

        execution: dict[str, Any] = until(ended)
        return execution

    def _captured(self) -> list[dict[str, Any]]:
        prefix = f"captured/{self._endpoint}/"
        listed = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix)
        files = [
            self._s3.get_object(Bucket=self._bucket, Key=entry["Key"])["Body"].read()
            for entry in listed.get("Contents", [])
        ]
        return [json.loads(line) for file in files for line in file.splitlines()]


def _asked(record: dict[str, Any]) -> str:
    return str(record["captureData"]["endpointInput"]["data"]).strip()
