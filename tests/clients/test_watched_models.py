"""Monitors of live models catch what really goes wrong, in the hour in which it does."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clients.monitors import await_execution, now
from tests.clients.test_sagemaker_v2 import run_script
from tests.clients.transforms import await_transform, transform_request
from tests.clients.watched import (
    AGE,
    RACE,
    TRAINED,
    Model,
    create,
    deploy,
    get,
    in_service,
    label,
    move,
    one_sided,
    past_hours,
    put,
    send,
    spoilt,
    swapped,
    truth,
)
from tests.clients.watching import (
    BINARY,
    baseline_ahead_of,
    define,
    definition_of,
    found,
    look_at,
    metric_names,
    pipeline,
    said,
    suggest,
    suggest_bias,
    suggested,
)
from tests.images.clarify.datasets import adult
from tests.images.model_monitor.real_data import abalone
from tests.live import XGBOOST, LiveServer

INPUT = "/opt/ml/processing/input/data"
#: Somebody young without schooling who works a little: what Shapley values are measured from.
SOMEBODY = "20,5,20,Female,Black"
HELD, FEW, ASKED = slice(3000, 4500), slice(3000, 3600), slice(4500, 4900)
#: What a baseline of a model's quality is told of its table.
JUDGED = {
    "analysis_type": "MODEL_QUALITY",
    "problem_type": BINARY,
    "probability_attribute": "answer",
    "ground_truth_attribute": "label",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a busy machine is slow


@pytest.fixture(scope="module")
def people() -> Model:
    some = adult().sample(8000, seed=7)
    named = some.select("income", "age", "education-num", "hours-per-week", "sex", "race")
    return Model("census", named, "binary:logistic")


@pytest.fixture(scope="module")
def shells() -> Model:
    mixed = abalone().sample(fraction=1, shuffle=True, seed=7)
    return Model("shells", mixed.select("rings", *mixed.columns[:-1]), "reg:squarederror")


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, people: Model, shells: Model
) -> Iterator[LiveServer]:
    """A server whose endpoints `census` and `shells` are in service."""
    live = LiveServer(
        tmp_path_factory.mktemp("watched") / "home",
        environment={"MODELYARD_CAPTURE_FLUSH_SECONDS": "0.2"},
    ).start()
    for model in (people, shells):
        deploy(live, model)
    for model in (people, shells):
        in_service(live, model)
    yield live
    assert live.stop() == 0, live.log.read_text()


@pytest.fixture
def mark() -> str:
    """What ends the names of a test's resources: one that is run again makes others."""
    return secrets.token_hex(2)


