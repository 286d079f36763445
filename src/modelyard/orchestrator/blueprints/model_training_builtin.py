"""`model_training_builtin`: a training job with a built-in algorithm."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.orchestrator.blueprints._base import PipelineType, Place, Problem, image_uri
from modelyard.orchestrator.blueprints._training import (
    HYPERPARAMETERS,
    MANNER,
    WORK,
    add_data_problems,
    hyperparameters,
    job_name,
)

_JOB_NAME_LIMIT = 63


class ModelTrainingBuiltin(PipelineType):
    name = "model_training_builtin"
    postfix = "modeltraining"
    blueprint = "model_training_pipeline.yaml"
    named_by: Mapping[str, str] = {"TrainingJob": "job_name"}
    attributes = (*WORK, *MANNER)

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        made = {
            "AssetsBucket": place.assets.bucket,
            "ExecutionRoleArn": place.execution_role_arn,
            **image_uri(values, place, problems),
        }
        if "job_name" not in values and "model_name" in values:
            made["JobName"] = job_name(f"{values['model_name']}-training", _JOB_NAME_LIMIT)
        if HYPERPARAMETERS in values:
            made["AlgoHyperparameters"] = hyperparameters(values[HYPERPARAMETERS], problems)
        return made

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        add_data_problems(values, place, problems)
