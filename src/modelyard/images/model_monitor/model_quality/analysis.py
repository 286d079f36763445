"""The model quality analysis: read labels and answers, measure, compare, write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from modelyard.images.model_monitor import files, merging, metrics
from modelyard.images.model_monitor.metrics import Metric
from modelyard.images.model_monitor.model_quality import constraints, report, rows, spread
from modelyard.images.model_monitor.model_quality.measured import Measured
from modelyard.images.model_monitor.model_quality.problems import Problem, problem_of
from modelyard.images.model_monitor.outcome import Outcome
from modelyard.images.model_monitor.settings import Settings
from modelyard.images.processing import log
from modelyard.images.processing.layout import Layout


def analyse(settings: Settings, layout: Layout) -> Outcome:
    """Measure the model's quality, and write all files.

    Raises:
        ClientError: the data or the baseline is wrong.
        NoDataError: there is no row with a label and an answer.
    """
    answers = rows.read(settings)
    problem = problem_of(answers, settings)
    measured = measure(problem, _baseline(settings), _remarks(answers, problem))
    if answers.tally is None:  # the merge has told of its losses itself
        for remark in measured.remarks:
            log.info(remark)
    _write(measured, settings)
    if answers.tally is not None:
        files.write_json(settings.output / merging.REPORT_FILE, answers.tally.document())
    if settings.publishes_metrics:
        metrics.write(_metrics(measured), kind="model-metrics", settings=settings, layout=layout)
    report.write(measured, settings)
    count = None if measured.violations is None else len(measured.violations)
    return Outcome(violations=count, remarks=measured.remarks)


def measure(problem: Problem, baseline: Mapping[str, Any] | None, remarks: list[str]) -> Measured:
    """Compute all metrics, and check them where there is a baseline."""
    values = problem.metrics(np.arange(problem.rows))
    errors = spread.standard_errors(problem.rows, problem.metrics)
    thresholds = [] if baseline is None else constraints.read(baseline, problem)
    return Measured(
        problem=problem,
        values=values,
        deviations=spread.standard_deviations(problem.rows, problem.metrics),
        errors=errors,
        thresholds=thresholds,
        violations=None
        if baseline is None
        else constraints.check(thresholds, problem, values, errors),
        remarks=remarks,
    )


def statistics(measured: Measured) -> dict[str, Any]:
    """Return statistics.json."""
    problem = measured.problem
    section: dict[str, Any] = {}
    if problem.confusion is not None:
        section["confusion_matrix"] = problem.confusion
    for name, value in measured.values.items():
        section[name] = {"value": value, "standard_deviation": measured.deviations[name]}
    return {
        "version": 0.0,
        "dataset": {"item_count": problem.rows},
        f"{problem.prefix}_metrics": {**section, **problem.curves},
    }


def _baseline(settings: Settings) -> dict[str, Any] | None:
    if settings.baseline_constraints is None:
        return None
    return files.read_json(settings.baseline_constraints, "baseline_constraints")


def _remarks(answers: rows.Answers, problem: Problem) -> list[str]:
    if answers.tally is not None:  # the losses of both are one list
        return [*answers.tally.sentences(), *problem.notes]
    return [*answers.losses.sentences(), *problem.notes]


def _write(measured: Measured, settings: Settings) -> None:
    suggested = constraints.document(measured.problem, measured.values, measured.errors)
    files.write_json(settings.output / "statistics.json", statistics(measured))
    files.write_json(settings.output / "constraints.json", suggested)
    if measured.violations is not None:
        found = [violation.document() for violation in measured.violations]
        files.write_json(settings.output / "constraint_violations.json", {"violations": found})


def _metrics(measured: Measured) -> Iterator[Metric]:
    """The reference's names: a metric is called as in statistics.json."""
    for name, value in measured.values.items():
        yield Metric(name, value)
    if measured.violations is not None:
        yield Metric("violations", float(len(measured.violations)))
    yield Metric("rows", float(measured.problem.rows))
