"""Shapley values of the package shap, run in its own environment: a question each, in JSON.

The model is a file of XGBoost; `kind` is `kernel` or `tree`. With `time`, only the seconds count.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

import numpy as np
import shap
import xgboost

logging.disable(logging.CRITICAL)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    booster = xgboost.Booster(model_file=question["model"])
    booster.set_param({"nthread": question.get("threads", 1)})
    rows = np.array(question["rows"])
    started = time.perf_counter()
    if question["kind"] == "tree":
        values = booster.predict(xgboost.DMatrix(rows), pred_contribs=True)
        return {"values": values.tolist(), "seconds": time.perf_counter() - started}
    explainer = shap.KernelExplainer(
        booster.inplace_predict, np.array(question["baseline"]), link=question["link"]
    )
    np.random.seed(question.get("seed", 0))
    values = explainer.shap_values(
        rows, nsamples=question["budget"], l1_reg=question["l1_reg"], silent=True
    )
    return {
        "values": np.asarray(values).tolist(),
        "expected": float(np.ravel(explainer.expected_value)[0]),
        "seconds": time.perf_counter() - started,
    }


print(json.dumps([answer(question) for question in json.load(sys.stdin)]))
