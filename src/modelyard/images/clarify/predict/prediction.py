"""What a model says of some rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelyard.images.processing.errors import ClientError


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Of each row a label, or scores, or both."""

    labels: Sequence[Any] | None = None  # (rows,); each a value, or a list beside its scores
    scores: npt.NDArray[np.float64] | None = None  # (rows, outputs)

    @classmethod
    def joined(cls, parts: Sequence[Prediction]) -> Prediction:
        """Return the predictions of several parts of a dataset, at least one, as one."""
        first = parts[0]
        widths = {part.scores.shape[1] for part in parts if part.scores is not None}
        if len(widths) > 1:
            raise ClientError(f"The model answers {sorted(widths)} scores a record, not as many")
        scores = [part.scores for part in parts if part.scores is not None]
        return cls(
            labels=None
            if first.labels is None
            else [label for part in parts for label in part.labels or ()],
            scores=np.concatenate(scores) if len(scores) == len(parts) else None,
        )

    def figures(self) -> npt.NDArray[np.float64]:
        """Return what can be explained: (rows, outputs).

        Raises:
            ClientError: the model answers with words only.
        """
        if self.scores is None:
            shown = "" if not self.labels else f" such as {self.labels[0]!r}"
            raise ClientError(
                f"The model answers labels{shown}, which are no numbers to explain: say in "
                "predictor.probability where its scores are"
            )
        return self.scores
