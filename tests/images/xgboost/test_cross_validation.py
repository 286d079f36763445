from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import accuracy_score, r2_score

from modelyard.images.xgboost.cross_validation import deal, run
from modelyard.images.xgboost.errors import ClientError
from modelyard.images.xgboost.hyperparameters import Hyperparameters
from tests.images.xgboost.fits import fitting, hyperparameters, table
from tests.images.xgboost.jobs import Array, Job, evaluations


@given(st.lists(st.integers(0, 2), min_size=2, max_size=60), st.integers(2, 6), st.booleans())
def test_folds_and_their_classes_differ_by_one_row_at_most(
    labels: list[int], folds: int, by_class: bool
) -> None:
    truth = np.array(labels, np.float32)
    dealt = deal(truth, folds=folds, seed=1, by_class=by_class)
    assert np.ptp(np.bincount(dealt, minlength=folds)) <= 1
    for label in set(labels) if by_class else ():
        assert np.ptp(np.bincount(dealt[truth == label], minlength=folds)) <= 1


def test_folds_are_shuffled_by_the_seed_alone() -> None:
    labels = np.zeros(50, np.float32)
    one, same, other = (deal(labels, folds=5, seed=seed, by_class=False) for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()


def validate(folder: Path, hp: Hyperparameters, features: Array, labels: Array) -> Job:
    half = len(labels) // 2
    tables = {
        "train": table("train", features[:half], labels[:half], parts=2),
        "validation": table("validation", features[half:], labels[half:]),
    }
    assert hp.folds is not None
    run(fitting(folder, hp), tables, features.shape[1], folds=hp.folds)
    return Job(folder)


def predictions(job: Job) -> Array:
    path = job.base / "output" / "data" / "predictions.csv"
    return np.loadtxt(path, delimiter=",")


def test_every_row_is_predicted_by_models_that_have_not_seen_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    hp = hyperparameters(_kfold="4", _num_cv_round="2", eval_metric="auc,accuracy", seed="3")
    job = validate(tmp_path, hp, features, labels)
    table = predictions(job)
    np.testing.assert_array_equal(table[:, 0], labels)
    assert 0.93 < accuracy_score(labels, table[:, 2]) < 0.99
    np.testing.assert_array_equal(table[:, 1] > 0.5, table[:, 2] == 1)
    models = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert models == ["xgboost-model", *(f"xgboost-model-{number}" for number in range(8))]
    assert accuracy_score(labels, job.predict(features) > 0.5) > 0.95
    lines = evaluations(capsys.readouterr().out)
    assert len(lines) == 8 * 10 + 2 + 1
    assert lines[-1].startswith("[10]\ttrain-auc:")
    mean = float(lines[-1].split("validation-accuracy:")[1])
    assert mean == pytest.approx(accuracy_score(labels, table[:, 2]), abs=0.02)


def test_several_classes_are_predicted_with_the_probability_of_the_one_predicted(
    tmp_path: Path,
) -> None:
    features, labels = load_wine(return_X_y=True)
    hp = hyperparameters(objective="multi:softprob", num_class="3", _kfold="3")
    table = predictions(validate(tmp_path, hp, features, labels))
    assert accuracy_score(labels, table[:, 2]) > 0.9
    assert table[:, 1].min() > 1 / 3


def test_numbers_are_predicted_without_probabilities(tmp_path: Path) -> None:
    features, labels = load_diabetes(return_X_y=True)
    hp = hyperparameters(
        objective="reg:squarederror",
        _kfold="3",
        num_round="100",
        eta="0.1",
        max_depth="3",
        early_stopping_rounds="5",
    )
    job = validate(tmp_path, hp, features, labels)
    table = predictions(job)
    assert table.shape == (442, 2)
    assert r2_score(table[:, 0], table[:, 1]) > 0.3
    folds = [Job(tmp_path / "x").base.parent / "model" / f"xgboost-model-{n}" for n in range(3)]
    assert all(path.exists() for path in folds)
    assert 10 < job.booster().num_boosted_rounds() < 100


def test_more_folds_than_rows_are_refused(tmp_path: Path) -> None:
    features, labels = np.ones((4, 2)), np.arange(4.0)
    hp = hyperparameters(objective="reg:squarederror", _kfold="5")
    with pytest.raises(ClientError, match="_kfold=5 is more than the 4 rows of the data"):
        validate(tmp_path, hp, features, labels)
