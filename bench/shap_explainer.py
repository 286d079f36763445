"""shap's side of the explanations' bench, run in its own environment; prints seconds as JSON.

Arguments: the model's file, the rows' file, and how many coalitions are evaluated for a row.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import shap
import xgboost

logging.disable(logging.CRITICAL)
SELECTED_ROWS = 100  # that features are selected for; the time of all is what these say


def main() -> None:
    model, file, budget = sys.argv[1], sys.argv[2], int(sys.argv[3])
    booster = xgboost.Booster(model_file=bytearray(Path(model).read_bytes()))
    data = np.load(file)
    rows = data["rows"]
    explainer = shap.KernelExplainer(booster.inplace_predict, data["baseline"])
    explainer.shap_values(rows[:2], nsamples=budget, l1_reg=False, silent=True)  # compiles
    few = rows[:SELECTED_ROWS]
    selected = seconds(explainer, few, budget, "num_features(10)")
    print(
        json.dumps(
            {
                "kernel": seconds(explainer, rows, budget, l1_reg=False),
                "selected": selected * len(rows) / len(few),
                "version": shap.__version__,
            }
        )
    )


def seconds(explainer: Any, rows: Any, budget: int, l1_reg: Any) -> float:
    started = time.perf_counter()
    explainer.shap_values(rows, nsamples=budget, l1_reg=l1_reg, silent=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
