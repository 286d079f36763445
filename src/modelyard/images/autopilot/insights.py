"""How good the best candidate is, in detail, on rows that it has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images.autopilot.candidates import Candidate, Journal
from modelyard.images.autopilot.learners import Floats
from modelyard.images.autopilot.problem_types import BINARY, REGRESSION
from modelyard.images.autopilot.trying import Material
from modelyard.images.reports import Figure, Gallery, Heading, Report, Table, charts, html
from modelyard.images.training.files import write_whole

_MOST_CLASSES = 12  # of a confusion matrix that can be read
_POINTS = 200  # of a curve
_BINS = 24


def write_insights(folder: Path, material: Material, best: Candidate, journal: Journal) -> None:
    """Write `insights.json` and `report.html` on a candidate's quality."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = material.rows.truth[material.split.held_out]
    scores = np.load(journal.scores(best.name), allow_pickle=False)
    document: dict[str, Any] = {
        "problem_type": material.target.problem_type,
        "held_out_rows": len(truth),
        "metrics": dict(best.metrics),
    }
    figures: list[Figure] = []
    if material.target.problem_type == REGRESSION:
        figures.append(_residuals(truth, scores))
    else:
        counts = confusion(truth, scores, material.target.classes)
        labels = list(material.target.labels)
        document |= {"labels": labels, "confusion_matrix": counts}
        if len(labels) <= _MOST_CLASSES:
            figures.append(Figure(charts.grid(charts.Title("confusion matrix"), labels, counts)))
        if material.target.problem_type == BINARY:
            figures.append(_roc(truth, scores))
    write_whole(folder / "insights.json", json.dumps(document, indent=1).encode())
    html.write(_report(material, best, figures), folder / "report.html")


def confusion(truth: Floats, scores: Floats, classes: int) -> list[list[int]]:
    """Return how often each class, by row, was taken for each class, by column."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth.astype(np.int64), scores.argmax(axis=1)), 1)
    found: list[list[int]] = counts.tolist()
    return found


def _roc(truth: Floats, scores: Floats) -> Figure:
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(truth, scores[:, 1])
    every = max(1, len(false) // _POINTS)
    points = [*zip(false[::every].tolist(), true[::every].tolist(), strict=True), (1.0, 1.0)]
    axes = ("false positives", "true positives")
    picture = charts.curve(
        charts.Title("ROC curve"), points, axes=axes, guide=[(0.0, 0.0), (1.0, 1.0)]
    )
    return Figure(picture)


def _residuals(truth: Floats, scores: Floats) -> Figure:
    counts, edges = np.histogram(scores - truth, bins=_BINS)
    shares = (counts / max(1, counts.sum())).tolist()
    title = charts.Title("error: predicted minus true")
    return Figure(charts.two_histograms(title, edges.tolist(), None, shares))


def _report(material: Material, best: Candidate, figures: list[Figure]) -> Report:
    return Report(
        title=f"How good {best.name} is",
        lead=f"{best.algorithm}, judged by rows that it has not seen: {material.split.said}.",
        details=[(name, str(value)) for name, value in best.config.items()],
        blocks=[
            Heading("Metrics"),
            Table(
                header=("metric", "value"),
                rows=[(name, f"{value:.5g}") for name, value in sorted(best.metrics.items())],
            ),
            Gallery(figures),
        ],
    )
