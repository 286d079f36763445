"""Models of people and of shells behind live endpoints, and traffic of hours that are long past.

What is sent is captured now, as the gateway captures it. Each request bears the name of an hour as
its inference id, and what was captured is then moved to that hour: the clock is simulated by where
things lie, and by the time that a schedule which runs `NOW` looks at.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import xgboost

from tests.clients import watched_inference
from tests.clients.jobs import await_endpoint, endpoint_config
from tests.live import ROLE, LiveServer

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
#: What serves the models.
SCRIPT = Path(watched_inference.__file__).read_bytes()
AGE, SCHOOLING, SEX, RACE = 0, 1, 3, 4  # columns of the census
MOVED = "traffic.jsonl"  # what is captured, once it lies in its hour
AT_ONCE = 20  # rows of one request
TRAINED = 3000  # rows that the model was trained on

Row = list[str]


class Model:
    """A model, the rows that it was trained on and those that it does not know.

    Args:
        frame: the label first; texts are categories.
    """

    def __init__(self, name: str, frame: pl.DataFrame, objective: str) -> None:
        self.name = name
        self.label, *self.columns = frame.columns
        self.rows: list[Row] = [[str(cell) for cell in row[1:]] for row in frame.rows()]
        self.labels = [int(label) for label in frame[self.label]]
        self._words: watched_inference.Words = [
            sorted(frame[name].unique()) if frame[name].dtype == pl.String else None
            for name in self.columns
        ]
        known = watched_inference.encoded(self.rows[:TRAINED], self._words)
        train = xgboost.DMatrix(known, label=self.labels[:TRAINED])
        parameters = {"objective": objective, "max_depth": 3, "nthread": 1}
        self._booster = xgboost.train(parameters, train, 30)

    def answers(self, rows: list[Row]) -> list[str]:
        """Return what the endpoint answers."""
        found = watched_inference.predict_fn(rows, (self._booster, self._words))
        return watched_inference.output_fn(found, "text/csv").splitlines()

    def archive(self) -> bytes:
        """Return the model as it is deployed."""
        return _archive(
            {
                "model.ubj": bytes(self._booster.save_raw("ubj")),
                "words.json": json.dumps(self._words).encode(),
                "code/inference.py": SCRIPT,
            }
        )

    def numbers(self, rows: list[Row]) -> list[Row]:
        """Return rows as the model's trees take them."""
        found = watched_inference.encoded(rows, self._words)
        return [[f"{number:g}" for number in row] for row in found]

    def trees(self) -> bytes:
        """Return the model as an archive that takes numbers, without a script."""
        return _archive({"xgboost-model": bytes(self._booster.save_raw("ubj"))})

    def table(self, rows: slice, *, answer_first: bool = False) -> str:
        """Return rows as CSV with a header, behind their label or the model's answer."""
        some = self.rows[rows]
        first = self.answers(some) if answer_first else [str(one) for one in self.labels[rows]]
        lines = [",".join([one, *row]) for one, row in zip(first, some, strict=True)]
        return "\n".join(
            [",".join(["answer" if answer_first else self.label, *self.columns]), *lines]
        )

    def judged(self, rows: slice) -> str:
        """Return answers beside their labels, as CSV with a header."""
        pairs = zip(self.answers(self.rows[rows]), self.labels[rows], strict=True)
        return "\n".join(["answer,label", *(f"{answer},{label}" for answer, label in pairs)])


def _archive(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def create(server: LiveServer, name: str, image: str, archive: bytes) -> None:
    """Create a model."""
    put(server, f"models/{name}/model.tar.gz", archive)
    data = f"s3://{server.bucket}/models/{name}/model.tar.gz"
    client(server, "sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": image, "ModelDataUrl": data},
    )


def deploy(server: LiveServer, model: Model) -> None:
    """Put a model behind an endpoint of its name that captures all there is."""
    sagemaker, name = client(server, "sagemaker"), model.name
    create(server, name, SKLEARN, model.archive())
    captured = f"s3://{server.bucket}/captured"
    sagemaker.create_endpoint_config(**endpoint_config(name, capture=captured))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def in_service(server: LiveServer, model: Model) -> None:
    assert await_endpoint(server, model.name, 180)["EndpointStatus"] == "InService"


def past_hours(names: Iterable[str]) -> dict[str, datetime]:
    """Return an hour for each name, none beside another, all of them more than half a day ago."""
    present = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return {name: present - timedelta(hours=14 + 2 * n) for n, name in enumerate(names)}


