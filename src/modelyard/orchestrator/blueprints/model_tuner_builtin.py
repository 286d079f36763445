"""`model_tuner_builtin`: a tuning job with a built-in algorithm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelyard.compute.images import image_of
from modelyard.orchestrator.blueprints._base import (
    Attribute,
    PipelineType,
    Place,
    Problem,
    image_uri,
)
from modelyard.orchestrator.blueprints._training import (
    HYPERPARAMETERS,
    MANNER,
    WORK,
    add_data_problems,
    hyperparameters,
    job_name,
)
from modelyard.orchestrator.blueprints._tuner_configs import CONFIGS, RANGES, TunerConfigs
from modelyard.orchestrator.blueprints._tuner_ranges import parameter_ranges
from modelyard.tuning.checks import problems_of

_JOB_NAME_LIMIT = 32


class ModelTunerBuiltin(PipelineType):
    name = "model_tuner_builtin"
    postfix = "tunertraining"
    blueprint = "model_hyperparameter_tunning_pipeline.yaml"  # spelt as the API spells it
    named_by: Mapping[str, str] = {"TuningJob": "job_name"}
    attributes = (
        *WORK,
        Attribute(
            name=CONFIGS,
            required=True,
            is_document=True,
            meaning="What is tuned, and how much: arguments of the sagemaker SDK's "
            "HyperparameterTuner. objective_metric_name is required.",
        ),
        Attribute(
            name=RANGES,
            required=True,
            spellings=("hyperparameters_ranges",),
            is_document=True,
            meaning='What is tried, by hyperparameter: ["continuous", [0, 1]], ["integer", [1, 9]] '
            'or ["categorical", ["a", "b"]].',
        ),
        *MANNER,
    )

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        made = {
            "AssetsBucket": place.assets.bucket,
            "ExecutionRoleArn": place.execution_role_arn,
            **image_uri(values, place, problems),
        }
        if HYPERPARAMETERS in values:
            made["AlgoHyperparameters"] = hyperparameters(values[HYPERPARAMETERS], problems)
        configs = TunerConfigs.of(values[CONFIGS], problems) if CONFIGS in values else None
        ranges = parameter_ranges(values[RANGES], problems) if RANGES in values else None
        if configs is not None and ranges is not None:
            made["TuningJobConfig"] = json.dumps(configs.request(ranges))
            if configs.metric_definitions:
                made["MetricDefinitions"] = json.dumps(configs.metric_definitions)
        if "job_name" not in values and "model_name" in values:
            stem = configs.base_name if configs is not None else ""
            made["JobName"] = job_name(stem or f"{values['model_name']}-tuner", _JOB_NAME_LIMIT)
        return made

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        add_data_problems(values, place, problems)
        if {HYPERPARAMETERS, CONFIGS, RANGES, "model_framework"} <= {*values}:
            _add_tuning_problems(values, place, problems)


def _add_tuning_problems(values: Mapping[str, str], place: Place, problems: list[Problem]) -> None:
    """Add what the tuning job would be refused for: ranges, objective, limits."""
    unheard: list[Problem] = []
    configs = TunerConfigs.of(values[CONFIGS], unheard)
    ranges = parameter_ranges(values[RANGES], unheard)
    uri = image_uri(values, place, unheard).get("ImageUri")
    if unheard or configs is None or ranges is None or uri is None:
        return  # each was said already
    static = json.loads(hyperparameters(values[HYPERPARAMETERS], unheard))
    found = problems_of(
        _request(configs, ranges, uri, static),
        image_of=lambda image: image_of(image, "train"),
        training_problems=lambda _request: [],
    )
    problems += (Problem(attribute=_attribute_of(text, ranges), text=text) for text in found)


def _request(
    configs: TunerConfigs, ranges: Mapping[str, Any], uri: str, static: Mapping[str, str]
) -> dict[str, Any]:
    algorithm: dict[str, Any] = {"TrainingImage": uri, "TrainingInputMode": "File"}
    if configs.metric_definitions:
        algorithm["MetricDefinitions"] = configs.metric_definitions
    return {
        "HyperParameterTuningJobName": "checked",
        "HyperParameterTuningJobConfig": configs.request(ranges),
        "TrainingJobDefinition": {
            "AlgorithmSpecification": algorithm,
            "StaticHyperParameters": static,
        },
    }


def _attribute_of(text: str, ranges: Mapping[str, Any]) -> str:
    """Return the attribute that a sentence of the tuning job's is about."""
    names = [entry["Name"] for entries in ranges.values() for entry in entries]
    if text.startswith(tuple(f"{name}{mark}" for name in names for mark in (":", "=", " "))):
        return RANGES
    about_configs = ("objective", "Max", "Strategy", "grid", "TrainingJobEarlyStopping")
    return CONFIGS if any(word in text for word in about_configs) else HYPERPARAMETERS
