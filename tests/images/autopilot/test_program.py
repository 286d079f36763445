"""The program as the platform runs it: trained on the census, stopped, resumed, served."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.images.autopilot.metric_definitions import METRIC_DEFINITIONS
from tests.census import TARGET, census
from tests.data import auc
from tests.images.programs import Served, Trained, served, train

HYPERPARAMETERS = {
    "target": TARGET,
    "problem_type": "BinaryClassification",
    "objective": "AUC",
    "max_candidates": "3",
    "candidate_prefix": "census",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A job on 2,500 rows of the census."""
    content = census().head(2500).write_csv().encode()
    return train(
        "autopilot", tmp_path_factory.mktemp("census"), HYPERPARAMETERS, {"train": content}
    )


@pytest.fixture(scope="module")
def endpoint(done: Trained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    base = tmp_path_factory.mktemp("best")
    with tarfile.open(done.model / summary(done)["best"] / "model.tar.gz") as archive:
        archive.extractall(base / "model", filter="data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "SAGEMAKER_INFERENCE_OUTPUT", "predicted_label,probability,probabilities,labels"
        )
        with served("autopilot", base) as server:
            yield server


def summary(trained: Trained) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (trained.base / "output" / "data" / "autopilot.json").read_text()
    )
    return found


def rows(count: int) -> bytes:
    return census().tail(count).drop(TARGET).write_csv(include_header=False).encode()


def test_it_searches_and_ranks_by_the_objective(done: Trained) -> None:
    assert done.code == 0, done.log
    found = summary(done)
    assert found["problem_type"] == "BinaryClassification"
    assert [one["algorithm"] for one in found["candidates"]] == [
        "lightgbm",
        "xgboost",
        "linear-learner",
    ]
    values = {one["name"]: one["metrics"]["AUC"] for one in found["candidates"]}
    assert found["best"] == max(values, key=lambda name: values[name])
    assert values[found["best"]] > 0.87
    assert done.metrics(METRIC_DEFINITIONS) == {
        "validation:AUC": pytest.approx(found["candidates"][-1]["metrics"]["AUC"]),
        "best:AUC": pytest.approx(values[found["best"]]),
    }


def test_the_best_is_explained_by_its_columns(done: Trained) -> None:
    place = done.base / "output" / "data" / "explainability" / summary(done)["best"]
    document = json.loads((place / "analysis.json").read_text())
    shares = document["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert len(shares) == 14
    assert {"relationship", "capital-gain"} & {*sorted(shares, key=lambda n: -shares[n])[:5]}
    insights = done.base / "output" / "data" / "insights" / summary(done)["best"]
    counts = json.loads((insights / "insights.json").read_text())["confusion_matrix"]
    assert sum(map(sum, counts)) == 500  # a fifth of the rows
    for page in (place / "report.html", insights / "report.html"):
        assert "<svg" in page.read_text()


def test_the_exploration_shows_every_column(done: Trained) -> None:
    folder = done.base / "output" / "data" / "notebooks"
    page = (folder / "data-exploration.html").read_text()
    for name in census().columns:
        assert name in page
    book = json.loads((folder / "SageMakerAutopilotDataExplorationNotebook.ipynb").read_text())
    assert {cell["cell_type"] for cell in book["cells"]} == {"markdown", "code"}


def test_archives_are_data_and_no_pickles(done: Trained) -> None:
    for archive in done.model.glob("*/model.tar.gz"):
        with tarfile.open(archive) as opened:
            names = {*opened.getnames()}
        assert "autopilot.json" in names
        assert names <= {"autopilot.json", "model.txt", "model.ubj", "linear.json"}


def test_raw_rows_in_predictions_out(endpoint: Served) -> None:
    status, body = endpoint.ask(rows(500))
    assert status == 200, body
    answers = list(csv.reader(io.StringIO(body.decode())))
    scores = []
    for label, probability, probabilities, labels in answers:
        shares = dict(zip(json.loads(labels), json.loads(probabilities), strict=True))
        assert shares[label] == float(probability) == max(shares.values())
        scores.append(shares[">50K"])
    truth = (census().tail(500)[TARGET] == ">50K").to_numpy()
    assert auc(truth, scores) > 0.86


def test_json_by_column_means_the_same_as_csv(endpoint: Served) -> None:
    [row] = census().tail(1).drop(TARGET).to_dicts()
    answer = endpoint.json({"instances": [row]})
    _, text = endpoint.ask(rows(1))
    [[label, probability, *_]] = csv.reader(io.StringIO(text.decode()))
    [found] = answer["predictions"]
    assert found["predicted_label"] == label
    assert found["probability"] == pytest.approx(float(probability))


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"),
    [
        (b"1,2\n", "text/csv", 400, b"row 1 has 2 values, where the model has 14 columns"),
        (b"", "text/csv", 400, b"has no rows"),
        (b'{"instances": [{"height": 3}]}', "application/json", 400, b"has 'height'"),
        (b"[1]", "application/json", 400, b'an object with a list "instances"'),
        (b"x", "image/png", 415, b"must be one of text/csv"),
    ],
)
def test_what_cannot_be_scored_is_told(
    endpoint: Served, body: bytes, content_type: str, status: int, said: bytes
) -> None:
    answered, text = endpoint.ask(body, content_type)
    assert answered == status
    assert said in text


