"""Monitors: captured invocations, merged with ground truth, against a baseline."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost

from tests.images.clarify.jobs import Ended, run, write
from tests.images.clarify.test_job import COLUMNS, FEATURES, config, csv_of, people

WINDOW = {"start_time": "2026-03-01T10:00:00Z", "end_time": "2026-03-01T11:00:00Z"}
MONITOR = {
    "dataset_format": json.dumps(
        {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
    ),
    "sagemaker_endpoint_name": "earners",
    "sagemaker_monitoring_schedule_name": "hourly",
    "probability_attribute": "0",
    "probability_threshold_attribute": "0.5",
    **WINDOW,
}
BASELINE = "/opt/ml/processing/baseline/constraints/analysis.json"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[xgboost.Booster, Path]]:
    data = people(3000, seed=1)
    matrix = xgboost.DMatrix(data.select(FEATURES).to_numpy(), label=data["income"].to_numpy())
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 15)
    folder = tmp_path_factory.mktemp("model")
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    yield booster, folder


def scores(booster: xgboost.Booster, data: pl.DataFrame) -> np.ndarray[Any, Any]:
    return np.asarray(booster.predict(xgboost.DMatrix(data.select(FEATURES).to_numpy())))


def invocation(
    features: Sequence[Any],
    output: str,
    label: object = None,
    *,
    time: str = "2026-03-01T10:15:00Z",
    encoding: str = "CSV",
) -> str:
    text = ",".join(map(str, features)) if encoding != "JSON" else json.dumps(features)
    if encoding == "BASE64":
        text = base64.b64encode(text.encode()).decode()
    record: dict[str, Any] = {
        "captureData": {
            "endpointInput": {
                "observedContentType": "application/json" if encoding == "JSON" else "text/csv",
                "mode": "INPUT",
                "data": text,
                "encoding": encoding,
            },
            "endpointOutput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "OUTPUT",
                "data": output,
                "encoding": "CSV",
            },
        },
        "eventMetadata": {"eventId": "e", "inferenceTime": time},
        "eventVersion": "0",
    }
    if label is not None:
        record["groundTruthData"] = {"data": str(label), "encoding": "CSV"}
    return json.dumps(record)


def captured(data: pl.DataFrame, answers: np.ndarray[Any, Any], *, labels: bool = True) -> str:
    lines = [
        invocation(row[1:], str(answer), row[0] if labels else None)
        for row, answer in zip(data.rows(), answers, strict=True)
    ]
    return "\n".join(lines) + "\n"


def bias_config() -> dict[str, Any]:
    """What the SDK's monitor keeps: neither methods nor a predictor."""
    names = ("headers", "label", "label_values_or_threshold", "facet", "group_variable")
    return {name: value for name, value in config().items() if name in names}


def shap_config() -> dict[str, Any]:
    return {
        "headers": FEATURES,
        "methods": {"shap": {"baseline": [[38, 10, 40, 1]]}},
        "predictor": {"model_name": "earners", "accept_type": "text/csv"},
    }


def with_baseline(
    base: Path, model: tuple[xgboost.Booster, Path], *methods: str
) -> tuple[Path, dict[str, str]]:
    """Run a baseline job, and return a folder where a monitor finds its result."""
    environment = {"CLARIFY_MODEL_DIR": str(model[1])}
    job = run(
        base / "baseline", config(*methods), {"d.csv": csv_of(people(2000, seed=20))}, environment
    )
    assert job.code == 0, job.message
    folder = base / "monitor"
    write(folder / "processing/baseline/constraints/analysis.json", job.text("analysis.json"))
    return folder, {**MONITOR, **environment, "baseline_constraints": BASELINE}


def test_a_clean_window_has_no_violations_and_its_metrics_are_published(
    tmp_path: Path, model: tuple[xgboost.Booster, Path]
) -> None:
    folder, environment = with_baseline(tmp_path, model, "pre_training_bias", "post_training_bias")
    data = people(600, seed=21)
    window = captured(data, scores(model[0], data))
    ended = run(folder, bias_config(), {"e/v/2026/03/01/10/a.jsonl": window}, environment)
    assert ended.code == 0
    assert ended.message == "Completed: Job completed successfully with no violations."
    assert ended.document("constraint_violations.json") == {"version": "1.0", "violations": []}
    assert "No violations." in ended.text("report.html")
    check_metrics(ended)


