"""Attributions of clean traffic rank as they did: nDCG has a threshold, and no level."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import xgboost

from modelyard.images.clarify.explain.drift import shifts
from tests.images.clarify.datasets import adult

FEATURES = ["age", "education-num", "hours-per-week", "capital-gain"]


def attributions(booster: xgboost.Booster, people: pl.DataFrame) -> dict[str, float]:
    matrix = xgboost.DMatrix(people.select(FEATURES).to_numpy())
    sizes = np.abs(booster.predict(matrix, pred_contribs=True)[:, :-1]).mean(axis=0)
    return dict(zip(FEATURES, map(float, sizes), strict=True))


def baseline(booster: xgboost.Booster, people: pl.DataFrame) -> dict[str, Any]:
    values = {"label0": {"global_shap_values": attributions(booster, people)}}
    return {"explanations": {"kernel_shap": values}}


def test_nothing_is_found_in_fifty_windows_of_clean_traffic() -> None:
    census = adult().sample(6000, seed=7)
    known, later = census.head(3000), census.tail(3000)
    matrix = xgboost.DMatrix(known.select(FEATURES).to_numpy(), label=known["income"].to_numpy())
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 15)
    before = baseline(booster, known)
    found = [
        shift
        for seed in range(50)
        for shift in shifts(
            {"label0": attributions(booster, later.sample([50, 200][seed % 2], seed=seed))}, before
        )
    ]
    assert len(found) == 50
    assert not any(shift.is_violation for shift in found)