def test_each_monitor_of_people_reports_what_goes_wrong_in_its_hour_and_nothing_else(
    watched: LiveServer, people: Model, mark: str
) -> None:
    data, quality = f"data-{mark}", f"quality-{mark}"
    suggest(watched, data, people.table(slice(TRAINED), answer_first=True))
    suggest(watched, quality, people.judged(HELD), **JUDGED)
    for name, rows in (("held", HELD), ("few", FEW)):
        put(watched, f"census/{name}.csv", people.table(rows))
    put(watched, "census/somebody.csv", f"{SOMEBODY}\n")
    asked, right = people.rows[ASKED], people.labels[ASKED]
    sided, sided_labels = one_sided(people)
    traffic = {
        "clean": asked,
        "drifted": spoilt(asked, 1, AGE, lambda age: str(int(age) + 15)),
        "unseen": spoilt(asked, 20, RACE, lambda _: "Martian"),
        "missing": spoilt(asked, 10, AGE, lambda _: ""),
        "words": spoilt(asked, 10, AGE, lambda _: "forty"),
        "flipped": asked,
        "biased": sided,
        "swapped": [swapped(row) for row in asked],
    }
    truths = {"clean": right, "flipped": [1 - one for one in right], "biased": sided_labels}
    hours = past_hours(traffic)
    send(watched, people, traffic)
    move(watched, people, hours)
    for name, labels in truths.items():
        label(watched, people, hours[name], name, labels)
    bias = pipeline(
        watched,
        "bias",
        baseline_data="census/held.csv",
        monitor_ground_truth_input=f"{watched.bucket}/labels/census/<yyyy>/<mm>/<dd>/<hh>",
        bias_config={
            "label_values_or_threshold": 1,
            "facet_name": "sex",
            "facet_values_or_threshold": "Female",
        },
        model_predicted_label_config={"probability": 0, "probability_threshold": 0.5},
    )
    [facet] = baseline_ahead_of(watched, bias)["post_training_bias_metrics"]["facets"]["sex"]
    assert facet["value_or_threshold"] == "Female"
    explained = pipeline(
        watched,
        "explainability",
        baseline_data="census/few.csv",
        shap_config={"baseline": "census/somebody.csv", "num_samples": "100", "seed": "7"},
    )
    shap = baseline_ahead_of(watched, explained)["explanations"]["kernel_shap"]["label0"]
    assert set(shap["global_shap_values"]) == set(people.columns)
    for name in (data, quality):
        suggested(watched, name)
    of_census = {"EndpointName": "census", "LocalPath": INPUT}
    define(watched, "DataQuality", data, {"EndpointInput": of_census})
    given = {
        "EndpointInput": {**of_census, "ProbabilityAttribute": "0"},
        "GroundTruthS3Input": {"S3Uri": f"s3://{watched.bucket}/labels/census"},
    }
    define(watched, "ModelQuality", quality, given, ProblemType=BINARY)
    features = ("clean", "drifted", "unseen", "missing", "words", "flipped", "swapped")
    looks = {
        "DataQuality": (data, features),
        "ModelQuality": (quality, ("clean", "flipped")),
        "ModelBias": (definition_of(watched, bias), ("clean", "biased")),
        "ModelExplainability": (definition_of(watched, explained), ("clean", "swapped")),
    }
    each = [(type_, name) for type_, (_, names) in looks.items() for name in names]
    for type_, name in each:
        look_at(watched, f"{type_}-{name}-{mark}", looks[type_][0], type_, hours[name])
    seen = {
        (type_, name): found(watched, "census", f"{type_}-{name}-{mark}", hours[name])
        for type_, name in each
    }
    worse, unfair = seen["ModelQuality", "flipped"], seen["ModelBias", "biased"]
    assert {kind for _, kind in worse} == {"LessThanThreshold", "GreaterThanThreshold"}
    assert {"auc", "accuracy", "precision", "recall"} <= {metric for metric, _ in worse}
    assert {kind for _, kind in unfair} == {"bias_drift_check"}
    assert {"DPL", "DPPL", "DI", "DCR"} <= {metric for metric, _ in unfair}
    assert "CI" not in {metric for metric, _ in unfair}  # there are as many women as men
    drift = "baseline_drift_check"
    assert seen == {
        **{one: set() for one in each},
        ("DataQuality", "drifted"): {("age", drift)},
        ("DataQuality", "unseen"): {("race", "categorical_values_check")},
        ("DataQuality", "missing"): {("age", "completeness_check")},
        ("DataQuality", "words"): {("age", "data_type_check")},
        ("DataQuality", "swapped"): {(one, drift) for one in ("age", "education-num", "answer")},
        ("ModelQuality", "flipped"): worse,
        ("ModelBias", "biased"): unfair,
        ("ModelExplainability", "swapped"): {("shap", "feature_attribution_drift_check")},
    }
    cut = "1 left out: lines that are not captured invocations"
    assert cut in said(watched, f"DataQuality-clean-{mark}")
    bias_metrics = metric_names(watched, "bias", f"ModelBias-clean-{mark}", hours["clean"])
    assert {"bias_metric_DPL", "bias_metric_DPPL"} <= bias_metrics
    schedule = f"ModelExplainability-clean-{mark}"
    weights = metric_names(watched, "explainability", schedule, hours["clean"])
    assert weights == {"ExpectedValue", *(f"feature_{name}" for name in people.columns)}


def test_monitors_of_shells_whose_sex_is_a_letter_report_what_goes_wrong(
    watched: LiveServer, shells: Model, mark: str
) -> None:
    data, quality = f"shells-data-{mark}", f"shells-quality-{mark}"
    suggest(watched, data, shells.table(slice(TRAINED), answer_first=True))
    judged = {**JUDGED, "problem_type": "Regression", "inference_attribute": "answer"}
    del judged["probability_attribute"]
    suggest(watched, quality, shells.judged(FEW), **judged)
    asked, rings = shells.rows[3600:4000], shells.labels[3600:4000]
    unseen = spoilt(asked, 20, 0, lambda _: "X")
    traffic = {"clean": asked, "unseen": unseen, "flipped": asked}
    hours = past_hours(traffic)
    send(watched, shells, traffic)
    move(watched, shells, hours)
    label(watched, shells, hours["clean"], "clean", rings)
    label(watched, shells, hours["flipped"], "flipped", [30 - ring for ring in rings])
    for name in (data, quality):
        suggested(watched, name)
    of_shells = {"EndpointName": "shells", "LocalPath": INPUT}
    define(watched, "DataQuality", data, {"EndpointInput": of_shells})
    given = {
        "EndpointInput": {**of_shells, "InferenceAttribute": "0"},
        "GroundTruthS3Input": {"S3Uri": f"s3://{watched.bucket}/labels/shells"},
    }
    define(watched, "ModelQuality", quality, given, ProblemType="Regression")
    looks = [
        (data, "DataQuality", "clean"),
        (data, "DataQuality", "unseen"),
        (quality, "ModelQuality", "clean"),
        (quality, "ModelQuality", "flipped"),
    ]
    for definition, type_, name in looks:
        look_at(watched, f"{definition}-{name}", definition, type_, hours[name])
    seen = [
        found(watched, "shells", f"{definition}-{name}", hours[name])
        for definition, _, name in looks
    ]
    worse = {(name, "GreaterThanThreshold") for name in ("mae", "mse", "rmse")}
    assert seen == [
        set(),
        {("sex", "categorical_values_check")},
        set(),
        worse | {("r2", "LessThanThreshold")},
    ]


