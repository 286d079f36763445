"""Outputs of batch transform jobs, and the labels that come later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.images.model_monitor.jobs import HOUR, WINDOW, Run, label, run, write

TIME = "2026-03-01T10:20:00Z"
CSV = '{"csv": {"header": false}}'
LINES = '{"json": {"lines": true}}'
BINARY = {
    "analysis_type": "MODEL_QUALITY",
    "problem_type": "BinaryClassification",
    "probability_attribute": "2",
}


def done(tmp_path: Path, content: str, labels: str, **settings: str) -> Run:
    """Run a job over one output, the labels of which came in its hour."""
    write(tmp_path / "outputs" / "day.csv.out", content)
    write(tmp_path / "truth" / HOUR / "labels.jsonl", labels)
    given = {"dataset_format": CSV, **WINDOW, "ground_truth_source": str(tmp_path / "truth")}
    return run(tmp_path / "job", tmp_path / "outputs", **{**given, **settings})


def rows(count: int) -> str:
    """Two features, the answer, and what a transform job appends."""
    return "".join(f'"a, b",{n},0.{n % 2 * 8 + 1},id-{n},{TIME}\n' for n in range(count))


def document(number: int) -> str:
    return json.dumps(
        {
            "features": [number],
            "SageMakerOutput": {"score": 0.9 if number % 2 else 0.1},
            "SageMakerInferenceId": f"id-{number}",
            "SageMakerInferenceTime": TIME,
        }
    )


def merged(ended: Run) -> list[Any]:
    return [json.loads(line) for line in (ended.output / "merged.jsonl").read_text().splitlines()]


def test_labels_meet_the_records_of_a_csv_by_their_id(tmp_path: Path) -> None:
    labels = label("id-0", "0") + label("id-1", "1") + label("nobody", "1")
    ended = done(tmp_path, rows(3), labels, analysis_type="MERGE")
    assert ended.code == 0, ended.message
    first, second = merged(ended)
    assert first["eventMetadata"] == {"eventId": "id-0", "inferenceTime": TIME}
    assert first["captureData"]["batchTransformOutput"]["data"] == '"a, b",0,0.1'
    assert second["groundTruthData"] == {"data": "1", "encoding": "CSV"}
    report = ended.read("merge_report.json")
    assert (report["merged"], report["waiting"], report["unknown_labels"]) == (2, 1, 1)


def test_a_header_is_no_record(tmp_path: Path) -> None:
    content = f"text,number,answer,id,time\n{rows(2)}"
    labels = label("id-0", "0") + label("id-1", "1")
    form = '{"csv": {"header": true}}'
    ended = done(tmp_path, content, labels, analysis_type="MERGE", dataset_format=form)
    assert [one["eventMetadata"]["eventId"] for one in merged(ended)] == ["id-0", "id-1"]
    assert ended.read("merge_report.json")["left_out"] == {}


@pytest.mark.parametrize("attribute", ["SageMakerOutput.score", "score"])
def test_answers_joined_to_their_input_are_found_by_their_name(
    tmp_path: Path, attribute: str
) -> None:
    content = "\n".join(map(document, range(40)))
    labels = "".join(label(f"id-{n}", str(n % 2)) for n in range(40))
    settings = {**BINARY, "probability_attribute": attribute, "dataset_format": LINES}
    ended = done(tmp_path, content, labels, **settings)
    assert ended.code == 0, ended.message
    statistics = ended.read("statistics.json")
    assert statistics["dataset"]["item_count"] == 40
    assert statistics["binary_classification_metrics"]["auc"]["value"] == 1


def test_an_answer_of_csv_is_found_by_its_place_behind_the_features(tmp_path: Path) -> None:
    labels = "".join(label(f"id-{n}", str(n % 2)) for n in range(40))
    ended = done(tmp_path, rows(40), labels, **BINARY)
    found = ended.read("statistics.json")["binary_classification_metrics"]
    assert found["confusion_matrix"] == {"0": {"0": 20, "1": 0}, "1": {"0": 0, "1": 20}}


def test_what_is_broken_is_counted_and_the_rest_is_merged(tmp_path: Path) -> None:
    cut = rows(3)[:-30]
    ended = done(tmp_path, cut, label("id-1", "1"), analysis_type="MERGE")
    assert len(merged(ended)) == 1
    assert "1 left out: records without an inference id and its time" in ended.message
    lines = "\n".join([document(1), "{}", document(2)[:40]])
    ended = done(tmp_path, lines, label("id-1", "1"), analysis_type="MERGE", dataset_format=LINES)
    assert sorted(ended.read("merge_report.json")["left_out"].values()) == [1, 1]


def test_outputs_of_a_job_that_gave_no_ids_say_what_is_missing(tmp_path: Path) -> None:
    ended = done(tmp_path, "0.1\n0.9\n", label("id-1", "1"), **BINARY)
    assert ended.code == 3
    assert "no captured data between" in ended.message
    assert "transform them with GenerateInferenceId" in ended.message


def test_parquet_is_not_merged(tmp_path: Path) -> None:
    ended = done(tmp_path, "", "", analysis_type="MERGE", dataset_format='{"parquet": {}}')
    assert ended.message == (
        "Error: ground_truth_source cannot be merged with parquet: use csv or json"
    )
