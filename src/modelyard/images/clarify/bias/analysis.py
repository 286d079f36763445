"""The bias metrics of a dataset, for each value of each facet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from modelyard.images.clarify.bias.cells import Cells, Flags
from modelyard.images.clarify.bias.flip_test import Neighbours, neighbours
from modelyard.images.clarify.bias.metric import Metric, Stage
from modelyard.images.clarify.bias.outcomes import Split, Value, each_value, split
from modelyard.images.clarify.bias.post_training import POST_TRAINING
from modelyard.images.clarify.bias.pre_training import PRE_TRAINING
from modelyard.images.clarify.bias.resampling import TIMES, Uncertainty, uncertainty

METRICS = {Stage.PRE_TRAINING: PRE_TRAINING, Stage.POST_TRAINING: POST_TRAINING}
_FLIP_TEST = "FT"


@dataclass(frozen=True, kw_only=True)
class Facet:
    """What is asked of one facet: its column, and the values or the threshold that are meant."""

    name: str
    column: pl.Series
    values: Sequence[Value]  # empty: each value of the column by itself
    continuous: bool | None = None  # where it is known, as from a baseline
    must_occur: bool = True  # whether it is an error that no row has the values


@dataclass(frozen=True, kw_only=True)
class Question:
    """What bias is looked for in: a dataset's columns, row by row."""

    label: Flags  # positive labels
    predicted: Flags | None  # positive predicted labels
    facets: Sequence[Facet]
    group: pl.Series | None
    features: pl.DataFrame  # for the flip test: columns that are neither label nor prediction
    methods: Mapping[Stage, Sequence[str]]  # names of metrics


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One metric's value, or why it has none."""

    metric: Metric
    stage: Stage
    value: float | None
    uncertainty: Uncertainty | None
    error: str | None = None

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the confidence interval of a level, within the metric's bounds."""
        if self.uncertainty is None:
            return None
        least, most = self.metric.bounds
        low, high = self.uncertainty.interval(level)
        return max(low, least), min(high, most)


@dataclass(frozen=True, kw_only=True)
class FacetResult:
    """What was found of one value of a facet."""

    facet: str
    split: Split
    cells: Cells
    findings: Sequence[Finding]


def analyse(question: Question, *, seed: int = 0) -> list[FacetResult]:
    """Compute what is asked.

    Rows without a value of the facet are left out of that facet's metrics.

    Raises:
        ClientError: a facet has none of the values that are given.
    """
    return [
        _result(question, facet, half, seed) for facet in question.facets for half in _splits(facet)
    ]


def _splits(facet: Facet) -> list[Split]:
    what = f"Facet {facet.name!r}"
    if facet.values:
        return [
            split(
                facet.column,
                facet.values,
                what=what,
                continuous=facet.continuous,
                must_occur=facet.must_occur,
            )
        ]
    return each_value(facet.column, what=what)


def _result(question: Question, facet: Facet, half: Split, seed: int) -> FacetResult:
    known = facet.column.is_not_null().to_numpy()
    flags, label = half.flags[known], question.label[known]
    predicted = None if question.predicted is None else question.predicted[known]
    near = _neighbours(question, facet, flags, known)
    group = None if question.group is None else question.group.cast(pl.String).fill_null("")
    cells = Cells.of(
        flags,
        label,
        predicted,
        neighbours=near.predicted,
        group=None if group is None else group.to_numpy()[known],
    )
    resamples = cells.resampled(TIMES, np.random.default_rng(seed))
    findings = [
        _finding(metric, stage, cells, resamples, near)
        for stage, names in question.methods.items()
        for metric in METRICS[stage]
        if metric.name in names
    ]
    return FacetResult(facet=facet.name, split=half, cells=cells, findings=findings)


def _neighbours(question: Question, facet: Facet, flags: Flags, known: Flags) -> Neighbours:
    if question.predicted is None or _FLIP_TEST not in question.methods.get(
        Stage.POST_TRAINING, ()
    ):
        return Neighbours()
    others = question.features.drop(facet.name, strict=False)
    if not np.all(known):
        others = others.filter(pl.Series(known))
    return neighbours(others, flags, question.predicted[known])


def _finding(
    metric: Metric, stage: Stage, cells: Cells, resamples: Cells, near: Neighbours
) -> Finding:
    error = metric.undefined(cells)
    if error is None and metric.name == _FLIP_TEST:
        error = near.reason
    if error is not None:
        return Finding(metric=metric, stage=stage, value=None, uncertainty=None, error=error)
    return Finding(
        metric=metric,
        stage=stage,
        value=metric.value(cells),
        uncertainty=uncertainty(metric, cells, resamples),
    )