def test_batch_jobs_and_the_labels_of_their_records_are_watched(
    watched: LiveServer, people: Model, mark: str
) -> None:
    sagemaker = watched.client("sagemaker")
    guesses = [f"{float(answer) > 0.5:d}" for answer in people.answers(people.rows[HELD])]
    known = zip(people.labels[HELD], people.numbers(people.rows[HELD]), guesses, strict=True)
    held = [",".join([str(one), *row, guess]) for one, row, guess in known]
    bias = {
        "headers": [people.label, *people.columns, "guess"],
        "label": people.label,
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
    }
    suggest_bias(watched, f"bias-{mark}", "\n".join(held), bias)
    suggest(watched, f"quality-{mark}", people.judged(HELD), **JUDGED)
    asked = people.numbers(people.rows[ASKED])
    folder, name = f"s3://{watched.bucket}/batch-{mark}", f"batch-{mark}"
    put(watched, f"{name}/in/day.csv", "\n".join(map(",".join, asked)))
    create(watched, name, XGBOOST, people.trees())
    request = transform_request(watched, name, name, f"{name}/in")
    request["DataCaptureConfig"] = {
        "DestinationS3Uri": f"{folder}/captured",
        "GenerateInferenceId": True,
    }
    request["DataProcessing"] = {"JoinSource": "Input"}
    sagemaker.create_transform_job(**request)
    job = await_transform(watched, name)
    assert job["TransformJobStatus"] == "Completed", job
    records = [line.split(",") for line in get(watched, f"out/{name}/day.csv.out").splitlines()]
    assert [record[: len(people.columns)] for record in records] == asked
    lines = [
        truth(record[-2], [1 - right])
        for record, right in zip(records, people.labels[ASKED], strict=True)
    ]
    hour = datetime.now(UTC)
    put(watched, f"labels/{name}/{hour:%Y/%m/%d/%H}/labels.jsonl", "\n".join(lines))
    for baseline in (f"quality-{mark}", f"bias-{mark}"):
        suggested(watched, baseline)
    # Of quality the answer's place counts within the whole row, of bias within the answer.
    asks: tuple[tuple[str, str, int, dict[str, str]], ...] = (
        ("ModelQuality", f"quality-{mark}", len(people.columns), {"ProblemType": BINARY}),
        ("ModelBias", f"bias-{mark}", 0, {}),
    )
    for type_, definition, place, app in asks:
        given = {
            "BatchTransformInput": {
                "DataCapturedDestinationS3Uri": f"{folder}/captured",
                "DatasetFormat": {"Csv": {"Header": False}},
                "LocalPath": INPUT,
                "ProbabilityAttribute": str(place),
                "ProbabilityThresholdAttribute": 0.5,
            },
            "GroundTruthS3Input": {"S3Uri": f"s3://{watched.bucket}/labels/{name}"},
        }
        define(watched, type_, definition, given, **app)
        sagemaker.create_monitoring_schedule(
            MonitoringScheduleName=definition, MonitoringScheduleConfig=now(definition, type_)
        )
    for schedule, violated in ((f"quality-{mark}", "auc"), (f"bias-{mark}", "DCA")):
        execution = await_execution(watched, schedule, 600)
        assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations", execution
        job = execution["ProcessingJobArn"].rpartition("/")[2]
        described = sagemaker.describe_processing_job(ProcessingJobName=job)
        report = described["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        key = report.removeprefix(f"s3://{watched.bucket}/")
        violations = json.loads(get(watched, f"{key}/constraint_violations.json"))["violations"]
        assert violated in {one["metric_name"] for one in violations}


def test_the_sdks_monitors_of_bias_and_attributions_run_unmodified(
    watched: LiveServer, people: Model, tmp_path: Path
) -> None:
    sided, labels = one_sided(people)
    send(watched, people, {"sdk": sided})
    hour = datetime.now(UTC)
    label(watched, people, hour, "sdk", labels)
    (tmp_path / "train.csv").write_text(people.table(FEW))
    told = run_script(
        watched,
        tmp_path,
        "sagemaker_v2_clarify_monitors.py",
        "census",
        tmp_path / "train.csv",
        f"s3://{watched.bucket}/labels/census",
        "sex",
        "Female",
    )
    bias, explained = told["bias"], told["explained"]
    for one in (bias, explained):
        assert one["executions"] == 1
        assert (one["stopped"], one["started"], one["left"]) == ("Stopped", "Scheduled", [])
    assert (bias["type"], explained["type"]) == ("ModelBias", "ModelExplainability")
    assert bias["status"] == "CompletedWithViolations"
    assert {"DPL", "DPPL"} <= {one["metric_name"] for one in bias["violations"]}
    assert "sex" in bias["baseline"]["post_training_bias_metrics"]["facets"]
    violated = bool(explained["violations"])  # these people are not as those of the baseline
    assert explained["status"] == ("CompletedWithViolations" if violated else "Completed")
    assert "label0" in explained["baseline"]["explanations"]["kernel_shap"]
