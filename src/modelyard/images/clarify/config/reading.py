"""Reading analysis_config.json; whatever is wrong with it is told at once.

`schema.json` is the shape that the SDK of the reference checks (`ANALYSIS_CONFIG_SCHEMA_V1_0`);
`rules` has what goes beyond a shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from modelyard.images.clarify.bias.analysis import METRICS
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.config import rules
from modelyard.images.clarify.config.sections import (
    AnalysisConfig,
    FacetSection,
    PdpSection,
    PredictorSection,
    ShapSection,
)
from modelyard.images.processing.errors import ClientError

CAPTURE_TYPE = "application/sagemakercapturejson"
_DEFAULT_TOP = 10
_MAX_SHOWN = 80
#: Members in which case does not matter.
_CASELESS = (
    ("dataset_type",),
    ("methods", "shap", "agg_method"),
    ("predictor", "content_type"),
    ("predictor", "accept_type"),
)


def read(path: Path, *, monitors: bool) -> AnalysisConfig:
    """Read the configuration.

    Args:
        path: of the file.
        monitors: whether captured data is analysed: then `dataset_type` and `methods` may be
            missing, as the SDK's monitors leave them out.

    Raises:
        ClientError: with all that is wrong.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ClientError(f"There is no {path.name} in {path.parent}") from None
    except ValueError as error:
        raise ClientError(f"{path.name} is not JSON: {error}") from error
    return parse(document, monitors=monitors)


def parse(document: Any, *, monitors: bool = False) -> AnalysisConfig:
    """Return the configuration that a document means.

    Raises:
        ClientError: with all that is wrong.
    """
    if not isinstance(document, dict):
        raise ClientError("analysis_config.json must hold a JSON object")
    document = _lowered(document)
    if monitors:
        document.setdefault("dataset_type", CAPTURE_TYPE)
        document.setdefault("methods", _implied(document))
    problems = [_sentence(error) for error in _validator().iter_errors(document)]
    problems += [
        f"{name} is missing: it is required"
        for name in ("dataset_type", "methods")
        if name not in document
    ]
    if not problems:
        problems = rules.problems_of(document, monitors=monitors)
    if problems:
        raise ClientError("analysis_config.json: " + "; ".join(problems))
    return _config(document)


def _implied(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a monitor is asked that has only facets."""
    if "facet" not in document:
        return {}
    return {stage.value: {"methods": "all"} for stage in Stage}


@cache
def _validator() -> Draft7Validator:
    text = resources.files(__package__).joinpath("schema.json").read_text(encoding="utf-8")
    return Draft7Validator(json.loads(text))


def _lowered(document: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for *way, last in _CASELESS:
        holder: Any = copy
        for step in way:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(holder.get(last), str):
            holder[last] = holder[last].lower()
    return copy


def _sentence(error: ValidationError) -> str:
    place = ".".join(str(step) for step in error.absolute_path) or "the configuration"
    rule = error.validator_value
    shown = json.dumps(error.instance, ensure_ascii=False)[:_MAX_SHOWN]
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = ", ".join(sorted(set(error.instance) - set(known)))
            return f"{place} has {unknown}, which nobody reads: known are {', '.join(known)}"
        case "required":
            missing = ", ".join(name for name in rule if name not in error.instance)
            return f"{place}: {missing} is missing"
        case "enum":
            return f"{place} is {shown}: it must be one of {', '.join(map(str, rule))}"
        case "type":
            kinds = [rule] if isinstance(rule, str) else rule
            return f"{place} is {shown}: it must be of type {' or '.join(kinds)}"
        case _:
            return f"{place}: {error.message[:200]}"


def _config(document: Mapping[str, Any]) -> AnalysisConfig:
    methods = document["methods"]
    report = methods.get("report")
    return AnalysisConfig(
        dataset_type=document["dataset_type"],
        headers=document.get("headers"),
        label=document.get("label"),
        predicted_label=document.get("predicted_label"),
        features=document.get("features"),
        label_values=document.get("label_values_or_threshold", ()),
        probability_threshold=document.get("probability_threshold"),
        facets=[
            FacetSection(place=facet["name_or_index"], values=facet.get("value_or_threshold", ()))
            for facet in document.get("facet", ())
        ],
        group=document.get("group_variable"),
        excluded=document.get("excluded_columns", ()),
        join_source=document.get("joinsource_name_or_index"),
        bias={
            stage: _selected(stage, methods[stage.value]["methods"])
            for stage in Stage
            if stage.value in methods
        },
        shap=_shap(methods.get("shap")),
        pdp=_pdp(methods.get("pdp")),
        predictor=_predictor(document.get("predictor")),
        report_name=report and report["name"],
        report_title=(report or {}).get("title", "Analysis Report"),
    )


def _selected(stage: Stage, methods: Any) -> list[str]:
    names = [metric.name for metric in METRICS[stage]]
    wanted = [methods] if isinstance(methods, str) else methods
    return names if "all" in wanted else [name for name in names if name in wanted]


def _shap(section: Mapping[str, Any] | None) -> ShapSection | None:
    if section is None:
        return None
    baseline = section.get("baseline")
    return ShapSection(
        baseline=[baseline] if isinstance(baseline, dict) else baseline,
        clusters=section.get("num_clusters"),
        budget=section.get("num_samples"),
        aggregation=section.get("agg_method", "mean_abs"),
        use_logit=section.get("use_logit", False),
        saves_local_values=section.get("save_local_shap_values", True),
        seed=section.get("seed", 0),
        features=section.get("features_to_explain"),
    )


def _pdp(section: Mapping[str, Any] | None) -> PdpSection | None:
    if section is None:
        return None
    return PdpSection(
        resolution=section["grid_resolution"],
        features=section.get("features"),
        most=section.get("top_k_features", _DEFAULT_TOP),
    )


def _predictor(section: Mapping[str, Any] | None) -> PredictorSection | None:
    if section is None:
        return None
    return PredictorSection(
        model=section.get("model_name") or section.get("endpoint_name"),
        content_type=section.get("content_type"),
        accept=section.get("accept_type"),
        label=section.get("label"),
        probability=section.get("probability"),
        label_headers=section.get("label_headers", ()),
        content_template=section.get("content_template"),
        record_template=section.get("record_template"),
        custom_attributes=section.get("custom_attributes"),
    )
