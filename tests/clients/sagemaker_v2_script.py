"""What a data scientist writes with the sagemaker SDK v2. Run in that SDK's own environment.

It knows the server only by the exported variables. It prints one JSON line for the test to read.
"""

import json
import os
import sys
from pathlib import Path

import boto3
import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

bucket = os.environ["MODELYARD_ASSETS_BUCKET"]
train_file, test_file = sys.argv[1:3]

session = sagemaker.Session(default_bucket=bucket)
train_uri = session.upload_data(train_file, key_prefix="sdk/train")
estimator = Estimator(
    sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
    role="arn:aws:iam::123456789012:role/modelyard-execution",
    instance_count=1,
    instance_type="ml.m5.large",
    sagemaker_session=session,
    base_job_name="sdk-v2",
    hyperparameters={"objective": "binary:logistic", "eval_metric": "auc", "num_round": "30"},
)
estimator.fit({"train": TrainingInput(train_uri, content_type="text/csv")}, logs=True)

predictor = estimator.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    endpoint_name="sdk-v2",
    serializer=CSVSerializer(),
    deserializer=CSVDeserializer(),
)
answer = predictor.predict(Path(test_file).read_text())
scores = [float(value) for row in answer for value in row]

attached = Estimator.attach(estimator.latest_training_job.name, sagemaker_session=session)
again = attached.model_data == estimator.model_data
predictor.delete_model()
predictor.delete_endpoint()
left = boto3.client("sagemaker").list_endpoints(NameContains="sdk-v2")["Endpoints"]
print()
print(
    json.dumps(
        {
            "model_data": estimator.model_data,
            "scores": scores,
            "attached": again,
            "left": [endpoint["EndpointStatus"] for endpoint in left],
        }
    )
)
