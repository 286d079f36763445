"""From a configuration and rows to the bias that is looked for in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from modelyard.images.clarify.bias.analysis import Facet, FacetResult, Question, analyse
from modelyard.images.clarify.bias.cells import Flags
from modelyard.images.clarify.bias.drift import Baseline
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias.outcomes import Split, above, as_numbers, is_continuous, split
from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.clarify.predict.labels import predicted_labels
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.clarify.subjects.subject import Subject
from modelyard.images.processing import log
from modelyard.images.processing.errors import ClientError


@dataclass(frozen=True, kw_only=True)
class BiasResult:
    """What was found."""

    label: str
    positive: str  # the positive labels, as they are written
    given: str  # likewise, as the configuration has them
    stages: tuple[Stage, ...]
    facets: list[FacetResult]
    rows: int
    left_out: int  # rows without a label or a prediction


def bias(
    subject: Subject,
    config: AnalysisConfig,
    *,
    predict: Callable[[], Prediction] | None,
    baseline: Baseline | None = None,
) -> BiasResult:
    """Look for bias.

    Args:
        subject: the rows.
        config: what is asked.
        predict: asks the model about the rows; not called where predictions came with them.
        baseline: of a monitor; how it read columns is how they are read now.

    Raises:
        ClientError: a column is missing, or has none of the values that are asked for.
    """
    if subject.label is None:
        raise ClientError("The rows have no labels, which bias metrics need")
    what = f"Label {subject.label.name!r}"
    text = None if baseline is None else baseline.label
    # As the baseline read the column, or as it looks.
    continuous = text.startswith("(") if text else is_continuous(subject.label, config.label_values)
    lenient = baseline is not None
    labels = split(
        subject.label,
        config.label_values,
        what=what,
        continuous=continuous,
        must_occur=not lenient,
    )
    known = subject.label.is_not_null().to_numpy()
    predicted = None
    if Stage.POST_TRAINING in config.bias:
        column = _predictions(subject, config, predict, continuous=continuous)
        known = known & column.is_not_null().to_numpy()
        predicted = _alike(labels, column, config)[known]
    if not known.any():
        raise ClientError(f"{what} is missing in every row")
    left_out = int((~known).sum())
    if left_out:
        log.warning(f"{left_out} rows without a label or a prediction are left out")
    question = Question(
        label=labels.flags[known],
        predicted=predicted,
        facets=_facets(subject, config, known, baseline),
        group=None if config.group is None else _group(subject, config, known),
        features=subject.table.filter(pl.Series(known)),
        methods=dict(config.bias),
    )
    return BiasResult(
        label=subject.label.name,
        positive=labels.text,
        given=labels.given,
        stages=tuple(config.bias),
        facets=analyse(question),
        rows=int(known.sum()),
        left_out=left_out,
    )


def _predictions(
    subject: Subject,
    config: AnalysisConfig,
    predict: Callable[[], Prediction] | None,
    *,
    continuous: bool,
) -> pl.Series:
    prediction = subject.prediction
    if subject.predicted is not None:
        if config.probability_threshold is None or not subject.predicted.dtype.is_numeric():
            return subject.predicted
        prediction = Prediction(scores=as_numbers(subject.predicted).reshape(-1, 1))
    if prediction is None:
        if predict is None:
            raise ClientError(
                "post_training_bias needs predictions: there is no predictor, and the rows came "
                "without"
            )
        prediction = predict()
    if subject.label is None:
        raise ClientError("The rows have no labels, which bias metrics need")
    return predicted_labels(
        prediction,
        observed=subject.label,
        positive=config.label_values,
        continuous=continuous,
        threshold=config.probability_threshold,
        headers=() if config.predictor is None else config.predictor.label_headers,
    )


def _alike(labels: Split, predicted: pl.Series, config: AnalysisConfig) -> Flags:
    """Return the positive predictions, told apart as the labels are."""
    if labels.threshold is not None:
        return above(as_numbers(predicted), labels.threshold, whole=False).flags
    found = split(
        predicted, config.label_values, what="Predicted label", continuous=False, must_occur=False
    )
    return found.flags


def _facets(
    subject: Subject, config: AnalysisConfig, known: Flags, baseline: Baseline | None
) -> list[Facet]:
    facets = []
    for section in config.facets:
        column = subject.column(section.place, what="Facet").filter(pl.Series(known))
        text = None if baseline is None else baseline.facet_text(column.name)
        facets.append(
            Facet(
                name=column.name,
                column=column,
                values=section.values,
                continuous=None if text is None else text.startswith("("),
                must_occur=baseline is None,
            )
        )
    return facets


def _group(subject: Subject, config: AnalysisConfig, known: Flags) -> pl.Series:
    if config.group is None:
        raise ClientError("There is no group variable")
    column = subject.column(config.group, what="Group variable")
    return column.filter(pl.Series(np.asarray(known)))
