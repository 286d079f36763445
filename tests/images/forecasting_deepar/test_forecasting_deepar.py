"""The program: trained on real series (statsmodels' own), served on a socket."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from statsmodels.datasets import co2, sunspots

from modelyard.images.forecasting_deepar.choosing import weighted_quantile_loss
from modelyard.images.forecasting_deepar.metric_definitions import METRIC_DEFINITIONS
from tests.images.programs import served, train

LENGTH = 12
MONTHLY = co2.load_pandas().data["co2"].resample("MS").mean().to_numpy()
SERIES = [MONTHLY[at : at + 96] for at in range(0, 380, 96)]  # of Mauna Loa, with missing values
REQUIRED = {"context_length": "24", "epochs": "10", "prediction_length": str(LENGTH)}


def lines(series: list[np.ndarray]) -> bytes:
    return "\n".join(json.dumps(record(values)) for values in series).encode()


def record(values: np.ndarray) -> dict[str, object]:
    target = ["NaN" if np.isnan(value) else value for value in values.tolist()]
    return {"start": "1960-01-01 00:00:00", "target": target}


def test_it_beats_the_seasonal_naive_forecast_and_answers(tmp_path: Path) -> None:
    done = train(
        "forecasting_deepar",
        tmp_path,
        {**REQUIRED, "time_freq": "M", "num_cells": "40"},
        {"train": lines([values[:-LENGTH] for values in SERIES]), "test": lines(SERIES)},
        content_type="json",
    )
    assert done.code == 0, done.log
    metrics = done.metrics(METRIC_DEFINITIONS)
    assert set(metrics) == {"test:RMSE", "test:mean_wQuantileLoss", "train:final_loss"}
    naive = np.concatenate([values[-LENGTH:] - values[-2 * LENGTH : -LENGTH] for values in SERIES])
    assert metrics["test:RMSE"] < 0.6 * float(np.sqrt(np.nanmean(naive**2)))
    assert "statistical forecaster" in done.log
    assert "num_cells" in done.log
    known, truth = SERIES[0][:-LENGTH], SERIES[0][-LENGTH:]
    with served("forecasting_deepar", tmp_path) as server:
        asked = {"output_types": ["mean", "quantiles", "samples"], "quantiles": ["0.05", "0.95"]}
        request = {"instances": [record(known)], "configuration": {**asked, "num_samples": 40}}
        [said] = server.json(request)["predictions"]
        line = json.dumps(record(known)).encode()
        kind = "application/jsonlines"
        _, answer = server.ask(line, kind, kind)
        assert server.ask(b'{"instances":[{}]}', "application/json")[0] == 400
        bad = json.dumps({"instances": [record(known)], "configuration": {"quantiles": ["2"]}})
        assert server.ask(bad.encode(), "application/json")[0] == 400
    assert np.shape(said["samples"]) == (40, LENGTH)
    low, high = said["quantiles"]["0.05"], said["quantiles"]["0.95"]
    inside = (truth >= np.array(low)) & (truth <= np.array(high))
    assert inside.mean() > 0.6
    assert set(json.loads(answer)) == {"mean", "quantiles"}
    assert len(json.loads(answer)["quantiles"]) == 9


def test_short_and_constant_series_are_forecast_too(tmp_path: Path) -> None:
    yearly = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    hyperparameters = {**REQUIRED, "time_freq": "D", "likelihood": "deterministic-L1"}
    files = {"train": lines([yearly])}
    done = train("forecasting_deepar", tmp_path, hyperparameters, files, content_type="json")
    assert done.code == 0, done.log
    with served("forecasting_deepar", tmp_path) as server:
        series = [record(np.array(values)) for values in ([5.0], [3.0] * 50, [1.0, 2.0])]
        predictions = server.json({"instances": series})["predictions"]
    assert predictions[0]["mean"] == pytest.approx([5.0] * LENGTH)
    assert predictions[1]["mean"] == pytest.approx([3.0] * LENGTH)
    assert predictions[2]["quantiles"]["0.1"] == predictions[2]["quantiles"]["0.9"]


def test_the_quantile_loss_is_that_of_deepar() -> None:
    paths, truth = np.array([[0.0], [10.0]]), np.array([8.0])
    assert weighted_quantile_loss([paths], [truth], [0.5]) == pytest.approx(2 * 0.5 * 3 / 8)
    assert weighted_quantile_loss([paths], [truth], [0.9]) == pytest.approx(2 * 0.1 * 1 / 8)


@pytest.mark.parametrize(
    ("more", "line", "says"),
    [
        ({"time_freq": "5s"}, b"{}", "time_freq=5s must be a number and then one of M"),
        ({"time_freq": "H", "likelihood": "beta"}, b"{}", "likelihood=beta must be one of"),
        ({"time_freq": "H"}, b'{"start":"2020-01-01"}', "line 1: a series must be an object with"),
        ({"time_freq": "H"}, b'{"start":"2020-01-01","target":["x"]}', "neither a number nor"),
        (
            {"time_freq": "H"},
            b'{"start":"2020-01-01","target":[1],"cat":[0]}',
            "set cardinality=ignore",
        ),
        ({"time_freq": "H", "cardinality": "[3]"}, b"{}", "cardinality=[3] must be auto or ignore"),
    ],
)
def test_what_is_wrong_is_in_the_failure_file(
    tmp_path: Path, more: dict[str, str], line: bytes, says: str
) -> None:
    hyperparameters = {**REQUIRED, **more}
    done = train(
        "forecasting_deepar", tmp_path, hyperparameters, {"train": line}, content_type=None
    )
    assert done.failure.startswith("ClientError: ")
    assert says in done.failure