def check_metrics(ended: Ended) -> None:
    published = ended.metrics()
    (found,) = [
        line
        for line in published
        if line["MetricName"] == "bias_metric_CI" and dimension(line, "Facet") == "sex"
    ]
    assert found["Namespace"] == "aws/sagemaker/Endpoints/bias-metrics"
    assert found["Timestamp"] == "2026-03-01T10:00:00Z"
    assert {d["Name"]: d["Value"] for d in found["Dimensions"]} == {
        "Endpoint": "earners",
        "MonitoringSchedule": "hourly",
        "BiasStage": "Pre-training",
        "Label": "income",
        "LabelValue": "1",
        "Facet": "sex",
        "FacetValue": "0",
    }
    values = {m["name"]: m["value"] for m in facet(ended, "pre_training_bias_metrics")["metrics"]}
    assert found["Value"] == values["CI"]


def test_metrics_are_called_alike_in_every_window_whatever_its_values(tmp_path: Path) -> None:
    found, texts = [], set()
    for oldest in (60, 70):
        data = people(300, seed=29).filter(pl.col("age") <= oldest)
        answers = np.where(data["income"].to_numpy() == 1, 0.9, 0.1)
        folder = tmp_path / str(oldest)
        ended = run(folder, bias_config(), {"a.jsonl": captured(data, answers)}, MONITOR)
        assert ended.code == 0, ended.message
        texts.add(
            ended.document("analysis.json")["pre_training_bias_metrics"]["facets"]["age"][0][
                "value_or_threshold"
            ]
        )
        found.append(
            {
                (line["MetricName"], tuple(sorted(d["Value"] for d in line["Dimensions"])))
                for line in ended.metrics()
            }
        )
        ages = {dimension(line, "FacetValue") for line in ended.metrics()} - {"0"}
        assert ages == {"45.5"}
    assert found[0] == found[1]
    assert len(texts) == 2  # the reference's text tells of the oldest


def dimension(line: dict[str, Any], name: str) -> str | None:
    return next((d["Value"] for d in line["Dimensions"] if d["Name"] == name), None)


def facet(ended: Ended, section: str) -> Any:
    return ended.document("analysis.json")[section]["facets"]["sex"][0]


def test_a_window_that_is_biased_against_women_is_found_and_only_there(
    tmp_path: Path, model: tuple[xgboost.Booster, Path]
) -> None:
    folder, environment = with_baseline(tmp_path, model, "pre_training_bias", "post_training_bias")
    data = people(900, seed=22)
    women = (data["sex"] == 0).to_numpy()
    # Men are all accepted, women never.
    answers = np.where(women, 0.01, 0.99)
    ended = run(folder, bias_config(), {"a.jsonl": captured(data, answers)}, environment)
    violations = ended.document("constraint_violations.json")["violations"]
    assert ended.message.startswith(
        f"CompletedWithViolations: Job completed successfully with {len(violations)} violations."
    )
    found = {(entry["facet"], entry["metric_name"]) for entry in violations}
    assert {("sex", "DPPL"), ("sex", "CDDPL")} <= found
    assert not {name for _, name in found} & {"CI", "DPL", "KL", "JS"}  # the data are as ever
    assert {entry["constraint_check_type"] for entry in violations} == {"bias_drift_check"}
    page = ended.text("report.html")
    assert "sex = 0, DPPL: Value" in page
    assert "Above 0, the model accepts the facet less often than the rest." in page


def test_features_whose_roles_are_swapped_are_an_attribution_drift(
    tmp_path: Path, model: tuple[xgboost.Booster, Path]
) -> None:
    folder, environment = with_baseline(tmp_path, model, "shap")
    data = people(300, seed=23)
    clean = run(
        folder, shap_config(), {"a.jsonl": captured(data, scores(model[0], data))}, environment
    )
    assert clean.message == "Completed: Job completed successfully with no violations."
    # A client sends the hours where the sex should be, and the other way round.
    swapped = data.with_columns(
        pl.col("hours-per-week").alias("sex"), pl.col("sex").alias("hours-per-week")
    )
    drifted = run(
        folder,
        shap_config(),
        {"a.jsonl": captured(swapped, scores(model[0], swapped))},
        environment,
    )
    (entry,) = drifted.document("constraint_violations.json")["violations"]
    assert entry["label"] == "label0"
    assert entry["metric_name"] == "shap"
    assert entry["constraint_check_type"] == "feature_attribution_drift_check"
    assert entry["description"].startswith("Feature attribution drift 0.")
    assert entry["description"].endswith(" exceeds threshold 0.9")
    names = {line["MetricName"] for line in drifted.metrics()}
    assert names == {*(f"feature_{name}" for name in FEATURES), "ExpectedValue"}
    (expected,) = [line for line in drifted.metrics() if line["MetricName"] == "ExpectedValue"]
    assert expected["Namespace"] == "aws/sagemaker/Endpoints/explainability-metrics"
    assert dimension(expected, "ExplainabilityMethod") == "KernelShap"
    assert dimension(expected, "ValueType") == "ExpectedValue"


