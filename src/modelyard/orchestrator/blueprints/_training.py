"""What the training and the tuning blueprint have in common: attributes, and rules over several."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from modelyard.orchestrator.blueprints._base import (
    KMS_KEY_ARN,
    Attribute,
    Place,
    Problem,
    add_problems,
    without_slash,
)
from modelyard.orchestrator.names import shortened

_SUFFIX = 4  # hexadecimal digits
#: Attributes that must be right for their comparison, and their defaults in seconds.
_TIMES = {"max_runtime_per_job": "86400", "max_wait_time_spot_instances": "172800"}
HYPERPARAMETERS = "algo_hyperparamaters"  # spelt as the API spells it

#: What is trained, on what.
WORK = (
    Attribute(name="model_name", parameter="ModelName", required=True, prepare=str.strip),
    Attribute(name="training_data", parameter="TrainingData", required=True, prepare=without_slash),
    Attribute(
        name="job_output_location",
        parameter="JobOutputLocation",
        required=True,
        prepare=without_slash,
    ),
    Attribute(
        name="model_framework",
        required=True,
        prepare=str.strip,
        meaning="The built-in algorithm, such as xgboost.",
    ),
    Attribute(
        name="model_framework_version",
        required=True,
        prepare=str.strip,
        meaning="Its version, such as 1.7-1.",
    ),
    Attribute(
        name=HYPERPARAMETERS,
        required=True,
        spellings=("algo_hyperparameters",),
        is_document=True,
        meaning="The algorithm's hyperparameters, by name.",
    ),
)
#: How it is trained.
MANNER = (
    Attribute(name="job_name", parameter="JobName", prepare=str.strip),
    Attribute(name="instance_type", parameter="InstanceType", per_stage=True),
    Attribute(name="instance_count", parameter="InstanceCount"),
    Attribute(name="instance_volume_size", parameter="InstanceVolumeSize", per_stage=True),
    Attribute(name="validation_data", parameter="ValidationData", prepare=without_slash),
    Attribute(name="encrypt_inner_traffic", parameter="EncryptInnerTraffic"),
    Attribute(name="max_runtime_per_job", parameter="MaxRuntimePerJob"),
    Attribute(name="use_spot_instances", parameter="UseSpotInstances"),
    Attribute(
        name="max_wait_time_spot_instances",
        parameter="MaxWaitTimeForSpotInstances",
        spellings=("Max_wait_time_spot_instances",),
    ),
    Attribute(name="content_type", parameter="ContentType"),
    Attribute(name="s3_data_type", parameter="S3DataType"),
    Attribute(name="data_distribution", parameter="DataDistribution"),
    Attribute(name="compression_type", parameter="CompressionType"),
    Attribute(name="data_input_mode", parameter="DataInputMode"),
    Attribute(name="data_record_wrapping", parameter="DataRecordWrapping"),
    Attribute(name="attribute_names", parameter="AttributeNames", is_document=True),
    KMS_KEY_ARN,
)


def job_name(stem: str, limit: int) -> str:
    """Return a new name of at most `limit` characters."""
    return f"{shortened(stem, limit - 1 - _SUFFIX)}-{secrets.token_hex(_SUFFIX // 2)}"


def add_data_problems(values: Mapping[str, str], place: Place, problems: list[Problem]) -> None:
    """Add what is wrong with times that do not go together, and with data that is not there."""
    _check_times(values, problems)
    kind = values.get("s3_data_type", "S3Prefix")
    if values.get("attribute_names") and kind != "AugmentedManifestFile":
        text = "is for s3_data_type AugmentedManifestFile only: leave it out"
        problems.append(Problem(attribute="attribute_names", text=text))
    data = place.assets.prefix_problem if kind == "S3Prefix" else place.assets.object_problem
    checks = {
        "training_data": data,
        "validation_data": data,
        "job_output_location": place.assets.place_problem,
    }
    add_problems(values, checks, problems)


def hyperparameters(text: str, problems: list[Problem]) -> str:
    """Return hyperparameters with their values as text, which is what jobs take."""
    given: Any = json.loads(text) if text else None
    if not isinstance(given, dict) or not given:
        problems.append(
            Problem(
                attribute=HYPERPARAMETERS,
                text='must be a JSON object that is not empty, such as {"num_round": 100}',
            )
        )
        return "{}"
    nulls = [name for name, value in given.items() if value is None]
    if nulls:
        text = f"{', '.join(nulls)} is null: leave it out, or give it a value"
        problems.append(Problem(attribute=HYPERPARAMETERS, text=text))
    return json.dumps({name: _value(value) for name, value in given.items()})


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_times(values: Mapping[str, str], problems: list[Problem]) -> None:
    wrong = {problem.attribute for problem in problems}
    if values.get("use_spot_instances", "True") != "True" or wrong & {*_TIMES}:
        return
    runtime, wait = (int(values.get(name, default)) for name, default in _TIMES.items())
    if wait <= runtime:
        text = (
            f"{wait} must be greater than max_runtime_per_job ({runtime}): give more, or set "
            'use_spot_instances to "False"'
        )
        problems.append(Problem(attribute="max_wait_time_spot_instances", text=text))
