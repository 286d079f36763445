"""Jobs whose model the gateway serves: the endpoint's own answers, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.batch.jobs import Job
from tests.gateway import models


@pytest.fixture(scope="module")
def booster() -> Any:
    return models.train()


@pytest.fixture
def scored(job: Job, booster: Any) -> Iterator[Job]:
    models.save(booster, job.base / "model")
    yield job


def as_text(scores: models.Rows) -> str:
    return "".join(f"{score}\n" for score in scores.tolist())


@pytest.mark.parametrize("assembly", ["None", "Line"])
def test_predictions_are_written_as_the_endpoint_writes_them(
    scored: Job, booster: Any, assembly: str
) -> None:
    rows = models.rows(3000)
    scored.put({"a.csv": models.as_csv(rows)})
    assert scored.run(assembly=assembly) == 0
    assert scored.outputs == {"a.csv.out": as_text(models.expected(booster, rows))}


def test_several_payloads_are_one_output(scored: Job, booster: Any) -> None:
    rows = models.rows(40_000)
    scored.put({"a.csv": models.as_csv(rows)})
    assert scored.run(max_payload_mib=1, concurrency=3) == 0
    assert scored.outputs["a.csv.out"] == as_text(models.expected(booster, rows))


def test_one_record_at_a_time_gives_the_same_but_for_the_engine(scored: Job, booster: Any) -> None:
    rows = models.rows(50)
    scored.put({"a.csv": models.as_csv(rows)})
    assert scored.run(strategy="SingleRecord") == 0
    found = np.array([float(line) for line in scored.outputs["a.csv.out"].split()], np.float32)
    np.testing.assert_allclose(found, models.expected(booster, rows), rtol=1e-5)


def test_json_lines_are_joined_to_their_scores(scored: Job, booster: Any) -> None:
    rows = np.nan_to_num(models.rows(20))
    lines = [json.dumps({"id": n, "features": row}) for n, row in enumerate(rows.tolist())]
    scored.put({"a.jsonl": "\n".join(lines)})
    kind = "application/jsonlines"
    assert scored.run(content_type=kind, accept=kind, join_input=True) == 0
    written = [json.loads(line) for line in scored.outputs["a.jsonl.out"].splitlines()]
    assert [one["id"] for one in written] == list(range(20))
    scores = [one["SageMakerOutput"]["score"] for one in written]
    np.testing.assert_allclose(scores, models.expected(booster, rows))


def test_a_whole_json_document_is_one_record(scored: Job) -> None:
    scored.put({"a.json": json.dumps({"instances": [[1, 2, 3, 4], [4, 3, 2, 1]]})})
    kind = "application/json"
    assert scored.run(content_type=kind, accept=kind, split="None", assembly="None") == 0
    assert len(json.loads(scored.outputs["a.json.out"])["predictions"]) == 2


def test_lines_of_json_documents_are_sent_one_by_one(scored: Job) -> None:
    scored.put({"a": "[1,2,3,4]\n[4,3,2,1]"})
    assert scored.run(content_type="application/json") == 0
    assert len(scored.outputs["a.out"].splitlines()) == 2


def test_the_models_environment_says_what_is_told(
    scored: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", "predicted_label,probability")
    scored.put({"a": models.as_csv(models.rows(5))})
    assert scored.run() == 0
    label, probability = scored.outputs["a.out"].splitlines()[0].split(",")
    assert int(label) == (float(probability) > 0.5)


def test_a_bad_row_is_told_with_its_line_in_the_file(scored: Job) -> None:
    lines = models.as_csv(models.rows(5000)).decode().split("\n")
    lines[3210] = "1,2,red,4"
    scored.put({"a.csv": "\n".join(lines)})
    assert scored.run() == 1
    assert scored.failure.startswith(
        "ClientError: a.csv, line 3,211: the model answered 400: row 1, column 3: 'red'"
    )
    assert scored.outputs == {}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"content_type": "image/png"}, "Content-type 'image/png' is not supported"),
        ({"accept": "image/png"}, "Accept type 'image/png' is not supported"),
    ],
)
def test_forms_that_the_model_does_not_know_fail_the_job(
    scored: Job, members: dict[str, str], said: str
) -> None:
    scored.put({"a": "1"})
    assert scored.run(**members) == 1
    assert scored.failure.startswith("ClientError: ")
    assert said in scored.failure


def test_a_model_that_cannot_be_served_fails_the_job(job: Job) -> None:
    folder: Path = job.base / "model"
    folder.mkdir()
    (folder / "xgboost-model").write_bytes(b"\x80\x04.")
    job.put({"a": "1"})
    assert job.run() == 1
    assert "is a Python pickle" in job.failure