def test_a_window_without_data_says_so(tmp_path: Path) -> None:
    ended = run(tmp_path, bias_config(), {}, MONITOR)
    sentence = "no captured data between 2026-03-01T10:00:00Z and 2026-03-01T11:00:00Z"
    assert (ended.code, ended.message) == (3, f"Error: {sentence}")
    early = invocation([30, 10, 40, 1], "0.5", time="2026-03-01T09:59:59Z")
    ended = run(tmp_path, shap_config(), {"a.jsonl": early}, MONITOR)
    assert ended.code == 3
    assert ended.message == (
        f"Error: {sentence}. 1 invocations outside of the window were left out"
    )


def test_what_cannot_be_read_is_counted_and_the_rest_is_analysed(tmp_path: Path) -> None:
    data = people(100, seed=24)
    lines = [
        captured(data, np.where(data["income"].to_numpy() == 1, 0.9, 0.1)),
        invocation([30, 10, 40, 1], "0.5"),  # no label
        invocation([30, 10], "0.5", 1),  # too few features
        invocation([30, 10, 40, 1], "0.5", "1,0"),  # two labels
        invocation([30, 10, 40, 1], "0.5,0.6\n0.1,0.2", 1),  # two answers
        '{"captureData": {"endpointInput": {"data"',  # cut in the middle
        "[]",
    ]
    ended = run(tmp_path, bias_config(), {"a.jsonl": "\n".join(lines)}, MONITOR)
    assert ended.code == 0, ended.message
    for part in (
        "2 lines that are no captured invocations were left out",
        "1 invocations without ground truth were left out",
        "1 invocations whose records have 2 values, and not 4 were left out",
        "1 invocations with another number of labels than of records were left out",
        "1 invocations whose output cannot be read",
    ):
        assert part in ended.message
    metrics = {m["name"]: m["value"] for m in facet(ended, "post_training_bias_metrics")["metrics"]}
    assert metrics["AD"] == 0  # of the hundred rows alone, which are all right


def test_every_encoding_and_batches_of_records_are_read(tmp_path: Path) -> None:
    data = people(90, seed=25)
    lines = []
    for index, row in enumerate(data.rows()):
        encoding = ("CSV", "JSON", "BASE64")[index % 3]
        features = row[1:] if encoding != "JSON" else [list(row[1:])]
        lines.append(invocation(features, "0.7" if row[0] else "0.2", row[0], encoding=encoding))
    pair = data.head(2).rows()
    both = invocation([], "0.9\n0.1", "1\n0").replace(
        '"data": ""',
        '"data": ' + json.dumps("\n".join(",".join(map(str, row[1:])) for row in pair)),
    )
    ended = run(tmp_path, bias_config(), {"a.jsonl": "\n".join([*lines, both])}, MONITOR)
    assert ended.message == "Completed: Job completed successfully."
    ci = {m["name"]: m["value"] for m in facet(ended, "pre_training_bias_metrics")["metrics"]}["CI"]
    sexes = [*data["sex"].to_list(), pair[0][4], pair[1][4]]
    assert ci == pytest.approx((92 - 2 * sexes.count(0)) / 92)


def test_records_that_are_all_of_another_width_are_told_with_the_names(tmp_path: Path) -> None:
    ended = run(tmp_path, bias_config(), {"a.jsonl": invocation([1, 2], "0.5", 1)}, MONITOR)
    assert ended.code == 1
    assert "whose records have 2 values, and not 4" in ended.message
    assert "must be what the endpoint is sent: age, education-num" in ended.message


def test_rows_of_a_batch_transform_are_a_dataset_with_its_labels(tmp_path: Path) -> None:
    data = people(120, seed=26).with_columns(score=pl.col("income") * 0.8 + 0.1)
    environment = {**MONITOR, "dataset_format": '{"csv":{"header":true}}'}
    environment |= {"probability_attribute": "score", "sagemaker_endpoint_name": ""}
    asked = {**bias_config(), "headers": [*COLUMNS, "score"]}
    ended = run(tmp_path, asked, {"out.csv": csv_of(data, header=True)}, environment)
    assert ended.code == 0, ended.message
    values = {m["name"]: m["value"] for m in facet(ended, "post_training_bias_metrics")["metrics"]}
    assert values["AD"] == 0
    assert ended.metrics()[0]["Namespace"] == "aws/sagemaker/ModelMonitoring/bias-metrics"


