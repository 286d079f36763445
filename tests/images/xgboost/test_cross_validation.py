from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import accuracy_score, r2_score

from modelyard.images.training.channels import Table
from modelyard.images.training.errors import ClientError
from modelyard.images.training.readers import Rows, Sparse
from modelyard.images.training.stopping import StopRequest
from modelyard.images.xgboost.cross_validation import deal, run
from modelyard.images.xgboost.hyperparameters import Hyperparameters
from tests.images.xgboost.fits import fitting, hyperparameters, noisy, table
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
    assert np.mean((table[:, 1] > 0.5) == (table[:, 2] == 1)) > 0.98  # but where repeats disagree
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
    assert 10 < job.booster().num_boosted_rounds() < 100


def sparse(channel: str, labels: Array) -> Table:
    """Return a row for each label, whose only feature tells which label it is."""
    rows = Rows(
        features=Sparse(
            values=np.ones(len(labels), np.float32),
            columns=labels.astype(np.int64),
            offsets=np.arange(len(labels) + 1),
            width=int(labels.max()) + 1,
        ),
        labels=labels.astype(np.float32),
        weights=None if channel == "train" else np.full(len(labels), 2, np.float32),
    )
    return Table(channel=channel, parts=[rows], width=rows.width, sparse=True)


def test_sparse_rows_with_weights_are_folded_too(tmp_path: Path) -> None:
    hp = hyperparameters(objective="multi:softmax", num_class="3", _kfold="3", eta="1")
    tables = {
        "train": sparse("train", np.arange(60) % 2),
        "validation": sparse("validation", np.arange(60) % 3),
    }
    run(fitting(tmp_path, hp), tables, 3, folds=3)
    table = predictions(Job(tmp_path))
    np.testing.assert_array_equal(table[:, 0], table[:, 2])
    assert set(table[:, 1]) == {1.0}


def test_dense_and_sparse_channels_cannot_be_joined(tmp_path: Path) -> None:
    tables = {
        "train": table("train", np.ones((9, 2)), np.arange(9) % 2),
        "validation": sparse("validation", np.arange(9) % 2),
    }
    with pytest.raises(ClientError, match="both must be dense, or both sparse"):
        run(fitting(tmp_path, hyperparameters(_kfold="3")), tables, 2, folds=3)


def test_a_margin_is_recorded_as_the_probability_that_it_means(tmp_path: Path) -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    hp = hyperparameters(objective="binary:logitraw", _kfold="2")
    table = predictions(validate(tmp_path, hp, features, labels))
    assert 0 < table[:, 1].min() < 0.2 < 0.8 < table[:, 1].max() < 1
    np.testing.assert_array_equal(table[:, 1] > 0.5, table[:, 2] == 1)


def test_a_stop_leaves_the_models_that_there_are(tmp_path: Path) -> None:
    stop = StopRequest()
    stop._asked.set()
    features, labels = noisy()
    tables = {"train": table("train", features, labels)}
    run(fitting(tmp_path, hyperparameters(_kfold="3"), stop=stop), tables, 8, folds=3)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["xgboost-model-0"]


def test_a_cross_validation_that_was_killed_ends_with_the_same_models(tmp_path: Path) -> None:
    features, labels = noisy()
    hp = hyperparameters(_kfold="2", subsample="0.5", num_round="4")

    def validated() -> list[bytes]:
        validate(tmp_path, hp, features, labels)
        return [path.read_bytes() for path in sorted((tmp_path / "model").iterdir())]

    first = validated()
    (tmp_path / "checkpoints" / "model-1" / "xgboost-checkpoint.3").unlink()
    (tmp_path / "model" / "xgboost-model").unlink()
    assert validated() == first


def test_more_folds_than_rows_are_refused(tmp_path: Path) -> None:
    features, labels = np.ones((4, 2)), np.arange(4.0)
    hp = hyperparameters(objective="reg:squarederror", _kfold="5")
    with pytest.raises(ClientError, match="_kfold=5 is more than the 4 rows of the data"):
        validate(tmp_path, hp, features, labels)
