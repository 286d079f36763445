"""JSON reports as groups of metrics: model quality, bias, explainability, a card's own.

A report tells what it is by its members, so nobody has to say it. The shapes are those of the
SageMaker model monitor's statistics (`regression_metrics`, `binary_classification_metrics`,
`multiclass_classification_metrics`, and any other `*_metrics` of values with a standard deviation),
of Clarify's analysis, and of the card's own `metric_groups`. Group names are those that the
sagemaker SDK's parsers give.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
Group = dict[str, Any]

MAX_POINTS = 60  # of a curve: what an eye can tell apart on paper, and a card can hold
MAX_FEATURES = 40  # of an explanation, the largest
MAX_DEPENDENCE_PLOTS = 8
_MAX_CLASSES = 20  # of a matrix, as the card's schema has it
_MAX_NOTE = 1024
_MAX_NAME = 63

_ROC, _PR = "receiver_operating_characteristic_curve", "precision_recall_curve"
_BIAS = ("pre_training_bias_metrics", "post_training_bias_metrics")


def groups_of(report: bytes) -> list[Group]:
    """Return a report's groups of metrics, in the form of a card's `metric_groups`.

    Raises:
        ValueError: the report is not JSON, or of no shape that is known.
    """
    try:
        data = json.loads(report)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - the file is wrong, not a type
    try:
        found = list(_groups(data))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"it is not of the shape that its members promise: {error!r}") from error
    if not found:
        raise ValueError(
            "it has none of *_metrics, pre_training_bias_metrics, post_training_bias_metrics, "
            "explanations, metric_groups"
        )
    return found


def _groups(data: Json) -> Iterator[Group]:
    for name, part in data.items():
        if name in _BIAS:
            yield from _bias(name, part)
        elif name == "explanations":
            yield from _explanations(part)
        elif name == "metric_groups":
            yield from (dict(group.items()) for group in part)
        elif name.endswith("_metrics") and isinstance(part, dict):
            metrics = [metric for key, value in part.items() for metric in _quality(key, value)]
            if metrics:
                yield {"name": name, "metric_data": metrics}


def _quality(name: str, value: Any) -> Iterator[dict[str, Any]]:
    """Yield the metrics of one entry of a model-quality report."""
    match value:
        case {"value": plain, **rest}:
            yield from _simple(name, plain)
            deviation = rest.get("standard_deviation")
            if _is_number(deviation):
                yield from _simple(f"{name} - standard_deviation", deviation)
        case {"false_positive_rates": xs, "true_positive_rates": ys}:
            yield _curve(name, xs, ys, "false_positive_rates", "true_positive_rates")
        case {"recalls": xs, "precisions": ys}:
            yield _curve(name, xs, ys, "recalls", "precisions")
        case dict() if name == "confusion_matrix":
            yield from _matrix(name, value)
        case int() | float() | str():
            yield from _simple(name, value)


def _simple(name: str, value: Any, notes: str = "") -> Iterator[dict[str, Any]]:
    """Yield a number; what JSON spells as a text (`"NaN"`, `"inf"`) stays a text."""
    found: dict[str, Any]
    if isinstance(value, bool):
        found = {"name": name, "type": "boolean", "value": value}
    elif _is_number(value):
        found = {"name": name, "type": "number", "value": _rounded(value)}
    elif value is None:
        return
    else:
        found = {"name": name, "type": "string", "value": str(value)[:_MAX_NAME]}
    yield {**found, "notes": notes[:_MAX_NOTE]} if notes else found


def _curve(
    name: str, xs: Sequence[float], ys: Sequence[float], x_name: str, y_name: str
) -> dict[str, Any]:
    pairs = [
        [_rounded(x), _rounded(y)]
        for x, y in zip(xs, ys, strict=False)
        if _is_number(x) and _is_number(y)
    ]
    return {
        "name": name,
        "type": "linear_graph",
        "value": _thinned(pairs) or [[0, 0]],
        "x_axis_name": x_name[:_MAX_NAME],
        "y_axis_name": y_name[:_MAX_NAME],
    }


def _matrix(name: str, rows: Json) -> Iterator[dict[str, Any]]:
    labels = list(rows)
    columns = list(dict.fromkeys(label for row in rows.values() for label in row))
    if not labels or not columns or max(len(labels), len(columns)) > _MAX_CLASSES:
        return
    yield {
        "name": name,
        "type": "matrix",
        "value": [[_rounded(rows[row].get(column, 0)) for column in columns] for row in labels],
        "x_axis_name": [str(label)[:_MAX_NAME] for label in labels],
        "y_axis_name": [str(label)[:_MAX_NAME] for label in columns],
    }


def _bias(stage: str, part: Json) -> Iterator[Group]:
    for facet, entries in part["facets"].items():
        for entry in entries:
            label = f"label {part.get('label')} = {part.get('label_value_or_threshold')}"
            yield {
                "name": f"{stage} - {label} and facet {facet}={entry['value_or_threshold']}",
                "metric_data": [
                    found
                    for metric in entry["metrics"]
                    for found in _simple(
                        metric["name"], metric.get("value"), metric.get("description") or ""
                    )
                ],
            }


def _explanations(part: Json) -> Iterator[Group]:
    for label, explained in part.get("kernel_shap", {}).items():
        shap = {
            name: value
            for name, value in explained.get("global_shap_values", {}).items()
            if _is_number(value)
        }
        largest = sorted(shap, key=lambda name: -abs(shap[name]))[:MAX_FEATURES]
        if largest:
            yield {
                "name": f"explanations - global_shap_values, label={label}",
                "metric_data": [found for name in largest for found in _simple(name, shap[name])],
            }
    plots = [_dependence(entry) for entry in part.get("pdp", [])[:MAX_DEPENDENCE_PLOTS]]
    metrics = [plot for entry in plots for plot in entry]
    if metrics:
        yield {"name": "explanations - pdp", "metric_data": metrics}


def _dependence(entry: Json) -> Iterator[dict[str, Any]]:
    """Yield how the predictions depend on one feature, for each label."""
    feature = entry["feature_name"]
    for label, predictions in zip(entry["label_headers"], entry["model_predictions"], strict=False):
        name = f"model_predictions - feature={feature}, label={label}"
        if entry["data_type"] == "numerical":
            yield _curve(name, entry["feature_values"], predictions, str(feature), str(label))
        else:
            yield {
                "name": name,
                "type": "bar_chart",
                "value": [_rounded(value) for value in predictions],
                "x_axis_name": [str(value)[:_MAX_NAME] for value in entry["feature_values"]],
                "y_axis_name": str(label)[:_MAX_NAME],
            }


def _thinned(points: Sequence[list[float]]) -> list[list[float]]:
    """Return at most `MAX_POINTS` of the points, evenly taken, with the first and the last."""
    if len(points) <= MAX_POINTS:
        return list(points)
    last = len(points) - 1
    taken = sorted({round(index * last / (MAX_POINTS - 1)) for index in range(MAX_POINTS)})
    return [points[index] for index in taken]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rounded(value: Any) -> float:
    """Return six digits that count: more of them cost room in the card and tell nothing."""
    return value if isinstance(value, int) else float(format(float(value), ".6g"))


def largest_drawings(groups: Iterable[Group]) -> list[tuple[Group, dict[str, Any]]]:
    """Return what takes most room in a card, the largest first: curves and charts, not numbers."""
    drawn = [
        (group, metric)
        for group in groups
        for metric in group.get("metric_data", [])
        if isinstance(metric, dict) and isinstance(metric.get("value"), list)
    ]
    return sorted(drawn, key=lambda pair: -len(json.dumps(pair[1]["value"])))
