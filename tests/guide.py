"""The request bodies of the orchestrator's guide, section "API operations": its keys, its forms.

Values stand where the guide has placeholders. What the guide itself gets wrong is kept: its other
spellings of two keys, monitors of several accounts without a model's name, `training_data` for a
baseline, and half an hour's work that is given 3,300 seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
HOUR = "<yyyy>/<mm>/<dd>/<hh>"
#: Of each stage, as the guide's examples have them.
INSTANCES = {"dev": "ml.t3.2xlarge", "staging": "ml.m5.large", "prod": "ml.m5.4xlarge"}
VOLUMES = {"dev": "20", "staging": "20", "prod": "100"}


@dataclass(frozen=True, kw_only=True)
class Filling:
    """What stands in for the guide's placeholders."""

    #: By stage, the bucket that is written to; one text where there is one account.
    bucket: str | Mapping[str, str]
    endpoint: str | Mapping[str, str] = "guided"
    model: str = "guided"
    artifact: str = "models/model.tar.gz"
    package: str = "arn:aws:sagemaker:us-east-1:123456789012:model-package/guided/1"
    image: str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/guided:1"
    image_archive: str = "images/guided.zip"
    repository: str = "guided"
    tag: str = "1"
    train: str = "data/train.csv"
    validation: str = "data/validation.csv"
    table: str = "data/with_header.csv"  # with a header, the label first
    answered: str = "data/answered.csv"  # prediction, probability, label
    rows: str = "data/rows.csv"
    shap_rows: str = "data/shap.csv"
    target: str = "label"
    output: str = "trained"
    hyperparameters: Any = None
    tuner_configs: Any = None
    ranges: Any = None
    label_value: Any = "1"
    facet: str = "facet"
    facet_value: Any = "1"
    samples: Any = "20"

    def at(self, rest: str) -> Any:
        """Return `<bucket>/<rest>`, by stage where there are several."""
        return self._each(self.bucket, lambda bucket: f"{bucket}/{rest}")

    def custom_endpoint(self) -> Any:
        """Return the name of the endpoint of an image of one's own."""
        return self._each(self.endpoint, lambda name: f"{name}-custom")

    @property
    def staged(self) -> bool:
        """Whether there are several accounts."""
        return not isinstance(self.bucket, str)

    @staticmethod
    def _each(value: str | Mapping[str, str], make: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return make(value)
        return {stage: make(one) for stage, one in value.items()}


def bodies(fill: Filling) -> dict[str, Body]:
    """Return every body of the guide, by what it is about; without the model registry."""
    made = {**training(fill), **models(fill), **monitors(fill)}
    return made | {"image builder": image_builder(fill)}


def training(fill: Filling) -> dict[str, Body]:
    """Return the bodies that train."""
    learner = {
        "model_framework": "xgboost",
        "model_framework_version": "1",
        "job_output_location": fill.output,
        "training_data": fill.train,
        "validation_data": fill.validation,
        "algo_hyperparameters": fill.hyperparameters
        or {"eval_metric": "auc", "objective": "binary:logistic", "num_round": 400, "eta": 0.3},
    }
    tuner = {
        "tuner_configs": fill.tuner_configs
        or {"early_stopping_type": "Auto", "objective_metric_name": "validation:auc",
            "max_jobs": 10, "max_parallel_jobs": 2},
        "hyperparameters_ranges": fill.ranges
        or {"min_child_weight": ["continuous", [0, 120]], "max_depth": ["integer", [1, 15]]},
    }  # fmt: skip
    return {
        "training": {
            "pipeline_type": "model_training_builtin", "model_name": fill.model, **learner,
        },
        "tuner": {
            "pipeline_type": "model_tuner_builtin", "model_name": fill.model, **learner, **tuner,
        },
        "autopilot": {
            "pipeline_type": "model_autopilot_training",
            "model_name": fill.model,
            "job_output_location": fill.output,
            "training_data": fill.table,
            "target_attribute": fill.target,
        },
    }  # fmt: skip


def models(fill: Filling) -> dict[str, Body]:
    """Return the bodies that deploy a model."""
    custom = {"custom_image_uri": fill.image, "model_name": fill.model}
    builtin = {
        "model_framework": "xgboost", "model_framework_version": "1", "model_name": fill.model,
    }  # fmt: skip
    realtime = {
        "model_artifact_location": fill.artifact,
        "data_capture_location": fill.at("captured"),
        "inference_instance": INSTANCES if fill.staged else "ml.m5.large",
    }
    batch = {
        "model_artifact_location": fill.artifact,
        "inference_instance": INSTANCES if fill.staged else "ml.m5.large",
        "batch_inference_data": fill.at(fill.rows),
        "batch_job_output_location": fill.at("transformed"),
    }
    return {
        "realtime custom": {
            "pipeline_type": "byom_realtime_custom", **custom, **realtime,
            "endpoint_name": fill.custom_endpoint(),
        },
        "realtime builtin": {
            "pipeline_type": "byom_realtime_builtin", **builtin, **realtime,
            "endpoint_name": fill.endpoint,
        },
        "batch custom": {"pipeline_type": "byom_batch_custom", **custom, **batch},
        "batch builtin": {"pipeline_type": "byom_batch_builtin", **builtin, **batch},
    }  # fmt: skip


def image_builder(fill: Filling) -> Body:
    """Return the body that builds an image."""
    return {
        "pipeline_type": "byom_image_builder",
        "custom_algorithm_docker": fill.image_archive,
        "ecr_repo_name": fill.repository,
        "image_tag": fill.tag,
    }


#: What a model of the registry brings along, by what the model is of.
_OWN = {
    "custom": ("custom_image_uri", "model_artifact_location"),
    "builtin": ("model_framework", "model_framework_version", "model_artifact_location"),
}


def registered(body: Body, package: str) -> Body:
    """Return a body that deploys a model, with one of the registry in its place."""
    own: Sequence[str] = _OWN[str(body["pipeline_type"]).rpartition("_")[2]]
    kept = {key: value for key, value in body.items() if key not in own}
    return kept | {"model_package_name": package}


def monitors(fill: Filling) -> dict[str, Body]:
    """Return the bodies of the monitors."""
    return _staged_monitors(fill) if fill.staged else _monitors(fill)


def _shared(kind: str, fill: Filling, data: str, schedule: str, seconds: str) -> Body:
    body = {
        "pipeline_type": f"byom_{kind}_monitor",
        "model_name": fill.model,
        "endpoint_name": fill.endpoint,
        "baseline_data": data,
        "baseline_job_output_location": fill.at("baselines"),
        "data_capture_location": fill.at("captured"),
        "monitoring_output_location": fill.at("monitored"),
        "schedule_expression": schedule,
        "instance_type": INSTANCES if fill.staged else "ml.m5.large",
        "instance_volume_size": VOLUMES if fill.staged else "20",
        "baseline_max_runtime_seconds": "3300",
        "monitor_max_runtime_seconds": seconds,
    }
    if fill.staged:
        del body["model_name"]
    return body


def _monitors(fill: Filling) -> dict[str, Body]:
    def quality(**more: Any) -> Body:
        shared = _shared("model_quality", fill, fill.answered, "cron(0 0 ? * * *)", "1800")
        return {**shared, **more, "monitor_ground_truth_input": fill.at(f"labels/{HOUR}")}

    def bias(**more: Any) -> Body:
        shared = _shared("model_bias", fill, fill.table, "cron(0 0 ? * * *)", "1800")
        return {**shared, **more, "monitor_ground_truth_input": fill.at(f"labels/{HOUR}")}

    binary = {
        "probability_threshold_attribute": "0.5",
        "problem_type": "BinaryClassification",
        "monitor_probability_attribute": "0",
    }
    regression = {"problem_type": "Regression", "monitor_inference_attribute": "0"}
    answered = {
        "baseline_inference_attribute": "prediction",
        "baseline_ground_truth_attribute": "label",
    }
    explained = _shared("model_explainability", fill, fill.table, "cron(0 0 ? * * *)", "1800")
    return {
        "data quality": _shared("data_quality", fill, fill.table, "cron(0 * ? * * *)", "3300"),
        "model quality, two classes": quality(
            **answered, baseline_probability_attribute="probability", **binary
        ),
        "model quality": quality(**answered, **regression),
        "bias, two classes": bias(
            **binary, bias_config=_bias(fill), model_predicted_label_config={"probability": 0}
        ),
        "bias": bias(**regression, bias_config=_bias(fill)),
        "explainability": {**explained, **binary, "shap_config": _shap(fill)},
    }


def _staged_monitors(fill: Filling) -> dict[str, Body]:
    hourly, seconds = "cron(0 * ? * * *)", "3300"
    quality = _shared("data_quality", fill, fill.table, hourly, seconds)
    quality["training_data"] = quality.pop("baseline_data")
    regression = {"problem_type": "Regression", "monitor_inference_attribute": "0"}
    labels = fill.at(f"labels/{HOUR}")
    return {
        "data quality": quality,
        "model quality": {
            **_shared("model_quality", fill, fill.answered, hourly, seconds),
            "baseline_inference_attribute": "prediction",
            "baseline_ground_truth_attribute": "label",
            **regression,
            "monitor_ground_truth_input": labels,
        },
        "bias": {
            **_shared("model_bias", fill, fill.table, hourly, seconds),
            **regression,
            "bias_config": _bias(fill),
            "monitor_ground_truth_input": labels,
        },
        "explainability": {
            **_shared("model_explainability", fill, fill.table, hourly, seconds),
            **regression,
            "shap_config": _shap(fill),
        },
    }


def _bias(fill: Filling) -> Body:
    return {
        "label_values_or_threshold": fill.label_value,
        "facet_name": fill.facet,
        "facet_values_or_threshold": fill.facet_value,
    }


def _shap(fill: Filling) -> Body:
    return {"baseline": fill.shap_rows, "num_samples": fill.samples, "agg_method": "mean_abs"}


def as_text(body: Body) -> Body:
    """Return a body whose objects are JSON text, as the guide's placeholders in quotes read."""
    return {key: json.dumps(value) if key in _IN_QUOTES else value for key, value in body.items()}


_IN_QUOTES = ("algo_hyperparameters", "tuner_configs", "hyperparameters_ranges")
