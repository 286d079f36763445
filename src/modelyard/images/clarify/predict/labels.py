"""Predicted labels out of a model's answers, comparable to the labels of the dataset.

A list of scores means the label with the highest. One figure is a label itself where it is not
given a threshold and all of them are whole, or where the labels are continuous; otherwise it is a
probability, above whose threshold (0.5 unless told) the label is positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from modelyard.images.clarify.bias.outcomes import Value, normal
from modelyard.images.clarify.data.captured_values import typed
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.processing.errors import ClientError

DEFAULT_THRESHOLD = 0.5


def predicted_labels(
    prediction: Prediction,
    *,
    observed: pl.Series,
    positive: Sequence[Value],
    continuous: bool,
    threshold: float | None = None,
    headers: Sequence[Any] = (),
) -> pl.Series:
    """Return a label for each row.

    Args:
        prediction: what the model answered.
        observed: the labels of the dataset, whose values the predicted ones are to have.
        positive: the positive labels.
        continuous: whether labels are numbers, as of a regression.
        threshold: of a probability, where one is configured.
        headers: the labels of the scores, in their order.

    Raises:
        ClientError: there are more scores, or fewer, than labels for them.
    """
    labels, scores = prediction.labels, prediction.scores
    if labels is not None and scores is not None and any(isinstance(x, list) for x in labels):
        return _best_of_lists(labels, scores)
    if scores is None:
        return typed(list(labels or ()))
    if scores.shape[1] > 1:
        return _best(scores, headers)
    figures = scores[:, 0]
    if threshold is None and (continuous or np.all(figures == np.floor(figures))):
        return pl.Series(figures)
    above = figures > (DEFAULT_THRESHOLD if threshold is None else threshold)
    yes, no = _names(observed, positive, headers)
    return typed([yes if flag else no for flag in above])


def _best_of_lists(labels: Sequence[Any], scores: npt.NDArray[np.float64]) -> pl.Series:
    if any(not isinstance(row, list) or len(row) != scores.shape[1] for row in labels):
        raise ClientError(
            f"The model answers {scores.shape[1]} probabilities a record, and not as many labels"
        )
    return typed([row[best] for row, best in zip(labels, scores.argmax(axis=1), strict=True)])


def _best(scores: npt.NDArray[np.float64], headers: Sequence[Any]) -> pl.Series:
    best = scores.argmax(axis=1)
    if not headers:
        return pl.Series(best)
    if len(headers) != scores.shape[1]:
        raise ClientError(
            f"predictor.label_headers names {len(headers)} labels, and the model answers "
            f"{scores.shape[1]} scores a record: {', '.join(map(str, headers))}"
        )
    return typed([headers[index] for index in best])


def _names(
    observed: pl.Series, positive: Sequence[Value], headers: Sequence[Any]
) -> tuple[Any, Any]:
    """Return the label above the threshold, and the one below it."""
    known = observed.drop_nulls().unique(maintain_order=True).to_list()
    if {normal(value) for value in known} <= {0.0, 1.0}:
        return 1, 0
    meant = {normal(value) for value in positive}
    if len(headers) == 1:
        meant = {normal(headers[0])}
    yes = headers[0] if len(headers) == 1 else positive[0]
    others = [value for value in known if normal(value) not in meant]
    return yes, others[0] if others else f"not {yes}"
