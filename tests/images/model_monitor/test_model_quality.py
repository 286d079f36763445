from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from sklearn import metrics as oracle

from modelyard.images.model_monitor.model_quality import binary, constraints, multiclass, regression
from modelyard.images.model_monitor.model_quality.analysis import measure
from modelyard.images.model_monitor.model_quality.measured import Measured
from modelyard.images.model_monitor.model_quality.problems import problem_of
from modelyard.images.model_monitor.model_quality.rows import Answers, class_of
from modelyard.images.model_monitor.model_quality.spread import standard_deviations
from modelyard.images.model_monitor.settings import Attributes, Settings
from tests.images.model_monitor.jobs import CAPTURE, HOUR, WINDOW, captured, label, run, write

SEEDS = st.integers(0, 100_000)
BINARY = {
    "analysis_type": "MODEL_QUALITY",
    "problem_type": "BinaryClassification",
    "probability_threshold_attribute": "0.5",
}


def approx(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


@trying(max_examples=20)
@given(SEEDS, st.integers(2, 200))
def test_binary_metrics_are_scikit_learns(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.random(rows) < 0.4
    labels[:2] = [True, False]
    probabilities = random.random(rows).round(1)
    answers = probabilities >= 0.5
    found = binary.metrics(labels, answers, probabilities)
    assert found["accuracy"] == approx(oracle.accuracy_score(labels, answers))
    assert found["recall"] == approx(oracle.recall_score(labels, answers))
    assert found["auc"] == approx(oracle.roc_auc_score(labels, probabilities))
    assert found["au_prc"] == approx(oracle.average_precision_score(labels, probabilities))
    for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0)):
        expected = oracle.fbeta_score(labels, answers, beta=beta, zero_division=0)
        assert found[name] == approx(expected)
    if answers.any():
        assert found["precision"] == approx(oracle.precision_score(labels, answers))
    table = oracle.confusion_matrix(labels, answers)
    counts = binary.confusion(labels, answers)
    assert [list(row.values()) for row in counts.values()] == table.tolist()
    false_rates, true_rates, _ = oracle.roc_curve(labels, probabilities, drop_intermediate=False)
    ours = binary.roc_curve(labels, probabilities)
    np.testing.assert_allclose(ours[0], false_rates)
    np.testing.assert_allclose(ours[1], true_rates)


def test_the_best_constant_classifier_is_the_references() -> None:
    labels = np.array([True, False, False, False])
    found = binary.metrics(labels, np.array([True, True, True, False]), None)
    assert found["recall_best_constant_classifier"] == 1.0
    assert found["precision_best_constant_classifier"] == 0.25
    assert found["accuracy_best_constant_classifier"] == 0.25
    assert "auc" not in found


def test_one_class_alone_has_no_curves_and_no_rates_of_the_other() -> None:
    found = binary.metrics(np.array([False, False]), np.array([False, False]), np.array([0.1, 0.2]))
    assert math.isnan(found["recall"])
    assert math.isnan(found["auc"])
    assert (found["true_negative_rate"], found["accuracy"]) == (1.0, 1.0)


@trying(max_examples=20)
@given(SEEDS, st.integers(2, 100), st.integers(2, 5))
def test_multiclass_metrics_are_scikit_learns(seed: int, rows: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    labels, answers = (random.integers(0, classes, rows) for _ in range(2))
    found = multiclass.metrics(labels, answers, classes)
    weighted = {"average": "weighted", "zero_division": 0}
    assert found["accuracy"] == approx(oracle.accuracy_score(labels, answers))
    assert found["weighted_recall"] == approx(oracle.recall_score(labels, answers, **weighted))
    precision = oracle.precision_score(labels, answers, **weighted)
    assert found["weighted_precision"] == approx(precision)
    for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0)):
        expected = oracle.fbeta_score(labels, answers, beta=beta, **weighted)
        assert found[f"weighted_{name}"] == approx(expected)
    share = np.bincount(labels).max() / rows
    assert found["accuracy_best_constant_classifier"] == approx(share)
    assert found["weighted_precision_best_constant_classifier"] == approx(share**2)


@trying(max_examples=20)
@given(SEEDS, st.integers(2, 100))
def test_regression_metrics_are_scikit_learns(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    labels, predictions = random.normal(size=rows), random.normal(size=rows)
    found = regression.metrics(labels, predictions)
    assert found["mae"] == approx(oracle.mean_absolute_error(labels, predictions))
    assert found["mse"] == approx(oracle.mean_squared_error(labels, predictions))
    assert found["rmse"] == approx(oracle.root_mean_squared_error(labels, predictions))
    assert found["r2"] == approx(oracle.r2_score(labels, predictions))


def test_standard_deviations_need_200_rows_and_are_always_the_same() -> None:
    values = np.random.default_rng(0).normal(size=200)
    mean = lambda rows: {"mean": float(values[rows].mean())}  # noqa: E731
    assert math.isnan(standard_deviations(199, mean)["mean"])
    first = standard_deviations(200, mean)
    assert first == standard_deviations(200, mean)
    # Five of 80 % without replacement: half of sigma / sqrt(n), give or take.
    assert 0.2 < first["mean"] / (values.std() / math.sqrt(200)) < 1.0


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", True, " 1 "])
def test_one_class_can_be_written_in_many_ways(value: object) -> None:
    assert class_of(value) == "1"


def settings(tmp_path: Path, problem: str) -> Settings:
    from modelyard.images.processing.layout import Layout

    given = {
        "dataset_source": "/x",
        "output_path": "/y",
        "dataset_format": CAPTURE,
        "analysis_type": "MODEL_QUALITY",
        "problem_type": problem,
        "inference_attribute": "0",
    }
    return Settings.read(given, Layout(tmp_path))


def measured(tmp_path: Path, rows: int, seed: int, baseline: dict[str, object] | None) -> Measured:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, rows)
    right = random.random(rows) < 0.85
    answers = Answers(
        labels=[str(label) for label in labels],
        predictions=[str(a) for a in np.where(right, labels, 1 - labels)],
    )
    problem = problem_of(answers, settings(tmp_path, "BinaryClassification"))
    return measure(problem, baseline, [])


