"""The three kinds of problem, made alike: metrics of some rows, and what else there is to tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.model_monitor.model_quality import binary, multiclass, regression
from modelyard.images.model_monitor.model_quality.rows import Answers
from modelyard.images.model_monitor.settings import BINARY, REGRESSION, Settings
from modelyard.images.processing.errors import ClientError

LESS, GREATER = "LessThanThreshold", "GreaterThanThreshold"

Rows = NDArray[np.int64]

_NEGATIVE_WORDS = {"0", "-1", "false", "no", "n", "negative"}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Labels and answers of one kind of problem."""

    prefix: str  # of the sections `<prefix>_metrics` and `<prefix>_constraints`
    rows: int
    metrics: Callable[[Rows], dict[str, float]]  # of the rows of these indices
    #: Metric -> which side of a threshold is the bad one. Others are told, but not checked.
    operators: Mapping[str, str]
    #: Metric -> how many cases stand behind it, where they are counted cases.
    cases: Mapping[str, int] = field(default_factory=dict)
    confusion: Mapping[str, Mapping[str, int]] | None = None
    curves: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def problem_of(answers: Answers, settings: Settings) -> Problem:
    """Return the problem that the settings name.

    Raises:
        ClientError: a binary problem has more than two classes.
    """
    if settings.problem_type == REGRESSION:
        return _regression(answers)
    if settings.problem_type == BINARY:
        return _binary(answers, settings)
    return _multiclass(answers)


def _regression(answers: Answers) -> Problem:
    labels = np.array(answers.labels, np.float64)
    predictions = np.array(answers.predictions, np.float64)
    return Problem(
        prefix="regression",
        rows=len(labels),
        metrics=lambda rows: regression.metrics(labels[rows], predictions[rows]),
        operators={"mae": GREATER, "mse": GREATER, "rmse": GREATER, "r2": LESS},
    )


def _binary(answers: Answers, settings: Settings) -> Problem:
    positive = _positive_class(answers)
    labels = np.array([label == positive for label in answers.labels])
    probabilities = np.array(answers.probabilities) if answers.probabilities else None
    if settings.attributes.inference is not None and probabilities is None:
        answered = np.array([answer == positive for answer in answers.predictions])
    elif probabilities is not None:
        answered = probabilities >= settings.attributes.probability_threshold
    else:
        raise ClientError("neither predictions nor probabilities were found")

    def metrics(rows: Rows) -> dict[str, float]:
        some = None if probabilities is None else probabilities[rows]
        return binary.metrics(labels[rows], answered[rows], some)

    curves = {} if probabilities is None else _curves(labels, probabilities)
    hits, said = int(labels.sum()), int(answered.sum())
    negatives = len(labels) - hits
    return Problem(
        prefix="binary_classification",
        rows=len(labels),
        metrics=metrics,
        operators=_BINARY_OPERATORS,
        cases={
            "accuracy": len(labels),
            "precision": said,
            "true_negative_rate": negatives,
            "false_positive_rate": negatives,
            **dict.fromkeys(("recall", "true_positive_rate", "false_negative_rate"), hits),
            **dict.fromkeys(("f0_5", "f1", "f2"), min(hits, said)),
            **dict.fromkeys(("auc", "au_prc"), min(hits, negatives)),
        },
        confusion=binary.confusion(labels, answered),
        curves=curves,
        notes=() if positive == "1" else (f"{positive!r} is taken for the positive class.",),
    )


_BINARY_OPERATORS = {
    **dict.fromkeys(
        (
            "recall",
            "precision",
            "accuracy",
            "true_positive_rate",
            "true_negative_rate",
            "auc",
            "au_prc",
            "f0_5",
            "f1",
            "f2",
        ),
        LESS,
    ),
    "false_positive_rate": GREATER,
    "false_negative_rate": GREATER,
}


def _curves(labels: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> dict[str, Any]:
    if not labels.any() or labels.all():
        return {}  # one class: there is nothing to tell apart
    false_rates, true_rates = binary.thinned(binary.roc_curve(labels, probabilities))
    precisions, recalls = binary.thinned(binary.precision_recall_curve(labels, probabilities))
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": false_rates,
            "true_positive_rates": true_rates,
        },
        "precision_recall_curve": {"precisions": precisions, "recalls": recalls},
    }


def _positive_class(answers: Answers) -> str:
    """Return the positive class: `1`, or else the one that is not called a negative word."""
    seen = {value for value in (*answers.labels, *answers.predictions) if value is not None}
    if len(seen) > 2:
        shown = ", ".join(sorted(seen)[:6])
        raise ClientError(
            f"BinaryClassification has two classes, the data has {len(seen)}: {shown}; use "
            "MulticlassClassification, or probability_attribute where these are probabilities"
        )
    named = sorted(value for value in seen if value.lower() not in _NEGATIVE_WORDS)
    return "1" if "1" in seen or not named else named[-1]


def _multiclass(answers: Answers) -> Problem:
    names = sorted({*answers.labels, *answers.predictions})
    code = {name: index for index, name in enumerate(names)}
    labels = np.array([code[label] for label in answers.labels])
    answered = np.array([code[answer] for answer in answers.predictions])
    table = multiclass.confusion_table(labels, answered, len(names))
    checked = ("accuracy", "weighted_recall", "weighted_precision")
    scores = ("weighted_f0_5", "weighted_f1", "weighted_f2")
    return Problem(
        prefix="multiclass_classification",
        rows=len(labels),
        metrics=lambda rows: multiclass.metrics(labels[rows], answered[rows], len(names)),
        operators=dict.fromkeys((*checked, *scores), LESS),
        cases=dict.fromkeys((*checked, *scores), len(labels)),
        confusion={
            label: {answer: int(table[i, j]) for j, answer in enumerate(names)}
            for i, label in enumerate(names)
        },
    )
