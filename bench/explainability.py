"""Explaining predictions: the Clarify image's Shapley values and the package shap's.

Both ask the same XGBoost model in their own process, with as many threads, for the same rows
against the same baseline, at the same budget; shap runs in an environment of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost
from sklearn.datasets import load_breast_cancer

from bench.report import BenchUnavailable, Options, Report, Requirement
from modelyard.images.clarify.data.encoding import Encoding
from modelyard.images.clarify.explain.coalitions import default_budget
from modelyard.images.clarify.explain.kernel_shap import explain
from modelyard.images.clarify.predict.model_files import load

SHAP = Path(".venv-shap/bin/python")
ROWS = 1000
TREES, DEPTH = 100, 4
Matrix = npt.NDArray[np.float64]


def run(options: Options, *, rows: int = ROWS) -> Report:
    """Measure both, and return what was found.

    Raises:
        BenchUnavailable: shap is not installed.
    """
    if not SHAP.exists():
        raise BenchUnavailable("shap is missing: get it with 'make .venv-shap/.ready'")
    data, labels = _data(rows)
    baseline = data.mean(axis=0, keepdims=True)
    budget = default_budget(data.shape[1])
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as name:
        folder = Path(name)
        _train(folder / "model" / "xgboost-model", data, labels)
        # Ours before and after theirs, so that a busy moment of the machine counts for both.
        first = _ours(folder / "model", data, baseline, budget, options.rounds)
        theirs = _theirs(folder, data, baseline, budget)
        second = _ours(folder / "model", data, baseline, budget, options.rounds)
    ours = {key: statistics.median([*first[key], *second[key]]) for key in first}
    slowest = theirs["kernel"]
    return Report(
        title="Explanations",
        method=(
            f"Shapley values of {rows:,} rows of {data.shape[1]} features (breast-cancer data, "
            f"resampled with noise) of an XGBoost classifier of {TREES} trees, all threads. Kernel "
            f"SHAP: {budget} coalitions a row against one row of a baseline; shap "
            f"{theirs['version']} without its selection of features (l1_reg=False), which is the "
            "faster way, and with it, which is its default. Tree SHAP: XGBoost's own, which needs "
            "no baseline. Without imports and compilation."
        ),
        columns=["seconds", "Modelyard", "shap.KernelExplainer"],
        rows=[
            ["Kernel SHAP", f"{ours['kernel']:.2f}", f"{slowest:.1f}"],
            ["Kernel SHAP, features selected", "–", f"{theirs['selected']:.1f}"],
            ["tree SHAP", f"{ours['tree']:.3f}", "–"],
        ],
        requirements=[
            Requirement(
                text="Kernel SHAP: times as fast as shap.KernelExplainer",
                found=slowest / ours["kernel"],
                at_least=1.5,
            ),
            Requirement(
                text="tree SHAP: times as fast as shap.KernelExplainer",
                found=slowest / ours["tree"],
                at_least=20,
            ),
        ],
    )


def _data(rows: int) -> tuple[Matrix, npt.NDArray[np.int64]]:
    features, labels = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(7)
    chosen = rng.choice(len(features), rows)
    noise = rng.normal(0, 0.05, (rows, features.shape[1])) * features.std(axis=0)
    return features[chosen] + noise, labels[chosen]


def _train(path: Path, data: Matrix, labels: npt.NDArray[np.int64]) -> None:
    path.parent.mkdir()
    parameters = {"objective": "binary:logistic", "max_depth": DEPTH}
    booster = xgboost.train(parameters, xgboost.DMatrix(data, label=labels), TREES)
    path.write_bytes(booster.save_raw("ubj"))


def _ours(
    folder: Path, data: Matrix, baseline: Matrix, budget: int, rounds: int
) -> dict[str, list[float]]:
    model = load(folder)
    encoding = Encoding(
        names=[str(index) for index in range(data.shape[1])],
        vocabularies=[None] * data.shape[1],
    )

    def predict(rows: Matrix) -> Matrix:
        return model.predict(rows, encoding).figures()

    explain(predict, data[:2], baseline, budget=budget)
    return {
        "kernel": _seconds(lambda: explain(predict, data, baseline, budget=budget), rounds),
        "tree": _seconds(lambda: model.contributions(data), rounds),
    }


def _seconds(call: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return taken


def _theirs(folder: Path, data: Matrix, baseline: Matrix, budget: int) -> dict[str, Any]:
    np.savez(folder / "rows.npz", rows=data, baseline=baseline)
    script = Path(__file__).with_name("shap_explainer.py")
    model = folder / "model" / "xgboost-model"
    ran = subprocess.run(
        [str(SHAP), "-W", "ignore", str(script), str(model), str(folder / "rows.npz"), str(budget)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    if ran.returncode != 0:
        raise RuntimeError(f"shap failed:\n{ran.stdout}\n{ran.stderr}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found
