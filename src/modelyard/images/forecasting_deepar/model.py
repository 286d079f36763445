"""The trained model: its file, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deepar-in-formats.html
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images.forecasting_deepar.forecasting import Forecaster, Form
from modelyard.images.forecasting_deepar.series import Array, target_of
from modelyard.images.serving import Answer, Refused, payloads
from modelyard.images.training.files import write_whole

NAME = "model.json"
BATCH_VARIABLE = "DEEPAR_INFERENCE_CONFIG"  # what a batch transform's records ask for
_ACCEPTED = (payloads.JSON, payloads.JSON_LINES)
_OUTPUTS = ("mean", "quantiles", "samples")
_MOST_SAMPLES = 10_000


def save(folder: Path, forecaster: Forecaster) -> None:
    """Write the model's file into a folder."""
    write_whole(folder / NAME, json.dumps(asdict(forecaster)).encode())


def load(folder: Path) -> ForecastScorer:
    """Read the model's file in a folder."""
    document = json.loads((folder / NAME).read_text())
    forecaster = Forecaster(**{**document, "form": Form(**document["form"])})
    return ForecastScorer(forecaster, json.loads(os.environ.get(BATCH_VARIABLE) or "{}"))


@dataclass(frozen=True, kw_only=True)
class _Configuration:
    """What an answer is to hold."""

    samples: int
    outputs: Sequence[str]
    quantiles: Sequence[str]

    @classmethod
    def parse(cls, asked: Mapping[str, Any]) -> _Configuration:
        """Return what a request asks for.

        Raises:
            ValueError: it makes no sense.
        """
        samples = asked.get("num_samples", 100)
        if type(samples) is not int or not 1 <= samples <= _MOST_SAMPLES:
            raise ValueError(f"num_samples={samples!r} must be an integer in [1, {_MOST_SAMPLES}]")
        outputs = asked.get("output_types", ["mean", "quantiles"])
        if not set(outputs) <= set(_OUTPUTS):
            raise ValueError(f"output_types={outputs!r} must be some of {', '.join(_OUTPUTS)}")
        quantiles = [str(q) for q in asked.get("quantiles", [f"0.{i}" for i in range(1, 10)])]
        if not all(0 < float(quantile) < 1 for quantile in quantiles):
            raise ValueError(f"quantiles={quantiles!r} must be in (0, 1)")
        return cls(samples=samples, outputs=outputs, quantiles=quantiles)


class ForecastScorer:
    """Answers for one model. `Accept` is not heeded: an answer has the form of its question."""

    def __init__(self, forecaster: Forecaster, batch: Mapping[str, Any]) -> None:
        self._forecaster = forecaster
        self._batch = batch

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the forecasts of series."""
        kind = payloads.kind_of(content_type, _ACCEPTED, default=payloads.JSON)
        try:
            if kind == payloads.JSON_LINES:
                records = [json.loads(line) for line in body.splitlines() if line.strip()]
                configuration = _Configuration.parse(self._batch)
            else:
                document = json.loads(body)
                records = document["instances"]
                configuration = _Configuration.parse(document.get("configuration") or {})
            targets = [target_of(record) for record in records]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(
                400,
                f'The payload must be {{"instances": [{{"start": …, "target": […]}}]}}, or lines '
                f"of such series in {payloads.JSON_LINES}: {error}",
            ) from error
        said = [self._forecast(target, configuration) for target in targets]
        if kind == payloads.JSON_LINES:
            lines = "".join(f"{json.dumps(one)}\n" for one in said)
            return Answer(body=lines.encode(), content_type=kind)
        return Answer(body=json.dumps({"predictions": said}).encode(), content_type=kind)

    def _forecast(self, target: Array, asked: _Configuration) -> dict[str, Any]:
        paths = self._forecaster.samples(target, asked.samples)
        found: dict[str, Any] = {}
        if "mean" in asked.outputs:
            found["mean"] = paths.mean(axis=0).tolist()
        if "quantiles" in asked.outputs:
            found["quantiles"] = {
                quantile: np.quantile(paths, float(quantile), axis=0).tolist()
                for quantile in asked.quantiles
            }
        if "samples" in asked.outputs:
            found["samples"] = paths.tolist()
        return found