def test_clean_answers_raise_no_more_alarms_than_the_level_allows(tmp_path: Path) -> None:
    first = measured(tmp_path, 2000, 1000, None)
    baseline = constraints.document(first.problem, first.values, first.errors)
    alarms = [
        measured(tmp_path, [40, 400, 2000][seed % 3], seed, baseline).violations
        for seed in range(50)
    ]
    # 50 runs of 10 metrics that move together, at the level 0.001 each: 0.5 are expected at most.
    assert sum(map(bool, alarms)) <= 2


def test_flipped_labels_are_reported(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 600)
    scores = np.clip(labels * 0.4 + random.random(600) * 0.6, 0, 1)
    table = "probability,label\n" + "".join(
        f"{s},{y}\n" for s, y in zip(scores, labels, strict=True)
    )
    write(tmp_path / "in" / "base.csv", table)
    base = run(
        tmp_path / "b",
        tmp_path / "in",
        **BINARY,
        probability_attribute="probability",
        ground_truth_attribute="label",
    )
    assert base.code == 0, base.message
    lines = "".join(captured(f"{s}", "1,2", event=f"e{i}") for i, s in enumerate(scores))
    write(tmp_path / "capture" / HOUR / "c.jsonl", lines + lines[:40])
    for name, truth in (("same", labels), ("flipped", 1 - labels)):
        text = "".join(label(f"e{i}", str(y)) for i, y in enumerate(truth))
        write(tmp_path / name / HOUR / "t.jsonl", text + "broken\n")
    given = {
        **BINARY,
        **WINDOW,
        "dataset_format": CAPTURE,
        "probability_attribute": "0",
        "publish_cloudwatch_metrics": "Enabled",
        "baseline_constraints": str(base.output / "constraints.json"),
    }
    same, flipped = (
        run(
            tmp_path / f"job-{name}",
            tmp_path / "capture",
            **given,
            ground_truth_source=str(tmp_path / name),
        )
        for name in ("same", "flipped")
    )
    assert (same.code, same.violations) == (0, [])
    assert "2 left out" not in same.message
    found = dict(flipped.violations)
    assert found["auc"] == found["accuracy"] == "LessThanThreshold"
    assert found["false_positive_rate"] == "GreaterThanThreshold"
    assert flipped.message.startswith("CompletedWithViolations: ")
    metrics = {metric["MetricName"]: metric.get("Value") for metric in flipped.metrics}
    statistics = flipped.read("statistics.json")["binary_classification_metrics"]
    assert metrics["auc"] == statistics["auc"]["value"]
    assert statistics["confusion_matrix"]["1"].keys() == {"0", "1"}


def test_three_classes_are_no_binary_problem(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.csv", "p,label\na,b\nb,c\n")
    done = run(
        tmp_path / "job",
        tmp_path / "in",
        **BINARY,
        inference_attribute="p",
        ground_truth_attribute="label",
    )
    assert done.code == 1
    assert "BinaryClassification has two classes, the data has 3: a, b, c" in done.message


def test_a_multiclass_and_a_regression_baseline_check_themselves(tmp_path: Path) -> None:
    for problem, rows in (
        ("MulticlassClassification", "a,a\nb,b\nc,a\n" * 100),
        ("Regression", "1.5,1\n2,2.5\n3,3\n" * 100),
    ):
        source = write(tmp_path / problem / "in" / "a.csv", "answer,label\n" + rows).parent
        given = {
            "analysis_type": "MODEL_QUALITY",
            "problem_type": problem,
            "inference_attribute": "answer",
            "ground_truth_attribute": "label",
        }
        base = run(tmp_path / problem / "b", source, **given)
        constraints_file = str(base.output / "constraints.json")
        again = run(
            tmp_path / problem / "j", source, **given, baseline_constraints=constraints_file
        )
        assert (again.code, again.violations) == (0, [])


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.csv", "p,label\n0.5,1\n")
    done = run(
        tmp_path / "job",
        tmp_path / "in",
        **BINARY,
        probability_attribute="score",
        ground_truth_attribute="label",
    )
    assert "probability_attribute 'score' is not a column of the data set: it has p, label" in (
        done.message
    )


def test_json_paths_find_answers_and_labels() -> None:
    from modelyard.images.model_monitor.model_quality.locating import value_of

    assert value_of({"score": 0.7}, "predictions[0].score") == 0.7
    assert value_of({"a.b": 3}, "$.a.b") == 3
    assert value_of([1, 2], "1") == 2
    assert value_of([1, 2], None) == 1
    assert value_of([1, 2], "5") is None
    assert Attributes().probability_threshold == 0.5
