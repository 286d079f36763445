"""A model that the gateway serves, served alone: it answers as an endpoint does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
import xgboost

from modelyard.batch.serving import GatewayScorer
from modelyard.gateway.model_file import ModelFileError
from modelyard.images.serving import Refused
from tests.data import breast_cancer, csv_of


@pytest.fixture(scope="module")
def booster() -> xgboost.Booster:
    data = breast_cancer()
    matrix = xgboost.DMatrix(data.x_train, data.y_train)
    return xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 5)


@pytest.fixture
def folder(tmp_path: Path, booster: xgboost.Booster) -> Path:
    (tmp_path / "xgboost-model").write_bytes(bytes(booster.save_raw("ubj")))
    return tmp_path


def test_it_answers_many_rows_as_the_library_does(folder: Path, booster: xgboost.Booster) -> None:
    rows = breast_cancer().x_test
    answer = GatewayScorer(folder, {}).score(csv_of(rows).encode(), "text/csv", "text/csv")
    assert answer.content_type.startswith("text/csv")
    found = np.array(answer.body.decode().split(","), np.float32)
    assert np.array_equal(found, booster.predict(xgboost.DMatrix(rows)))


def test_it_answers_in_the_form_that_is_asked_for(folder: Path) -> None:
    scorer = GatewayScorer(folder, {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label"})
    body = csv_of(breast_cancer().x_test[:1]).encode()
    answer = scorer.score(body, "text/csv", "application/json")
    [prediction] = orjson.loads(answer.body)["predictions"]
    assert prediction["predicted_label"] in (0, 1)


def test_it_refuses_what_it_cannot_read(folder: Path) -> None:
    scorer = GatewayScorer(folder, {})
    with pytest.raises(Refused) as caught:
        scorer.score(b"1,2", "text/csv", "")
    assert caught.value.status == 400
    with pytest.raises(Refused) as caught:
        scorer.score(b"1,2", "image/png", "")
    assert caught.value.status == 415


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_bytes(b"x")
    with pytest.raises(ModelFileError, match="xgboost-model"):
        GatewayScorer(tmp_path, {})
