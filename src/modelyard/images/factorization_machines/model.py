"""The trained model: its file, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/fm-in-formats.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from modelyard.images import model_file
from modelyard.images.factorization_machines.machine import Machine
from modelyard.images.serving import Answer, answers, payloads

_ALGORITHM = "factorization-machines"
_ACCEPTED = (payloads.JSON, payloads.JSON_LINES, payloads.RECORDIO)  # no CSV, as at AWS


def save(folder: Path, machine: Machine, *, classifies: bool) -> None:
    """Write the model's file into a folder."""
    arrays = {
        "bias": np.array(machine.bias),
        "linear": machine.linear,
        "factors": machine.factors,
    }
    about = {"classifies": classifies}
    model_file.write(folder, _ALGORITHM, model_file.Model(arrays=arrays, about=about))


def load(folder: Path) -> MachineScorer:
    """Read the model's file in a folder."""
    model = model_file.read(folder, _ALGORITHM)
    machine = Machine(
        bias=float(model.arrays["bias"]),
        linear=model.arrays["linear"],
        factors=model.arrays["factors"],
    )
    return MachineScorer(machine, classifies=model.about["classifies"])


class MachineScorer:
    """Answers for one model."""

    def __init__(self, machine: Machine, *, classifies: bool) -> None:
        self._machine = machine
        self._classifies = classifies

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the score of each record, and a classifier's label."""
        width = len(self._machine.linear)
        request = payloads.decode(body, content_type, width=width, accepted=_ACCEPTED)
        scores = self._machine.scores(request.rows.astype(np.float64))
        return answers.encode(self._predictions(scores), accept)

    def _predictions(self, scores: Any) -> list[dict[str, Any]]:
        if not self._classifies:
            return [{"score": score} for score in scores.tolist()]
        pairs = zip(expit(scores).tolist(), (scores > 0).astype(float).tolist(), strict=True)
        return [{"score": score, "predicted_label": label} for score, label in pairs]