def test_settings_that_are_wrong_are_told_at_once(tmp_path: Path) -> None:
    wrong = {
        "dataset_format": '{"xml": {}}',
        "start_time": "today",
        "bias_drift_confidence": "2",
        "CLARIFY_EXPLAINER": "magic",
        "CLARIFY_S3_FILES": "[]",
    }
    ended = run(tmp_path, bias_config(), {}, {**MONITOR, **wrong})
    for part in (
        "must be a JSON object with one of sagemakerCaptureJson, csv, json, parquet",
        "start_time 'today' must be a time such as",
        "bias_drift_confidence 2 must lie within (0, 1)",
        "CLARIFY_EXPLAINER 'magic' must be one of auto, kernel, tree",
        "CLARIFY_S3_FILES must be a JSON object of paths by S3 URIs",
    ):
        assert part in ended.message


def test_a_baseline_that_is_nowhere_is_told(tmp_path: Path) -> None:
    data = people(100, seed=27)
    window = captured(data, np.full(100, 0.5))
    environment = {**MONITOR, "baseline_constraints": BASELINE}
    ended = run(tmp_path, bias_config(), {"a.jsonl": window}, environment)
    assert ended.code == 1
    assert "There is no baseline at" in ended.message


def batch_record(data: str, label: object, encoding: str = "CSV") -> str:
    """What merging makes of a transform job's output and a label."""
    output = {"data": data, "encoding": encoding, "mode": "OUTPUT"}
    return json.dumps(
        {
            "captureData": {"batchTransformOutput": output},
            "groundTruthData": {"data": str(label), "encoding": "CSV"},
            "eventMetadata": {"eventId": "e", "inferenceTime": "2026-03-01T09:50:00Z"},
            "eventVersion": "0",
        }
    )


@pytest.mark.parametrize("encoding", ["CSV", "JSON"])
def test_answers_that_a_transform_job_joined_to_their_input_are_taken_apart(
    tmp_path: Path, encoding: str
) -> None:
    data = people(120, seed=27)
    lines = []
    for label, *features in data.rows():
        score = 0.9 if label else 0.1
        text = ",".join(map(str, [*features, score]))
        if encoding == "JSON":
            text = json.dumps({"features": features, "SageMakerOutput": {"score": score}})
        lines.append(batch_record(text, label, encoding))
    place = {"probability_attribute": "0" if encoding == "CSV" else "score"}
    environment = {**MONITOR, **place, "sagemaker_endpoint_name": ""}
    answer_only = batch_record("0.9", 1)
    ended = run(tmp_path, bias_config(), {"a.jsonl": "\n".join([*lines, answer_only])}, environment)
    assert ended.code == 0, ended.message
    assert "1 batch records without both input and answer" in ended.message
    values = {m["name"]: m["value"] for m in facet(ended, "post_training_bias_metrics")["metrics"]}
    assert values["AD"] == 0
    document = ended.document("analysis.json")
    assert document["pre_training_bias_metrics"]["label"] == "income"


def test_a_pair_whose_label_came_late_counts(tmp_path: Path) -> None:
    data = people(100, seed=28)
    early = [
        invocation(row[1:], "0.9" if row[0] else "0.1", row[0], time="2026-03-01T04:00:00Z")
        for row in data.rows()
    ]
    ended = run(tmp_path, bias_config(), {"a.jsonl": "\n".join(early)}, MONITOR)
    assert ended.code == 0, ended.message
    assert facet(ended, "pre_training_bias_metrics")["metrics"]


def test_a_facet_that_is_no_column_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    asked = {**bias_config(), "facet": [{"name_or_index": "gender", "value_or_threshold": [0]}]}
    window = captured(people(50, seed=30), np.full(50, 0.9))
    ended = run(tmp_path, asked, {"a.jsonl": window}, MONITOR)
    assert ended.code == 1
    assert "Facet 'gender' is not a column: there are income, age" in ended.message


def test_names_that_are_not_those_of_the_configuration_are_told(tmp_path: Path) -> None:
    lines = []
    for label, *values in people(60, seed=31).rows():
        record = json.loads(invocation(values, "0.9" if label else "0.1", label, encoding="JSON"))
        named = dict(zip(["years", *FEATURES[1:]], values, strict=True))
        record["captureData"]["endpointInput"]["data"] = json.dumps(named)
        lines.append(json.dumps(record))
    asked = {**bias_config(), "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}]}
    ended = run(tmp_path, asked, {"a.jsonl": "\n".join(lines)}, MONITOR)
    assert ended.code == 0, ended.message
    assert "60 records have no 'age', which the headers of the configuration name" in ended.message