def send(server: LiveServer, model: Model, traffic: Mapping[str, Sequence[Row]]) -> None:
    """Ask an endpoint of rows, and return once all that was answered is captured."""
    runtime, sent = client(server, "sagemaker-runtime"), 0
    for name, rows in traffic.items():
        for number, first in enumerate(range(0, len(rows), AT_ONCE)):
            asked = rows[first : first + AT_ONCE]
            answer = runtime.invoke_endpoint(
                EndpointName=model.name,
                ContentType="text/csv",
                Accept="text/csv",
                InferenceId=f"{name}-{number}",
                Body="\n".join(map(",".join, asked)),
            )
            assert len(answer["Body"].read().splitlines()) == len(asked)
            sent += 1
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        lines = [line for lines in captured(server, model).values() for line in lines]
        if sum(f'"inferenceId":"{name}-' in line for name in traffic for line in lines) >= sent:
            return
        time.sleep(0.3)
    raise AssertionError("what was sent was not captured")


def captured(server: LiveServer, model: Model) -> dict[str, list[str]]:
    """Return the lines that were captured of an endpoint, by their object's key; no moved ones."""
    listed = client(server, "s3").list_objects_v2(
        Bucket=server.bucket, Prefix=f"captured/{model.name}/"
    )
    keys = [entry["Key"] for entry in listed.get("Contents", [])]
    return {key: get(server, key).splitlines() for key in keys if not key.endswith(MOVED)}


def move(server: LiveServer, model: Model, hours: Mapping[str, datetime]) -> None:
    """Move what was captured to the hours that its inference ids name; the last line is cut."""
    moved = {name: list[str]() for name in hours}
    for key, lines in captured(server, model).items():
        others = []
        for line in lines:
            record = json.loads(line)
            event = record["eventMetadata"]
            name = event["inferenceId"].rpartition("-")[0]
            if name in hours:
                event["inferenceTime"] = f"{hours[name]:%Y-%m-%dT%H}:30:00Z"
                moved[name].append(json.dumps(record))
            else:
                others.append(line)
        put(server, key, "\n".join(others))
    for name, lines in moved.items():
        key = f"captured/{model.name}/AllTraffic/{hours[name]:%Y/%m/%d/%H}/{MOVED}"
        put(server, key, "\n".join([*lines, lines[0][:70]]))


def label(
    server: LiveServer, model: Model, hour: datetime, name: str, labels: Sequence[int]
) -> None:
    """Upload the truth about an hour, about an invocation that never was, and half a line."""
    lines = [
        truth(f"{name}-{number}", labels[first : first + AT_ONCE])
        for number, first in enumerate(range(0, len(labels), AT_ONCE))
    ]
    lines += [truth("never-was", [1]), lines[0][:30]]
    put(server, f"labels/{model.name}/{hour:%Y/%m/%d/%H}/labels.jsonl", "\n".join(lines))


def truth(inference_id: str, labels: Sequence[int]) -> str:
    """Return a line of ground truth."""
    return json.dumps(
        {
            "groundTruthData": {"data": "\n".join(map(str, labels)), "encoding": "CSV"},
            "eventMetadata": {"eventId": inference_id},
            "eventVersion": "0",
        }
    )


def spoilt(rows: Sequence[Row], every: int, column: int, cell: Callable[[str], str]) -> list[Row]:
    """Return rows of which each so many-th has another cell in a column."""
    return [
        [*row[:column], cell(row[column]), *row[column + 1 :]] if number % every == 0 else row
        for number, row in enumerate(rows)
    ]


def swapped(row: Row) -> Row:
    """Age and schooling in each other's place."""
    return [row[SCHOOLING], row[AGE], *row[2:]]


def one_sided(model: Model) -> tuple[list[Row], list[int]]:
    """Return men that the model takes for rich and women that it does not, and what they are."""
    some = slice(4500, 8000)
    rows, labels = model.rows[some], model.labels[some]
    men: list[tuple[Row, int]] = []
    women: list[tuple[Row, int]] = []
    for row, label_, answer in zip(rows, labels, model.answers(rows), strict=True):
        if row[SEX] == "Male" and float(answer) > 0.5:
            men.append((row, label_))
        elif row[SEX] == "Female" and float(answer) < 0.5:
            women.append((row, label_))
    both = [*men[:200], *women[:200]]
    return [row for row, _ in both], [one for _, one in both]


@cache
def client(server: LiveServer, service: str) -> Any:
    """Return a client, which is made once: it takes a good part of a second."""
    return server.client(service)


def put(server: LiveServer, key: str, body: str | bytes) -> None:
    client(server, "s3").put_object(Bucket=server.bucket, Key=key, Body=body)


def get(server: LiveServer, key: str) -> str:
    body = client(server, "s3").get_object(Bucket=server.bucket, Key=key)["Body"].read()
    return str(body.decode())
