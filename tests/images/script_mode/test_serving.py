from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xgboost

from modelyard.images.script_mode.errors import ScriptError
from modelyard.images.script_mode.frameworks import framework
from modelyard.images.script_mode.serving import ScriptScorer, load_script
from modelyard.images.serving import Refused


@pytest.fixture(autouse=True)
def _same_path_and_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name in ("inference", "serve_me"):
            del sys.modules[name]


def scorer(folder: Path, script: str, name: str = "scikit-learn") -> ScriptScorer:
    model = folder / "model"
    (model / "code").mkdir(parents=True)
    (model / "code" / "inference.py").write_text(script)
    return ScriptScorer(load_script(model), framework(name), model)


DOUBLE = """
class Model:
    def predict(self, rows):
        return rows * 2

def model_fn(model_dir):
    return Model()
"""


def test_the_frameworks_functions_are_there_by_default(tmp_path: Path) -> None:
    made = scorer(tmp_path, DOUBLE)
    answer = made.score(b"1,2\n3,4", "text/csv", "*/*")
    assert answer.content_type == "application/json"
    assert json.loads(answer.body) == [[2, 4], [6, 8]]
    assert made.score(b"[[1]]", "", "text/csv, application/json").body == b"2.0\n"
    with pytest.raises(Refused):
        made.score(b"", "image/png", "")


def test_own_functions_get_text_for_text_and_bytes_for_the_rest(tmp_path: Path) -> None:
    made = scorer(
        tmp_path,
        DOUBLE
        + """
def input_fn(body, content_type):
    return [type(body).__name__, content_type]

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    return " ".join(prediction), "text/own"
""",
    )
    answer = made.score(b"{}", "application/json", "x/y")
    assert (answer.body, answer.content_type) == (b"str application/json", "text/own")
    assert made.score(b"\xff", "image/png", "").body == b"bytes image/png"


def test_one_function_may_do_all(tmp_path: Path) -> None:
    made = scorer(
        tmp_path,
        DOUBLE
        + """
def transform_fn(model, body, content_type, accept):
    return f"{type(model).__name__} {body} {content_type} {accept}"
""",
    )
    assert made.score(b"x", "text/csv", "text/plain").body == b"Model x text/csv text/plain"


def test_transform_fn_beside_others_is_refused(tmp_path: Path) -> None:
    both = DOUBLE + "def transform_fn(*a): ...\ndef predict_fn(*a): ...\n"
    with pytest.raises(ScriptError, match="transform_fn and predict_fn"):
        scorer(tmp_path, both)


def test_functions_may_take_a_context(tmp_path: Path) -> None:
    made = scorer(
        tmp_path,
        "def model_fn(model_dir, context):\n    return context\n"
        "def predict_fn(data, model, context):\n    return str(context)\n"
        "def output_fn(prediction, accept):\n    return prediction\n",
    )
    assert made.score(b"[1]", "application/json", "").body == b"None"


def test_an_xgboost_model_needs_no_functions(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3)).round(3)
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, rows.sum(axis=1)), 3)
    (tmp_path / "model").mkdir()
    booster.save_model(tmp_path / "model" / "model.ubj")
    (tmp_path / "model" / "model.ubj").rename(tmp_path / "model" / "xgboost-model")
    (tmp_path / "model" / "code").mkdir()
    (tmp_path / "model" / "code" / "inference.py").write_text("")
    made = ScriptScorer(load_script(tmp_path / "model"), framework("xgboost"), tmp_path / "model")
    expected = booster.predict(xgboost.DMatrix(rows)).tolist()
    csv = "\n".join(",".join(map(str, row)) for row in rows)
    libsvm = "\n".join(" ".join(f"{i}:{v}" for i, v in enumerate(row)) for row in rows)
    for body, kind in ((csv, "text/csv"), (libsvm, "text/libsvm")):
        found = json.loads(made.score(body.encode(), kind, "").body)
        assert found == pytest.approx(expected)


def test_the_script_may_have_another_name_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "serve_me.py").write_text(DOUBLE)
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "serve_me.py")
    monkeypatch.setenv("SAGEMAKER_SUBMIT_DIRECTORY", "s3://bucket/sourcedir.tar.gz")
    assert load_script(tmp_path / "model").__name__ == "serve_me"


def test_a_script_that_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.joblib").write_bytes(b"")
    with pytest.raises(ScriptError, match=r"'inference\.py' is not in the code, .*model\.joblib"):
        load_script(tmp_path / "model")


def test_scikit_learn_needs_a_model_fn(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="model_fn"):
        scorer(tmp_path, "")
