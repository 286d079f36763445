"""analysis_config.json of the bias and explainability monitors, made of a request's attributes.

The baseline's tells how to ask the model; what executions take tells how to read what was captured.
The keys are those of the reference's schema (`ANALYSIS_CONFIG_SCHEMA_V1_0`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.orchestrator.blueprints._base import Place, Problem

_TABLE = "text/csv"
_BIAS_KEYS = ("label_values_or_threshold", "facet_name", "facet_values_or_threshold", "group_name")
_LABEL_KEYS = ("label", "probability", "probability_threshold", "label_headers")
_SHAP_KEYS = (
    *("baseline", "num_samples", "agg_method", "use_logit", "save_local_shap_values"),
    *("seed", "num_clusters", "features_to_explain"),
)
_AGGREGATIONS = ("mean_abs", "mean_sq", "median")


def document(
    values: Mapping[str, str], attribute: str, keys: Sequence[str], problems: list[Problem]
) -> dict[str, Any]:
    """Return an attribute that is an object; what is in it and is no key becomes a problem."""
    found = json.loads(values[attribute]) if values.get(attribute) else {}
    if not isinstance(found, dict):
        problems.append(Problem(attribute=attribute, text="must be a JSON object"))
        return {}
    for key in sorted(set(found) - set(keys)):
        text = f"{key} is not offered: it may have {', '.join(keys)}"
        problems.append(Problem(attribute=attribute, text=text))
    return found


def bias(
    values: Mapping[str, str], place: Place, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the baseline's configuration and the executions', of the bias monitor."""
    given = document(values, "bias_config", _BIAS_KEYS, problems)
    label = document(values, "model_predicted_label_config", _LABEL_KEYS, problems)
    for key in ("label_values_or_threshold", "facet_name"):
        if values.get("bias_config") and given.get(key) in (None, ""):
            problems.append(Problem(attribute="bias_config", text=f"{key} is missing"))
    headers = place.assets.header(values.get("baseline_data", ""))
    facets = _facets(given)
    for name in [facet["name_or_index"] for facet in facets]:
        if headers and isinstance(name, str) and name and name not in headers:
            text = f"facet_name {name!r} is no column of baseline_data: it has {', '.join(headers)}"
            problems.append(Problem(attribute="bias_config", text=text))
    shared: dict[str, Any] = {
        "dataset_type": _TABLE,
        "headers": headers,
        "label": headers[0] if headers else "",
        "label_values_or_threshold": _listed(given.get("label_values_or_threshold")),
        "facet": facets,
    }
    if given.get("group_name"):
        shared["group_variable"] = given["group_name"]
    if label.get("probability_threshold") is not None:
        shared["probability_threshold"] = label["probability_threshold"]
    named = {key: label[key] for key in ("label", "probability", "label_headers") if key in label}
    baseline = {
        **shared,
        "methods": {
            "report": {"name": "report", "title": "Analysis Report"},
            "pre_training_bias": {"methods": "all"},
            "post_training_bias": {"methods": "all"},
        },
        "predictor": _predictor(values, place) | named,
    }
    return baseline, shared


def explainability(
    values: Mapping[str, str], place: Place, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the baseline's configuration and the executions', of the explainability monitor."""
    given = document(values, "shap_config", _SHAP_KEYS, problems)
    method = given.get("agg_method", _AGGREGATIONS[0])
    if method not in _AGGREGATIONS:
        text = f"agg_method {method!r} is none of {', '.join(_AGGREGATIONS)}"
        problems.append(Problem(attribute="shap_config", text=text))
    shap = {"use_logit": False, "save_local_shap_values": True, **given, "agg_method": method}
    if isinstance(shap.get("baseline"), str):
        missing = place.assets.object_problem(shap_baseline(values))
        if missing is not None:
            problems.append(Problem(attribute="shap_config", text=f"baseline: {missing}"))
        del shap["baseline"]  # the blueprint says where it lies in the stage's account
    _make_whole(shap, problems)
    headers = place.assets.header(values.get("baseline_data", ""))
    scores = values.get("model_scores", "")
    predictor = _predictor(values, place)
    if scores:
        predictor["label"] = int(scores) if scores.isdigit() else scores
    shared = {"dataset_type": _TABLE, "methods": {"shap": shap}, "predictor": predictor}
    report = {"report": {"name": "report", "title": "Analysis Report"}, "shap": shap}
    baseline = {
        **shared,
        "headers": headers,
        "label": headers[0] if headers else "",
        "methods": report,
    }
    return baseline, {**shared, "headers": headers[1:]}


def shap_baseline(values: Mapping[str, str]) -> str:
    """Return the key of the rows that explanations compare with; empty where none is given."""
    given = json.loads(values.get("shap_config") or "{}")
    key = given.get("baseline") if isinstance(given, dict) else None
    return key if isinstance(key, str) else ""


def _predictor(values: Mapping[str, str], place: Place) -> dict[str, Any]:
    try:
        model = place.model_of(values.get("endpoint_name", ""))
    except ValueError:
        model = ""  # told of endpoint_name
    return {
        "model_name": model,
        "instance_type": values.get("instance_type", ""),
        "initial_instance_count": 1,
        "accept_type": _TABLE,
        "content_type": _TABLE,
    }


def _facets(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the facets; several have lists of names and of values."""
    names, values = given.get("facet_name"), given.get("facet_values_or_threshold")
    if isinstance(names, list):
        each = values if isinstance(values, list) else [None] * len(names)
        pairs = list(zip(names, each, strict=False))
    else:
        pairs = [(names, values)]
    return [
        {"name_or_index": name}
        if value in (None, "", [])
        else {"name_or_index": name, "value_or_threshold": _listed(value)}
        for name, value in pairs
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _make_whole(shap: dict[str, Any], problems: list[Problem]) -> None:
    """Turn numbers that came as text into numbers."""
    for key in ("num_samples", "num_clusters", "seed"):
        value = shap.get(key)
        if isinstance(value, str):
            if value.isascii() and value.isdigit():
                shap[key] = int(value)
            else:
                text = f"{key} {value!r} must be a whole number"
                problems.append(Problem(attribute="shap_config", text=text))
