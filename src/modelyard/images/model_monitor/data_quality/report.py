"""The data quality report: what is wrong in sentences, and each column then and now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from modelyard.images.model_monitor import details
from modelyard.images.model_monitor.data_quality.baseline import Baseline
from modelyard.images.model_monitor.data_quality.profiles import ColumnProfile
from modelyard.images.model_monitor.data_quality.result import Result
from modelyard.images.model_monitor.data_quality.sketch import Distribution, Numbers
from modelyard.images.model_monitor.settings import Settings
from modelyard.images.reports import (
    Figure,
    Gallery,
    Heading,
    Mood,
    Notice,
    Report,
    Sentence,
    Table,
    charts,
    html,
    paper,
)
from modelyard.images.reports.blocks import Block
from modelyard.images.reports.pictures import number

_MOST_FIGURES = 60
_BINS = 24
_TAIL = 0.005  # of either end, drawn into the outermost bin
_MEASURES = {"ChiSquared": "p-value"}

_PLAIN = {
    "data_type_check": "holds values of another type",
    "completeness_check": "misses more values than in the baseline",
    "categorical_values_check": "holds values that the baseline did not have",
    "baseline_drift_check": "is distributed differently from the baseline",
    "missing_column_check": "is missing",
    "extra_column_check": "is not known to the baseline",
}


def write(result: Result, baseline: Baseline, settings: Settings) -> None:
    """Write report.html and report.pdf."""
    report = of(result, baseline, settings)
    html.write(report, settings.output / "report.html")
    paper.write(report, settings.output / "report.pdf")


def of(result: Result, baseline: Baseline, settings: Settings) -> Report:
    """Return the report."""
    return Report(
        title="Data quality",
        lead=_lead(result),
        details=details.of(settings, result.profile.rows),
        blocks=[*_violations(result), *_losses(result), *_columns(result, baseline)],
    )


def _lead(result: Result) -> str:
    columns = details.counted(len(result.profile.columns), "column", "columns")
    if result.violations is None:
        return f"{columns} were described; there was no baseline to check them against."
    if not result.violations:
        return f"All {columns} are as the baseline says."
    names = {violation.feature_name for violation in result.violations}
    found = details.counted(len(result.violations), "violation was", "violations were")
    return f"{found} found, in {details.counted(len(names), 'column', 'columns')}."


def _violations(result: Result) -> Iterator[Block]:
    if result.violations is None:
        return
    yield Heading("Violations")
    if not result.violations:
        yield Notice("There are none.", Mood.GOOD)
    for violation in result.violations:
        plain = _PLAIN.get(violation.constraint_check_type, "is not as it must be")
        text = f"The column {violation.feature_name!r} {plain}. {violation.description}"
        yield Notice(text, Mood.BAD)


def _losses(result: Result) -> Iterator[Block]:
    told = [*result.losses.sentences(), *result.notes]
    if told:
        yield Heading("What to know about the data")
        for sentence in told:
            yield Notice(sentence)


def _columns(result: Result, baseline: Baseline) -> Iterator[Block]:
    yield Heading("Columns")
    yield Table(
        ("Column", "Type", "Present", "Missing", "Mean", "Min", "Max", "Distinct", "Drift"),
        [_row(name, column, result) for name, column in result.profile.columns.items()],
    )
    wrong = {violation.feature_name for violation in result.violations or []}
    names = sorted(result.profile.columns, key=lambda name: name not in wrong)
    yield Heading("Distributions")
    if len(names) > _MOST_FIGURES:
        yield Sentence(
            f"The first {_MOST_FIGURES} of {len(names)} columns are drawn, "
            "those with violations before the others."
        )
    figures = (_figure(name, result, baseline, name in wrong) for name in names[:_MOST_FIGURES])
    yield Gallery([figure for figure in figures if figure is not None])


def _row(name: str, column: ColumnProfile, result: Result) -> list[str]:
    numbers, found = column.numbers, result.drifts.get(name)
    of_numbers = [numbers.mean, numbers.low, numbers.high]
    distinct = column.texts.distinct.count()
    return [
        name,
        column.inferred_type,
        str(column.present),
        str(column.missing),
        *(number(value) if numbers.count else "–" for value in of_numbers),
        str(distinct) if column.text else "–",
        "–" if found is None else number(found.value),
    ]


def _figure(name: str, result: Result, baseline: Baseline, alarming: bool) -> Figure | None:
    column, found = result.profile.columns[name], result.drifts.get(name)
    note = (
        "" if found is None else f"{_MEASURES.get(found.method, 'distance')} {number(found.value)}"
    )
    title = charts.Title(name, note, alarming)
    then = baseline.statistics.numbers(name)
    if column.numbers.count and (not column.text or then is not None):
        now = Distribution.of_levels(column.numbers.sketch.levels())
        edges = _edges([now] if then is None else [now, then])
        shares = None if then is None else _shares(then, edges)
        return Figure(charts.two_histograms(title, edges.tolist(), shares, _shares(now, edges)))
    if column.texts.counts:
        before = baseline.statistics.categories(name)
        shares_before = None if before is None else _normalised(before)
        return Figure(charts.two_bars(title, shares_before, _normalised(column.texts.counts)))
    return None


def _edges(spreads: list[Distribution]) -> Numbers:
    low = min(spread.quantile(_TAIL) for spread in spreads)
    high = max(spread.quantile(1 - _TAIL) for spread in spreads)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _shares(spread: Distribution, edges: Numbers) -> list[float]:
    ranks = spread.cdf(edges)
    ranks[0], ranks[-1] = 0.0, 1.0
    return list(np.diff(ranks))


def _normalised(counts: Mapping[str, float]) -> dict[str, float]:
    total = sum(counts.values())
    return {value: count / total for value, count in counts.items()}
