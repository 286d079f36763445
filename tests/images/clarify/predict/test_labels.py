"""Predicted labels out of answers: each of the cases that the SDK documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from modelyard.images.clarify.predict.labels import predicted_labels
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.processing.errors import ClientError

BINARY = pl.Series([0, 1, 1, 0])
WORDS = pl.Series(["no", "yes", "no"])


def told(
    prediction: Prediction,
    observed: pl.Series = BINARY,
    positive: list[Any] | None = None,
    **options: Any,
) -> list[Any]:
    options.setdefault("continuous", False)
    found = predicted_labels(prediction, observed=observed, positive=positive or [1], **options)
    return found.to_list()


def scored(*rows: list[float]) -> Prediction:
    return Prediction(scores=np.array(rows))


def test_one_probability_is_compared_with_the_threshold() -> None:
    answer = scored([0.3], [0.6], [0.5])
    assert told(answer) == [0, 1, 0]
    assert told(answer, threshold=0.2) == [1, 1, 1]
    assert told(answer, WORDS, ["yes"]) == ["no", "yes", "no"]
    assert told(answer, WORDS, ["yes"], threshold=0.2, headers=["yes"]) == ["yes", "yes", "yes"]


def test_one_whole_number_is_the_label_itself() -> None:
    assert told(scored([0.0], [1.0])) == [0.0, 1.0]
    assert told(scored([3.0], [7.0]), pl.Series([3, 7, 5])) == [3.0, 7.0]


def test_the_score_of_a_regression_is_the_label() -> None:
    assert told(scored([1.25], [3.0]), continuous=True) == [1.25, 3.0]


def test_words_are_labels() -> None:
    assert told(Prediction(labels=["yes", "no"]), WORDS, ["yes"]) == ["yes", "no"]


def test_the_highest_of_several_scores_tells_the_label() -> None:
    answer = scored([0.35, 0.25, 0.4], [0.5, 0.25, 0.25])
    assert told(answer, headers=["cat", "dog", "fish"]) == ["fish", "cat"]
    assert told(answer) == [2, 0]
    with_names = Prediction(labels=[["a", "b", "c"], ["c", "b", "a"]], scores=answer.scores)
    assert told(with_names) == ["c", "c"]


def test_headers_that_are_not_as_many_as_scores_are_refused() -> None:
    with pytest.raises(ClientError, match="names 2 labels, and the model answers 3 scores"):
        told(scored([0.35, 0.25, 0.4]), headers=["cat", "dog"])
    with pytest.raises(ClientError, match="3 probabilities a record, and not as many labels"):
        told(Prediction(labels=[["a"]], scores=np.array([[0.1, 0.2, 0.7]])))
