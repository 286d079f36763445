"""The model quality report: what fell below its threshold, all metrics, and the curves."""

from __future__ import annotations

import math
from collections.abc import Iterator

from modelyard.images.model_monitor import details
from modelyard.images.model_monitor.model_quality.measured import Measured
from modelyard.images.model_monitor.model_quality.problems import LESS
from modelyard.images.model_monitor.settings import Settings
from modelyard.images.reports import (
    Figure,
    Gallery,
    Heading,
    Mood,
    Notice,
    Report,
    Table,
    charts,
    html,
    paper,
)
from modelyard.images.reports.blocks import Block
from modelyard.images.reports.pictures import number

_MOST_CLASSES = 12

#: What a metric means, in one plain sentence.
_MEANINGS = {
    "mae": "How far a prediction is off, on average.",
    "mse": "The average of the squared errors.",
    "rmse": "How far predictions are off; large errors weigh more.",
    "r2": "How much of the labels' variation the model explains; 1 is all of it.",
    "accuracy": "How many answers are right.",
    "recall": "How many of the positive cases the model found.",
    "precision": "How many of the model's positive answers are right.",
    "true_positive_rate": "How many of the positive cases the model found.",
    "true_negative_rate": "How many of the negative cases the model left alone.",
    "false_positive_rate": "How many of the negative cases the model called positive.",
    "false_negative_rate": "How many of the positive cases the model missed.",
    "auc": "How often a positive case is given a higher probability than a negative one.",
    "au_prc": "Precision on average over all recalls.",
    "f1": "Precision and recall in one number.",
    "f0_5": "Precision and recall in one number, precision before recall.",
    "f2": "Precision and recall in one number, recall before precision.",
}


def write(measured: Measured, settings: Settings) -> None:
    """Write report.html and report.pdf."""
    report = of(measured, settings)
    html.write(report, settings.output / "report.html")
    paper.write(report, settings.output / "report.pdf")


def of(measured: Measured, settings: Settings) -> Report:
    """Return the report."""
    return Report(
        title="Model quality",
        lead=_lead(measured),
        details=[
            *details.of(settings, measured.problem.rows),
            ("Problem", settings.problem_type or ""),
        ],
        blocks=[
            *_violations(measured),
            *_remarks(measured),
            *_metrics(measured),
            *_figures(measured),
        ],
    )


def _lead(measured: Measured) -> str:
    rows = details.counted(measured.problem.rows, "labelled answer", "labelled answers")
    if measured.violations is None:
        return f"The model was measured on {rows}; there was no baseline to check it against."
    if not measured.violations:
        return f"On {rows}, the model is as good as its baseline."
    found = details.counted(len(measured.violations), "metric is", "metrics are")
    return f"On {rows}, {found} worse than the baseline by more than chance."


def _violations(measured: Measured) -> Iterator[Block]:
    if measured.violations is None:
        return
    yield Heading("Violations")
    if not measured.violations:
        yield Notice("There are none.", Mood.GOOD)
    for violation in measured.violations:
        way = "below" if violation.constraint_check_type == LESS else "above"
        text = f"{violation.metric_name} is {way} its threshold. {violation.description}. "
        yield Notice(text + _meaning(violation.metric_name), Mood.BAD)


def _remarks(measured: Measured) -> Iterator[Block]:
    if measured.remarks:
        yield Heading("What to know about the data")
        for remark in measured.remarks:
            yield Notice(remark)


def _metrics(measured: Measured) -> Iterator[Block]:
    thresholds = {threshold.metric: threshold for threshold in measured.thresholds}
    yield Heading("Metrics")
    rows = []
    for name, value in measured.values.items():
        bound = thresholds.get(name)
        sign = "" if bound is None else "≥ " if bound.operator == LESS else "≤ "
        rows.append(
            [
                name,
                _shown(value),
                _shown(measured.errors.get(name, math.nan)),
                "–" if bound is None else f"{sign}{number(bound.value)}",
                _meaning(name),
            ]
        )
    yield Table(("Metric", "Value", "Standard error", "Baseline", "What it means"), rows)


def _figures(measured: Measured) -> Iterator[Block]:
    problem, figures = measured.problem, []
    roc = problem.curves.get("receiver_operating_characteristic_curve")
    if roc is not None:
        points = list(zip(roc["false_positive_rates"], roc["true_positive_rates"], strict=True))
        title = charts.Title("ROC curve", f"area {number(measured.values['auc'])}")
        axes = ("false positive rate", "true positive rate")
        figures.append(Figure(charts.curve(title, points, axes=axes, guide=[(0, 0), (1, 1)])))
    pairs = problem.curves.get("precision_recall_curve")
    if pairs is not None:
        points = list(zip(pairs["recalls"], pairs["precisions"], strict=True))
        title = charts.Title("Precision by recall", f"area {number(measured.values['au_prc'])}")
        figures.append(Figure(charts.curve(title, points, axes=("recall", "precision"))))
    if problem.confusion is not None and len(problem.confusion) <= _MOST_CLASSES:
        counts = [list(row.values()) for row in problem.confusion.values()]
        title = charts.Title("Confusion matrix", "labels downwards")
        figures.append(Figure(charts.grid(title, list(problem.confusion), counts)))
    checked = [(n, measured.values[n]) for n in problem.operators if not _absent(measured, n)]
    wrong = [violation.metric_name for violation in measured.violations or []]
    figures.append(Figure(charts.bars(charts.Title("Metrics"), checked, marked=wrong)))
    yield Heading("Pictures")
    yield Gallery(figures)


def _absent(measured: Measured, name: str) -> bool:
    return not math.isfinite(measured.values.get(name, math.nan))


def _shown(value: float) -> str:
    return number(value) if math.isfinite(value) else "–"


def _meaning(name: str) -> str:
    plain = name.removeprefix("weighted_")
    base = plain.removesuffix("_best_constant_classifier")
    if base != plain:
        return "What a model would reach that always gives the same answer."
    text = _MEANINGS.get(plain, "")
    return f"{text} Averaged over the classes." if plain != name and text else text