def test_a_job_that_was_killed_repeats_nothing_and_ends_as_it_would_have(
    done: Trained, tmp_path: Path
) -> None:
    content = census().head(2500).write_csv().encode()
    # As if the first two candidates had been finished: what is left of them is what survives.
    kept = tmp_path / "job" / "checkpoints"
    for name in ("census-001", "census-002"):
        for part in (f"archives/{name}.tar.gz", f"scores/{name}.npy"):
            target = kept / part
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((done.base / "checkpoints" / part).read_bytes())
    lines = (done.base / "checkpoints" / "candidates.jsonl").read_bytes().splitlines(keepends=True)
    (kept / "candidates.jsonl").write_bytes(b"".join(lines[:2]))
    again = train("autopilot", tmp_path / "job", HYPERPARAMETERS, {"train": content})
    assert again.code == 0, again.log
    assert "2 candidates were finished before the job was run again" in again.log
    first, second = summary(done), summary(again)
    assert second["candidates"][:2] == first["candidates"][:2]
    timeless = [
        [{**one, "started": 0, "ended": 0} for one in found["candidates"]]
        for found in (first, second)
    ]
    assert timeless[0] == timeless[1]
    assert second["best"] == first["best"]


def test_a_job_that_is_stopped_keeps_what_is_finished(tmp_path: Path) -> None:
    from tests.images.xgboost.jobs import job

    content = census().head(1500).write_csv().encode()
    job(
        tmp_path,
        {**HYPERPARAMETERS, "max_candidates": "700"},
        {"train": {"part-0": content}},
        content_type="text/csv",
    )
    with subprocess.Popen(
        [sys.executable, "-m", "modelyard.images.autopilot", "train"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "validation:AUC=" in line:
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    found = json.loads((tmp_path / "output" / "data" / "autopilot.json").read_text())
    assert found["ended_by"] == "Stopped"
    finished = [one["name"] for one in found["candidates"] if one["status"] == "Completed"]
    assert sorted(path.parent.name for path in tmp_path.glob("model/*/model.tar.gz")) == finished


def test_a_time_that_is_over_ahead_of_the_first_candidate_is_told(tmp_path: Path) -> None:
    content = census().head(500).write_csv().encode()
    asked = {**HYPERPARAMETERS, "deadline": "1.0"}
    ended = train("autopilot", tmp_path, asked, {"train": content})
    assert ended.code == 1
    assert "give more MaxAutoMLJobRuntimeInSeconds" in ended.failure
