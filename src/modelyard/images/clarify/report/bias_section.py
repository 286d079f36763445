"""The part of a report that is about bias."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from modelyard.images.clarify.bias.analysis import FacetResult, Finding
from modelyard.images.clarify.bias.cells import Figures, Side
from modelyard.images.clarify.bias.drift import DriftCheck, Violation
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias_question import BiasResult
from modelyard.images.clarify.report.metric_chart import MetricBar, metric_chart
from modelyard.images.reports import Figure, Gallery, Heading, Mood, Notice, Sentence, Table, charts
from modelyard.images.reports.blocks import Block
from modelyard.images.reports.charts import Title
from modelyard.images.reports.pictures import Picture, number

_LEVEL = 0.95
_STAGES = {Stage.PRE_TRAINING: "Bias of the data", Stage.POST_TRAINING: "Bias of the model"}


def bias_blocks(bias: BiasResult, drift: DriftCheck | None) -> Iterator[Block]:
    """Yield what there is to say of bias, one facet's value after the other."""
    yield Heading("Bias")
    yield Sentence(
        f"Positive is {bias.label} = {bias.positive}. For each value of each facet, the rows with "
        "it are compared with the rest. Bars begin where a metric finds no bias; one with an arrow "
        "goes on beyond the picture. The line across a bar's end is its "
        f"{_LEVEL:.0%} confidence interval, by {_resamples(bias):,} resamples of {bias.rows:,} "
        "rows."
    )
    for result in bias.facets:
        yield from _facet(result, bias, drift)


def violation_blocks(drift: DriftCheck) -> Iterator[Block]:
    """Yield a notice for each metric that is worse than at the baseline."""
    for violation in drift.violations:
        metric = violation.finding.metric
        yield Notice(
            f"{violation.facet} = {violation.facet_value}, {metric.name}: "
            f"{violation.description}. {metric.meaning}",
            mood=Mood.BAD,
        )
    for remark in drift.remarks:
        yield Notice(remark)


def _resamples(bias: BiasResult) -> int:
    found = [
        len(finding.uncertainty.resampled)
        for result in bias.facets
        for finding in result.findings
        if finding.uncertainty is not None
    ]
    return max(found, default=0)


def _facet(result: FacetResult, bias: BiasResult, drift: DriftCheck | None) -> Iterator[Block]:
    cells = result.cells
    yield Heading(f"{result.facet} = {result.split.text}")
    yield Sentence(
        f"{int(cells.facet.rows):,} rows have the value, {int(cells.rest.rows):,} have not."
    )
    figures = [Figure(_outcomes(result, bias))]
    for stage in bias.stages:
        found = [finding for finding in result.findings if finding.stage is stage]
        if found:
            bars = [_bar(result, finding, drift) for finding in found]
            figures.append(Figure(metric_chart(_STAGES[stage], bars)))
    yield Gallery(figures)
    yield Table(
        header=("metric", "value", f"{_LEVEL:.0%} interval", "what it means"),
        rows=[_row(finding) for finding in result.findings],
    )


def _outcomes(result: FacetResult, bias: BiasResult) -> Picture:
    own = f"{result.facet} = {result.split.text}"
    sides = ((own, result.cells.facet), ("the rest", result.cells.rest))
    values = [(f"labels, {name}", _share(side.positive, side)) for name, side in sides]
    if Stage.POST_TRAINING in bias.stages:
        values += [
            (f"model, {name}", _share(side.predicted_positive, side)) for name, side in sides
        ]
    return charts.bars(Title("Share of positive outcomes"), values)


def _share(part: Figures, side: Side) -> float:
    return float(part / side.rows) if side.rows else 0.0


def _bar(result: FacetResult, finding: Finding, drift: DriftCheck | None) -> MetricBar:
    violation = _violation_of(result, finding, drift)
    interval = finding.interval(_LEVEL)
    neutral = finding.metric.neutral
    return MetricBar(
        name=finding.metric.name,
        value=finding.value,
        neutral=neutral,
        interval=interval,
        allowed=None if violation is None else abs(violation.baseline - neutral),
        violated=violation is not None,
    )


def _violation_of(
    result: FacetResult, finding: Finding, drift: DriftCheck | None
) -> Violation | None:
    violations: Sequence[Violation] = () if drift is None else drift.violations
    for violation in violations:
        if violation.facet == result.facet and violation.finding is finding:
            return violation
    return None


def _row(finding: Finding) -> list[str]:
    metric = finding.metric
    if finding.value is None:
        return [metric.description, "–", "", f"{metric.meaning} No value: {finding.error}."]
    interval = " to ".join(map(_written, finding.interval(_LEVEL) or ()))
    return [metric.description, _written(finding.value), interval, metric.meaning]


def _written(value: float) -> str:
    return number(value) if math.isfinite(value) else ("∞" if value > 0 else "-∞")
