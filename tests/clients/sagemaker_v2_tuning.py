"""Run in the SDK v2's environment: tune, look at the trials, take the best, start from it.

    python sagemaker_v2_tuning.py TRAIN_CSV VALIDATION_CSV

Prints one line of JSON at its end.
"""

from __future__ import annotations

import json
import os
import sys

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"


def main(train: str, validation: str) -> None:
    """Upload, tune, look."""
    session = sagemaker.Session(default_bucket=os.environ["MODELYARD_ASSETS_BUCKET"])
    inputs = {
        name: TrainingInput(
            session.upload_data(path, key_prefix=f"tuner/{name}"), content_type="csv"
        )
        for name, path in {"train": train, "validation": validation}.items()
    }
    estimator = Estimator(
        image_uri=sagemaker.image_uris.retrieve("xgboost", "us-east-1", "1.7-1"),
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        hyperparameters={"objective": "binary:logistic", "num_round": 4, "nthread": 1},
    )
    tuner = HyperparameterTuner(
        estimator,
        objective_metric_name="validation:auc",
        hyperparameter_ranges={
            "eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
            "max_depth": IntegerParameter(1, 6),
        },
        max_jobs=3,
        max_parallel_jobs=2,
        base_tuning_job_name="sdk",
        random_seed=1,
        tags=[{"Key": "team", "Value": "blue"}],
    )
    tuner.fit(inputs, wait=False)
    tuner.wait()
    frame = tuner.analytics().dataframe()
    best = tuner.best_estimator()
    again = tuner.identical_dataset_and_algorithm_tuner()
    again.max_jobs, again.max_parallel_jobs = 1, 1
    again.fit(inputs, wait=False)
    again.wait()
    attached = HyperparameterTuner.attach(tuner.latest_tuning_job.name, sagemaker_session=session)
    print(
        json.dumps(
            {
                "columns": sorted(frame.columns),
                "names": list(frame["TrainingJobName"]),
                "values": list(frame["FinalObjectiveValue"]),
                "best": tuner.best_training_job(),
                "model_data": best.model_data,
                "best_hyperparameters": best.hyperparameters(),
                "ranges": tuner.analytics().tuning_ranges,
                "status": tuner.describe()["HyperParameterTuningJobStatus"],
                "overall": again.describe()["OverallBestTrainingJob"]["TrainingJobName"],
                "attached": attached.best_training_job(),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
