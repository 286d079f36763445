"""Models out of their files: predictions, and exact Shapley values of trees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost

from modelyard.images.clarify.data.encoding import Encoding, Matrix
from modelyard.images.clarify.predict.model_files import load
from modelyard.images.processing.errors import ClientError
from tests.data import breast_cancer

ROWS = breast_cancer().x_test[:20]
ENCODING = Encoding(names=[f"f{i}" for i in range(30)], vocabularies=[None] * 30)


def trained(objective: str, **more: object) -> xgboost.Booster:
    data = breast_cancer()
    labels = data.y_train if more or "binary" in objective else data.x_train[:, 0]
    matrix = xgboost.DMatrix(data.x_train, label=labels)
    return xgboost.train({"objective": objective, "max_depth": 3, **more}, matrix, 10)


@pytest.mark.parametrize("name", ["xgboost-model", "model.ubj", "model.json"])
def test_a_booster_of_xgboost_answers_as_itself(tmp_path: Path, name: str) -> None:
    booster = trained("binary:logistic")
    form = "json" if name.endswith("json") else "ubj"
    (tmp_path / name).write_bytes(booster.save_raw(form))
    found = load(tmp_path)
    expected = booster.predict(xgboost.DMatrix(ROWS))
    assert found.predict(ROWS, ENCODING).figures()[:, 0] == pytest.approx(expected)
    assert name in found.name


def log_odds(share: Matrix) -> Matrix:
    return np.asarray(np.log(share / (1 - share)))


def test_tree_shap_of_a_classifier_adds_up_to_its_log_odds(tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_bytes(trained("binary:logistic").save_raw("ubj"))
    found = load(tmp_path)
    assert found.units == "log-odds"
    assert found.explains
    values = found.contributions(ROWS)
    assert values.shape == (20, 1, 31)
    figures = found.predict(ROWS, ENCODING).figures()
    assert values.sum(axis=2) == pytest.approx(log_odds(figures), abs=1e-4)


def test_tree_shap_of_a_regression_adds_up_to_its_output(tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_bytes(trained("reg:squarederror").save_raw("ubj"))
    found = load(tmp_path)
    assert found.units == "output"
    total = found.contributions(ROWS).sum(axis=2)
    assert total == pytest.approx(found.predict(ROWS, ENCODING).figures(), abs=1e-3)


def test_contributions_of_several_classes_are_not_those_of_their_probabilities(
    tmp_path: Path,
) -> None:
    booster = trained("multi:softprob", num_class=3)
    (tmp_path / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    found = load(tmp_path)
    assert not found.explains
    assert found.predict(ROWS, ENCODING).figures().shape == (20, 3)
    assert found.contributions(ROWS).shape == (20, 3, 31)


def test_a_booster_of_lightgbm_answers_and_explains_as_itself(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    data = breast_cancer()
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(data.x_train, data.y_train), 5)
    (tmp_path / "model.txt").write_text(booster.model_to_string())
    found = load(tmp_path)
    figures = found.predict(ROWS, ENCODING).figures()
    assert figures[:, 0] == pytest.approx(booster.predict(ROWS))
    assert found.units == "log-odds"
    assert found.contributions(ROWS).sum(axis=2) == pytest.approx(log_odds(figures), abs=1e-6)


def test_pickles_and_whatever_else_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_bytes(b"\x80\x04\x95anything")
    (tmp_path / "notes.txt").write_text("a model of trees")
    with pytest.raises(
        ClientError, match=r"no model in .* that can be read as data: XGBoost's UBJ"
    ):
        load(tmp_path)
    with pytest.raises(ClientError, match="no model in"):
        load(tmp_path / "nowhere")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"learner": 7')
    with pytest.raises(ClientError, match=r"model\.json is no model of XGBoost"):
        load(tmp_path)


def test_rows_that_the_model_does_not_take_are_refused(tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_bytes(trained("binary:logistic").save_raw("ubj"))
    found = load(tmp_path)
    narrow = Encoding(names=["a", "b"], vocabularies=[None, ["x"]])
    with pytest.raises(ClientError, match="takes numbers only, and b are texts"):
        found.predict(ROWS[:, :2], narrow)
    numbers = Encoding(names=["a", "b"], vocabularies=[None, None])
    with pytest.raises(ClientError, match="takes 30 features, and the dataset has 2 beside"):
        found.predict(ROWS[:, :2], numbers)
