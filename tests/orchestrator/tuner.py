"""A right request for a tuning pipeline."""

from __future__ import annotations

from typing import Any

TUNING = "mlops-pipeline-churn-tunertraining"


def tuner(**changes: Any) -> dict[str, Any]:
    """Return a request; `...` leaves an attribute out."""
    body = {
        "pipeline_type": "model_tuner_builtin",
        "model_name": "Churn",
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "training_data": "data/train.csv",
        "validation_data": "data/validation.csv",
        "job_output_location": "models",
        "algo_hyperparamaters": {"num_round": 10, "objective": "binary:logistic"},
        "tuner_configs": {
            "objective_metric_name": "validation:auc",
            "max_jobs": 10,
            "max_parallel_jobs": 2,
            "early_stopping_type": "Auto",
        },
        "hyperparamaters_ranges": {
            "min_child_weight": ["continuous", [0, 120]],
            "max_depth": ["integer", [1, 15]],
            "booster": ["categorical", ["gbtree", "dart"]],
        },
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}
