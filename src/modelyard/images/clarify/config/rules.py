"""What must hold of an analysis configuration beyond its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.images.clarify.bias.analysis import METRICS
from modelyard.images.clarify.bias.metric import Stage

_WORKING = ("shap", "pre_training_bias", "post_training_bias", "pdp")
_NOT_OFFERED = {
    "segment_config": "metrics by segment",
    "time_series_data_config": "explanations of time series",
    "facet_dataset_uri": "facets in a dataset of their own: put them into the dataset, and name "
    "them in excluded_columns",
    "predicted_label_dataset_uri": "predicted labels in a dataset of their own: put them into the "
    "dataset, and name them in predicted_label",
}


def problems_of(document: Mapping[str, Any], *, monitors: bool) -> list[str]:
    """Return a sentence for each rule that is broken; the document has the right shape."""
    return [
        *_unoffered(document),
        *_methods(document, monitors),
        *_bias(document, monitors),
        *_explanations(document),
        *_templates(document),
    ]


def _unoffered(document: Mapping[str, Any]) -> Iterator[str]:
    for name, what in _NOT_OFFERED.items():
        if name in document:
            yield f"{name} is given: {what} are not offered"
    if document["dataset_type"] == "application/x-image":
        yield "dataset_type is application/x-image: explanations of images are not offered"
    if "asymmetric_shapley_value" in document["methods"]:
        yield "methods.asymmetric_shapley_value: explanations of time series are not offered"
    for name in ("text_config", "image_config"):
        if name in document["methods"].get("shap", {}):
            yield f"methods.shap.{name}: explanations of texts and images are not offered"
    content = document.get("predictor", {}).get("content_type", "")
    if content.startswith("image/") or content == "application/x-npy":
        yield (
            f"predictor.content_type is {content}: only text/csv, application/jsonlines and "
            "application/json are offered"
        )
    if "target_model" in document.get("predictor", {}):
        yield "predictor.target_model: models of multi-model endpoints are not offered"


def _methods(document: Mapping[str, Any], monitors: bool) -> Iterator[str]:
    methods = document["methods"]
    if not any(name in methods for name in _WORKING):
        add = ", or a facet" if monitors else ""
        yield f"methods has nothing to compute: give one of {', '.join(_WORKING)}{add}"
    for stage in Stage:
        asked = methods.get(stage.value, {}).get("methods", ())
        known = {metric.name for metric in METRICS[stage]}
        unknown = sorted(set([asked] if isinstance(asked, str) else asked) - known - {"all"})
        if unknown:
            yield (
                f"methods.{stage.value}.methods has {', '.join(unknown)}: known are all, "
                f"{', '.join(sorted(known))}"
            )


def _bias(document: Mapping[str, Any], monitors: bool) -> Iterator[str]:
    asked = [stage.value for stage in Stage if stage.value in document["methods"]]
    if not asked:
        return
    names = ("facet", "label_values_or_threshold", *(() if monitors else ("label",)))
    for name in names:
        if document.get(name) in (None, []):
            yield f"{name} is missing: {' and '.join(asked)} need it"
    has_source = "predictor" in document or "predicted_label" in document
    if Stage.POST_TRAINING.value in asked and not has_source and not monitors:
        yield "post_training_bias needs predictor or predicted_label, and neither is given"


def _explanations(document: Mapping[str, Any]) -> Iterator[str]:
    methods = document["methods"]
    for name in ("shap", "pdp"):
        if name in methods and "predictor" not in document:
            yield f"methods.{name} needs predictor, the model to explain"
    shap = methods.get("shap", {})
    if "baseline" in shap and "num_clusters" in shap:
        yield "methods.shap has both baseline and num_clusters: give one of them"
    if shap.get("baseline") in ([], {}, ""):
        yield "methods.shap.baseline is empty: give at least one row, or leave it out"
    if "pdp" in methods and "features" not in methods["pdp"] and "shap" not in methods:
        yield "methods.pdp.features is missing: without methods.shap nothing tells which to draw"


def _templates(document: Mapping[str, Any]) -> Iterator[str]:
    predictor = document.get("predictor", {})
    content, template = predictor.get("content_type"), predictor.get("content_template")
    if isinstance(template, dict):
        yield "predictor.content_template is an object: give a text with a placeholder"
        return
    if content == "application/jsonlines" and "$features" not in (template or ""):
        yield "predictor.content_template must hold $features for application/jsonlines"
    if content != "application/json":
        return
    if "$record" not in (template or ""):
        yield "predictor.content_template must hold $record or $records for application/json"
    if "$" not in predictor.get("record_template", ""):
        yield (
            "predictor.record_template must hold $features, $features_kvp or placeholders such "
            'as "${name}" for application/json'
        )
