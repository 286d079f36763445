"""Configurations that the sagemaker SDK makes, run in its own environment; each checked by it."""

from __future__ import annotations

import json
from typing import Any

from sagemaker import clarify
from sagemaker.clarify import ANALYSIS_CONFIG_SCHEMA_V1_0
from sagemaker.clarify import _AnalysisConfigGenerator as Generator
from sagemaker.model_monitor.clarify_model_monitoring import (
    BiasAnalysisConfig,
    ExplainabilityAnalysisConfig,
)

HEADERS = ["label", "age", "sex"]


def data(**options: Any) -> clarify.DataConfig:
    return clarify.DataConfig(
        s3_data_input_path="s3://b/data",
        s3_output_path="s3://b/out",
        label="label",
        headers=HEADERS,
        **options,
    )


def model(**options: Any) -> clarify.ModelConfig:
    return clarify.ModelConfig(
        model_name="m", instance_count=1, instance_type="ml.m5.large", **options
    )


def bias(**options: Any) -> clarify.BiasConfig:
    return clarify.BiasConfig(label_values_or_threshold=[1], facet_name="sex", **options)


def main() -> None:
    shap = clarify.SHAPConfig(
        baseline=[[30, 1]], num_samples=50, agg_method="mean_sq", use_logit=True, seed=3
    )
    clusters = clarify.SHAPConfig(num_clusters=2, features_to_explain=["age"])
    curves = clarify.PDPConfig(features=["age"], grid_resolution=5)
    scores = clarify.ModelPredictedLabelConfig(
        probability=0, probability_threshold=0.7, label_headers=["yes"]
    )
    made = [
        Generator.bias(data(), bias(facet_values_or_threshold=[0]), model(), scores),
        Generator.bias_pre_training(data(), bias(group_name="age"), ["CI", "DPL"]),
        Generator.bias_post_training(
            data(predicted_label="age"), bias(), scores, "all", model(accept_type="text/csv")
        ),
        Generator.explainability(data(), model(), scores, shap),
        Generator.explainability(data(excluded_columns=["sex"]), model(), None, [clusters, curves]),
        Generator.bias_and_explainability(
            data(joinsource="age", dataset_type="application/x-parquet"),
            model(
                content_type="application/json",
                content_template='{"instances": $records}',
                record_template="$features",
            ),
            scores,
            [shap, curves],
            bias(),
        ),
    ]
    for config in made:
        ANALYSIS_CONFIG_SCHEMA_V1_0.validate(config)
    monitored = [
        BiasAnalysisConfig(bias(), headers=HEADERS, label="label")._to_dict(),
        ExplainabilityAnalysisConfig(shap, model(), headers=HEADERS[1:])._to_dict(),
    ]
    print(json.dumps({"jobs": made, "monitors": monitored}))


if __name__ == "__main__":
    main()
