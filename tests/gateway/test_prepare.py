from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.gateway import prepared as prepared_file
from modelyard.gateway import proof
from modelyard.gateway.conversion import OUTPUTS
from modelyard.gateway.engines import import_xgboost
from modelyard.gateway.model_file import ModelFileError
from modelyard.gateway.prepare import main, prepare
from modelyard.gateway.serving import ServedModel
from tests.gateway.models import FEATURES, expected, prepared, rows, save, train

CONVERTED = sorted(OUTPUTS)
ALONE = [
    {"booster": "gblinear"},
    {"booster": "dart", "rate_drop": 0.3},
    {"objective": "binary:logitraw"},
    {"objective": "binary:hinge"},
    {"objective": "rank:pairwise"},
    {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]},
]


def check_answers(folder: Path, booster: Any) -> None:
    """Both engines, at sizes around the one where they change over, answer as XGBoost does."""
    model = ServedModel(folder)
    assert model.features == FEATURES
    features = rows(700, seed=1)
    wanted = expected(booster, features)
    for size in (1, 2, 33, 700):
        assert proof.difference(wanted[:size], model.predict(features[:size])) is None


@pytest.mark.parametrize("objective", CONVERTED)
def test_convertible_objectives_are_converted_and_answer_the_same(
    tmp_path: Path, objective: str
) -> None:
    folder, booster = prepared(tmp_path / "m", objective=objective)
    found = prepared_file.read(folder)
    assert found.objective == objective
    assert (found.rounds, found.iterations) == (8, 0)
    assert found.xgboost_alone_because is None
    assert found.onnx is not None
    assert found.onnx.max_rows >= 1
    check_answers(folder, booster)


@pytest.mark.parametrize("parameters", ALONE, ids=str)
def test_what_cannot_be_converted_stays_with_xgboost_and_says_why(
    tmp_path: Path, parameters: dict[str, Any]
) -> None:
    folder, booster = prepared(tmp_path / "m", **parameters)
    found = prepared_file.read(folder)
    assert found.onnx is None
    assert found.xgboost_alone_because
    assert not list(folder.glob("*.onnx"))
    check_answers(folder, booster)


def test_a_model_that_splits_by_category_stays_with_xgboost(tmp_path: Path) -> None:
    xgboost = import_xgboost()
    random = np.random.default_rng(0)
    features = random.integers(0, 5, size=(300, FEATURES)).astype(np.float32)
    labels = np.isin(features[:, 0], [1, 3]).astype(np.float32)
    data = xgboost.DMatrix(
        features, labels, feature_types=["c"] * FEATURES, enable_categorical=True
    )
    settings = {"objective": "binary:logistic", "max_cat_to_onehot": 1, "nthread": 1}
    folder = save(xgboost.train(settings, data, 5), tmp_path / "m")
    assert prepare(folder).xgboost_alone_because == "it splits by category"
    model = ServedModel(folder)
    found = model.predict(np.array([[1, 0, 0, 0], [2, 0, 0, 0]], dtype=np.float32))
    assert found[0] > 0.5 > found[1]


def test_predictions_use_the_rounds_up_to_the_best_of_early_stopping(tmp_path: Path) -> None:
    booster = train()
    booster.set_attr(best_iteration="2")
    folder = save(booster, tmp_path / "m")
    found = prepare(folder)
    assert (found.rounds, found.iterations) == (8, 3)
    assert found.onnx is not None
    features = rows(300, seed=1)
    wanted = booster.predict(import_xgboost().DMatrix(features), iteration_range=(0, 3))
    model = ServedModel(folder)
    for size in (1, 300):
        assert proof.difference(wanted[:size], model.predict(features[:size])) is None


def test_feature_names_do_not_matter(tmp_path: Path) -> None:
    booster = train()
    booster.feature_names = ["age", "height", "a b", "ü"]
    folder = save(booster, tmp_path / "m")
    assert prepare(folder).onnx is not None
    booster.feature_names = None
    check_answers(folder, booster)


def test_preparing_again_gives_the_same(tmp_path: Path) -> None:
    folder, _ = prepared(tmp_path / "m")
    before = sorted(path.name for path in folder.iterdir())
    prepare(folder)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_broken_model_is_refused_with_what_xgboost_says(tmp_path: Path) -> None:
    folder = save(train(), tmp_path / "m")
    content = (folder / "xgboost-model").read_bytes()
    (folder / "xgboost-model").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileError, match=r"XGBoost [\d.]+ cannot load xgboost-model: "):
        prepare(folder)
    assert not (folder / "modelyard-model.json").exists()


def test_a_folder_that_was_not_prepared_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has not been prepared"):
        ServedModel(save(train(), tmp_path / "m"))
    folder, _ = prepared(tmp_path / "n")
    path = folder / "modelyard-model.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match=r"format 99.*prepare it again"):
        ServedModel(folder)


def test_engines_that_disagree_are_not_served(tmp_path: Path) -> None:
    folder, _ = prepared(tmp_path / "m")
    other, _ = prepared(tmp_path / "n", sign=-1.0)
    (folder / "modelyard-model.onnx").write_bytes((other / "modelyard-model.onnx").read_bytes())
    with pytest.raises(ValueError, match="the model's two engines disagree"):
        ServedModel(folder)


def test_as_a_program_it_says_in_its_last_line_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(train(), tmp_path / "model")
    assert main([str(folder)]) == 0
    assert "binary:logistic, 4 features, 8 rounds" in capsys.readouterr().out.splitlines()[-1]
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert main([]) == 0
    (folder / "xgboost-model").write_bytes(pickle.dumps([1]))
    assert main([]) == 1
    assert "is never loaded" in capsys.readouterr().out.splitlines()[-1]


def test_as_a_process_it_needs_no_data_science_libraries(tmp_path: Path) -> None:
    folder = save(train(), tmp_path / "model")
    code = (
        "import sys; from modelyard.gateway.prepare import main; code = main(sys.argv[1:]); "
        "sys.exit(code or 'sklearn' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)]).returncode == 0
