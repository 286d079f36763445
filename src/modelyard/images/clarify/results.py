"""What a job writes: analysis.json, the local explanations, the violations."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from modelyard.images.clarify.bias.analysis import FacetResult, Finding
from modelyard.images.clarify.bias.drift import SECTIONS
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias_question import BiasResult
from modelyard.images.clarify.explain.analysis import Attributions, Curve
from modelyard.images.processing.files import write_whole

VERSION = "1.0"


def analysis(
    bias: BiasResult | None, shap: Attributions | None, curves: Sequence[Curve]
) -> dict[str, Any]:
    """Return the content of analysis.json."""
    document: dict[str, Any] = {"version": VERSION}
    if bias is not None:
        for stage in bias.stages:
            document[SECTIONS[stage]] = _section(bias, stage)
    explanations: dict[str, Any] = {}
    if shap is not None:
        explanations["kernel_shap"] = {
            label: {
                "global_shap_values": dict(values),
                "expected_value": float(shap.expected[index]),
            }
            for index, (label, values) in enumerate(shap.global_values.items())
        }
    if curves:
        explanations["pdp"] = [_curve(curve) for curve in curves]
    if explanations:
        document["explanations"] = explanations
    return document


def violations(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the content of constraint_violations.json."""
    return {"version": VERSION, "violations": list(entries)}


def write_json(path: Path, document: Any) -> None:
    """Write a document; it holds no infinity, which is no JSON."""
    write_whole(path, json.dumps(document, indent=4, allow_nan=False).encode())


def write_local(folder: Path, shap: Attributions, join: pl.Series | None) -> None:
    """Write the Shapley values of each row, and the baseline that they refer to."""
    columns = [] if join is None else [join]
    for output, label in enumerate(shap.labels):
        for index, feature in enumerate(shap.features):
            columns.append(pl.Series(f"{feature}_{label}", shap.local[:, output, index]))
    write_whole(folder / "out.csv", pl.DataFrame(columns).write_csv().encode())


def write_baseline(folder: Path, shap: Attributions) -> None:
    """Write the baseline, as a dataset without labels."""
    if shap.baseline is not None:
        write_whole(folder / "baseline.csv", shap.baseline.write_csv().encode())


def json_number(value: float) -> float | str | None:
    """Return a number as JSON can hold it: an infinity as the reference writes it."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _section(bias: BiasResult, stage: Stage) -> dict[str, Any]:
    facets: dict[str, list[dict[str, Any]]] = {}
    for result in bias.facets:
        facets.setdefault(result.facet, []).append(_facet(result, stage))
    return {
        "label": bias.label,
        "facets": facets,
        "label_value_or_threshold": bias.positive,
    }


def _facet(result: FacetResult, stage: Stage) -> dict[str, Any]:
    return {
        "value_or_threshold": result.split.text,
        "metrics": [_metric(finding) for finding in result.findings if finding.stage is stage],
    }


def _metric(finding: Finding) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": finding.metric.name,
        "description": finding.metric.description,
        "value": None if finding.value is None else json_number(finding.value),
    }
    error = None if finding.uncertainty is None else finding.uncertainty.standard_error
    if error is not None:
        entry["standard_error"] = error
    if finding.error is not None:
        entry["error"] = finding.error
    return entry


def _curve(curve: Curve) -> dict[str, Any]:
    predictions = np.asarray(curve.predictions).reshape(len(curve.values), -1)
    return {
        "feature_name": curve.feature,
        "data_type": "categorical" if curve.categorical else "numerical",
        "feature_values": list(curve.values),
        "model_predictions": predictions.T.tolist(),
        "data_distribution": list(curve.shares),
    }
