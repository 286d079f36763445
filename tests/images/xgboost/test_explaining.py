from __future__ import annotations

import numpy as np
import pytest

from modelyard.images.training.errors import AlgorithmError, ClientError
from modelyard.images.training.stopping import StopRequest
from modelyard.images.xgboost import library
from modelyard.images.xgboost.explaining import explained


def train(label: float, **parameters: object) -> None:
    xgboost = library.load()
    data = xgboost.DMatrix(np.ones((4, 2)), np.array([0, 1, 0, label]))
    with explained(StopRequest()):
        xgboost.train({"nthread": 1, **parameters}, data, 1)


def test_what_xgboost_says_of_the_data_is_a_client_error_without_its_stack() -> None:
    with pytest.raises(ClientError, match=r"^XGBoost refuses the data: base_score must be in"):
        train(7, objective="binary:logistic")


def test_any_other_failure_of_xgboost_is_an_algorithm_error() -> None:
    with pytest.raises(AlgorithmError, match=r"^XGBoost failed: Unknown objective function"):
        train(1, objective="no:such")


@pytest.mark.filterwarnings("ignore:.*Failed to connect to")
def test_a_lost_host_is_told_from_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.images.xgboost.explaining._GRACE_SECONDS", 0)
    xgboost = library.load()
    with (
        pytest.raises(AlgorithmError, match="connection to another host of the job broke"),
        explained(StopRequest()),
    ):
        xgboost.collective.init(
            dmlc_communicator="rabit",
            dmlc_tracker_uri="127.0.0.1",
            dmlc_tracker_port=1,
            dmlc_retry=1,
            dmlc_timeout=5,
        )


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(KeyError), explained(StopRequest()):
        raise KeyError("mine")
