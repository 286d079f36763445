"""The part of a report that explains predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from modelyard.images.clarify.data.encoding import Encoding
from modelyard.images.clarify.explain.aggregation import MEANINGS
from modelyard.images.clarify.explain.analysis import Attributions, Curve
from modelyard.images.clarify.explain.drift import THRESHOLD, Shift
from modelyard.images.clarify.report.explanation_charts import dependence_curve, swarm
from modelyard.images.reports import Figure, Gallery, Heading, Mood, Notice, Sentence, Table, charts
from modelyard.images.reports.blocks import Block
from modelyard.images.reports.charts import Title
from modelyard.images.reports.pictures import Picture, number

_MOST_FEATURES = 10  # in a picture
_MOST_LABELS = 6
_MOST_BARS = 8


def shap_blocks(shap: Attributions) -> Iterator[Block]:
    """Yield what moves the predictions."""
    yield Heading("What moves the predictions")
    yield Sentence(
        f"By {shap.method}. A feature's figure is {MEANINGS[shap.aggregation]}{_units(shap)}. "
        "A point is one row: to the right, its value of the feature raises the prediction; to the "
        "left, it lowers it."
    )
    coded = Encoding.of(shap.rows).encode(shap.rows)
    for index, label in enumerate(shap.labels[:_MOST_LABELS]):
        order = np.argsort(-np.abs(shap.total[index]), kind="stable")[:_MOST_FEATURES]
        names = [shap.features[place] for place in order]
        values = [
            (name, float(shap.total[index, at])) for name, at in zip(names, order, strict=True)
        ]
        of = f", {label}" if len(shap.labels) > 1 else ""
        picture = swarm(f"Each row{of}", names, shap.local[:, index, order], coded[:, order])
        yield Gallery(
            [
                Figure(charts.bars(Title(f"Features{of}"), values), _expected(shap, index)),
                Figure(picture),
            ]
        )
    yield Table(
        header=("feature", *(shap.labels[:_MOST_LABELS] if len(shap.labels) > 1 else ["figure"])),
        rows=[
            [shap.features[at], *(number(float(value)) for value in shap.total[:_MOST_LABELS, at])]
            for at in np.argsort(-np.abs(shap.total[0]), kind="stable")
        ],
    )


def curve_blocks(curves: Sequence[Curve]) -> Iterator[Block]:
    """Yield how predictions go with single features."""
    yield Heading("How predictions go with a feature")
    yield Sentence(
        "The mean answer of the model if every row had the value. Where the grey columns are low, "
        "there are few rows to learn from."
    )
    yield Gallery([Figure(_curve(curve)) for curve in curves if len(curve.values)])


def shift_blocks(shifts: Sequence[Shift]) -> Iterator[Block]:
    """Yield whether the features rank as they did at the baseline."""
    for shift in shifts:
        if shift.is_violation:
            yield Notice(
                f"{shift.label}: the features rank otherwise than at the baseline: nDCG is "
                f"{shift.score:.3f}, and must be at least {THRESHOLD}; by chance it would hardly "
                f"be below ({shift.level:.4%} upper bound {shift.bound:.3f}, {shift.rows:,} rows).",
                mood=Mood.BAD,
            )
        elif shift.remark is not None:
            yield Notice(f"{shift.remark}.")
    yield Gallery(
        [
            Figure(
                charts.two_bars(
                    Title(
                        f"Weight of features, {shift.label}",
                        note=f"nDCG {shift.score:.3f}",
                        alarming=shift.is_violation,
                    ),
                    _shares(shift.baseline),
                    _shares(shift.now),
                )
            )
            for shift in shifts
        ]
    )


def _expected(shap: Attributions, index: int) -> str:
    answer = number(float(shap.expected[index]))
    return f"Without any of them the model answers {answer}{_units(shap)}."


def _units(shap: Attributions) -> str:
    return ", in log-odds" if shap.in_log_odds else ""


def _shares(values: Mapping[str, float]) -> dict[str, float]:
    total = sum(abs(value) for value in values.values()) or 1.0
    return {name: abs(value) / total for name, value in values.items()}


def _curve(curve: Curve) -> Picture:
    answers = np.asarray(curve.predictions).reshape(len(curve.values), -1)
    if not curve.categorical:
        points = [float(value) for value in curve.values]
        return dependence_curve(curve.feature, points, answers, curve.shares, curve.labels)
    ranked = sorted(zip(curve.shares, map(str, curve.values), answers[:, 0], strict=True))[::-1]
    values = [(name, float(answer)) for _, name, answer in ranked[:_MOST_BARS]]
    return charts.bars(Title(f"{curve.feature}: {curve.labels[0]}"), values)
