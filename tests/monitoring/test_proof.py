"""The monitors catch what really goes wrong, in the hour in which it does, and nothing else.

A real model of census data answers; what it was asked is captured as the gateway captures it; the
analyses run as they do in production, in the jobs' sandbox. Only the clock is the test's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelyard.compute.runtimes import confinements
from modelyard.compute.sandbox import SandboxRuntime
from modelyard.store.s3_uris import S3Uri
from tests.monitoring.proof import ANALYZER, CENSUS, COLUMNS, Model, Proof, Row
from tests.monitoring.world import BUCKET
from tests.processing.conftest import best_confinement

__all__ = ["best_confinement"]


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
