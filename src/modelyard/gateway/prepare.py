"""Make a model ready to be served: `python -m modelyard.gateway.prepare [FOLDER]`.

FOLDER holds what a model archive held; it is `$SAGEMAKER_BASE_DIR/model`, or `/opt/ml/model`, if it
is not given. The model is loaded, converted to ONNX if it can be, and the two are compared; what
was found out is written beside it. Run once per model, in a process of its own, since a model is
data from elsewhere. The last line printed says what came of it; the exit code is 0 if it can be
served.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from modelyard.gateway import conversion, proof
from modelyard.gateway.conversion import NotConvertible
from modelyard.gateway.engines import Predictions, Rows, XGBoostEngine, import_xgboost
from modelyard.gateway.model_file import ONNX_NAME, ModelFileError, check_format, find_model
from modelyard.gateway.prepared import Onnx, Prepared, write, write_whole
from modelyard.gateway.soundness import check_sound

#: Batch sizes at which the engines are timed against each other.
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_TIMINGS = 5

Predict = Callable[[Rows], Predictions]


def prepare(folder: Path, *, convert: bool = True) -> Prepared:
    """Prepare the model in `folder` and return what was found out.

    Args:
        convert: whether to convert it to ONNX, which takes seconds and helps with few rows only.

    Raises:
        ModelFileError: it cannot be served.
    """
    path = find_model(folder)
    check_format(path)
    content = path.read_bytes()
    booster = _load(content, path.name)
    facts = _Facts(booster)
    if facts.features == 0:
        raise ModelFileError(f"{path.name} was trained on no features")
    check_sound(facts.model, features=facts.features, groups=facts.groups)
    rows = proof.telling_rows(conversion.thresholds(facts.model, facts.features))
    expected = _reference(booster, rows, facts.iterations)
    # Only tree boosters promise that concurrent predictions do not meet; the others take turns.
    inplace = facts.kind == "gbtree" and _is_same_in_place(content, facts, rows, expected)
    native = XGBoostEngine(content, iterations=facts.iterations, inplace=inplace)
    onnx, reason = None, None
    if convert:
        onnx, reason = _try_onnx(booster, facts, folder / ONNX_NAME, native, rows, expected)
    prepared = Prepared(
        file=path.name,
        booster=facts.kind,
        objective=facts.objective,
        features=facts.features,
        classes=facts.classes,
        outputs=1 if expected.ndim == 1 else expected.shape[1],
        rounds=facts.rounds,
        iterations=facts.iterations,
        inplace=inplace,
        onnx=onnx,
        xgboost_alone_because=reason,
        xgboost_version=import_xgboost().__version__,
    )
    write(prepared, folder)
    return prepared


class _Facts:
    """What a booster says of itself."""

    def __init__(self, booster: Any) -> None:
        self.model = orjson.loads(bytes(booster.save_raw("json")))
        learner = self.model["learner"]
        self.kind: str = learner["gradient_booster"]["name"]
        self.objective: str = learner["objective"]["name"]
        shape = learner["learner_model_param"]
        self.classes = int(shape.get("num_class", "0"))
        self.groups = max(self.classes, int(shape.get("num_target", "1")), 1)
        self.features: int = booster.num_features()
        self.rounds: int = booster.num_boosted_rounds()
        best = booster.attr("best_iteration")
        # The XGBoost container predicts with the rounds up to the best one of early stopping.
        self.iterations = 0 if best is None else int(best) + 1
        if self.iterations >= self.rounds:
            self.iterations = 0


def _load(content: bytes, name: str) -> Any:
    xgboost = import_xgboost()
    try:
        return xgboost.Booster({"nthread": 1}, model_file=bytearray(content))
    except xgboost.core.XGBoostError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        said = lines[0] if lines else "it does not say why"
        raise ModelFileError(f"XGBoost {xgboost.__version__} cannot load {name}: {said}") from error


def _reference(booster: Any, rows: Rows, iterations: int) -> Predictions:
    matrix = import_xgboost().DMatrix(rows)
    found: Predictions = booster.predict(
        matrix, iteration_range=(0, iterations), validate_features=False
    )
    return found


def _is_same_in_place(content: bytes, facts: _Facts, rows: Rows, expected: Predictions) -> bool:
    engine = XGBoostEngine(content, iterations=facts.iterations, inplace=True)
    return proof.difference(expected, engine.predict(rows)) is None


def _try_onnx(
    booster: Any,
    facts: _Facts,
    path: Path,
    native: XGBoostEngine,
    rows: Rows,
    expected: Predictions,
) -> tuple[Onnx | None, str | None]:
    """Return how to use the converted model, or None and why XGBoost stays alone."""
    try:
        if conversion.is_categorical(facts.model):
            raise NotConvertible("it splits by category")
        graph = conversion.convert(
            booster,
            kind=facts.kind,
            objective=facts.objective,
            features=facts.features,
            iterations=facts.iterations,
        )
    except NotConvertible as error:
        return None, str(error)
    output, column = conversion.OUTPUTS[facts.objective]
    onnx = Onnx(file=path.name, output=output, column=column, max_rows=0)
    write_whole(path, graph)
    reason, max_rows = _prove(path, onnx, native, rows, expected)
    if reason is not None:
        path.unlink()
        return None, reason
    return Onnx(file=path.name, output=output, column=column, max_rows=max_rows), None


def _prove(
    path: Path, onnx: Onnx, native: XGBoostEngine, rows: Rows, expected: Predictions
) -> tuple[str | None, int]:
    """Return why ONNX is not to be used, or None; and up to how many rows it is faster."""
    try:
        engine = conversion.engine(path, onnx, outputs=1 if expected.ndim == 1 else 2)
        found = engine.predict(rows)
    except Exception as error:  # ONNX Runtime's errors share no base of their own
        return f"ONNX Runtime cannot run it: {error}", 0
    different = proof.difference(expected, found)
    if different is not None:
        return f"ONNX Runtime answers otherwise: {different}", 0
    max_rows = _crossover(engine.predict, native.predict, rows)
    if max_rows == 0:
        return "XGBoost is faster at any number of rows", 0
    return None, max_rows


def _crossover(first: Predict, second: Predict, rows: Rows) -> int:
    """Return up to how many rows `first` is faster than `second`; 0 if it never is."""
    fastest = 0
    for size in _SIZES:
        batch = rows[:size]
        if _seconds(first, batch) > _seconds(second, batch):
            break
        fastest = size
    return fastest


def _seconds(predict: Predict, rows: Rows) -> float:
    """Return the shortest of several timings: what disturbs a timing only lengthens it."""
    timings = []
    for _ in range(_TIMINGS):
        started = time.perf_counter()
        predict(rows)
        timings.append(time.perf_counter() - started)
    return min(timings)


def _told(prepared: Prepared) -> str:
    engines = "XGBoost"
    if prepared.onnx is not None:
        engines = f"ONNX Runtime up to {prepared.onnx.max_rows} rows, XGBoost above"
    reason = f" ({prepared.xgboost_alone_because})" if prepared.xgboost_alone_because else ""
    return (
        f"{prepared.file}: {prepared.objective}, {prepared.features} features, "
        f"{prepared.rounds} rounds; {engines}{reason}"
    )


def main(arguments: list[str]) -> int:
    """Prepare the folder that the arguments name and return the exit code."""
    base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
    folder = Path(arguments[0]) if arguments else Path(base) / "model"
    np.seterr(all="ignore")
    try:
        prepared = prepare(folder)
    except (ModelFileError, OSError) as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(_told(prepared) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
