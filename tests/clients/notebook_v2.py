"""A notebook as it is written for SageMaker, with the sagemaker SDK v2, in that SDK's environment.

Nothing in it is ours: no session, bucket, role, endpoint or region is given.
"""

import json
from pathlib import Path

import sagemaker
from sagemaker import get_execution_role
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

session = sagemaker.Session()
role = get_execution_role()
bucket = session.default_bucket()
train = session.upload_data("train.csv", key_prefix="notebook-v2")

estimator = Estimator(
    sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
    role,
    instance_count=1,
    instance_type="ml.m5.large",
    base_job_name="notebook-v2",
    hyperparameters={"objective": "binary:logistic", "num_round": "5"},
)
estimator.fit({"train": TrainingInput(train, content_type="text/csv")}, logs=False)
back = session.read_s3_file(bucket, "notebook-v2/train.csv")
print()
print(
    json.dumps(
        {
            "role": role,
            "bucket": bucket,
            "train": train,
            "account": session.account_id(),
            "model": estimator.model_data,
            "whole": back == Path("train.csv").read_text(),
        }
    )
)
