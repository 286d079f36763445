"""A notebook as it is written for SageMaker, with the sagemaker SDK v3, in that SDK's environment.

Nothing in it is ours: no session, bucket, role, endpoint or region is given.
"""

import json
from pathlib import Path

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    Channel,
    ContainerDefinition,
    DataSource,
    OutputDataConfig,
    ProductionVariant,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

# The SDK's own way to train: it finds session, role and bucket by itself, and uploads the file.
trainer = ModelTrainer(
    training_image=image_uris.retrieve("xgboost", "us-east-1", "1.7-1"),
    base_job_name="trainer-v3",
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
    hyperparameters={"objective": "binary:logistic", "num_round": "5"},
)
trainer.train(
    input_data_config=[
        InputData(channel_name="train", data_source="train.csv", content_type="text/csv")
    ]
)
(trained,) = TrainingJob.get_all(name_contains="trainer-v3")
trained.refresh()

# The resources below it.
session = Session()
role = get_execution_role()
bucket = session.default_bucket()
train = session.upload_data("train.csv", key_prefix="notebook-v3")
image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")

job = TrainingJob.create(
    training_job_name="notebook-v3",
    role_arn=role,
    algorithm_specification=AlgorithmSpecification(
        training_image=image, training_input_mode="File"
    ),
    hyper_parameters={"objective": "binary:logistic", "eval_metric": "auc", "num_round": "30"},
    input_data_config=[
        Channel(
            channel_name="train",
            content_type="text/csv",
            data_source=DataSource(
                s3_data_source=S3DataSource(
                    s3_data_type="S3Prefix",
                    s3_uri=train,
                    s3_data_distribution_type="FullyReplicated",
                )
            ),
        )
    ],
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/notebook-v3/out"),
    resource_config=ResourceConfig(
        instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5
    ),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
)
job.wait()
job.refresh()

model = Model.create(
    model_name="notebook-v3",
    execution_role_arn=role,
    primary_container=ContainerDefinition(
        image=image, model_data_url=job.model_artifacts.s3_model_artifacts
    ),
)
config = EndpointConfig.create(
    endpoint_config_name="notebook-v3",
    production_variants=[
        ProductionVariant(
            variant_name="AllTraffic",
            model_name=model.model_name,
            initial_instance_count=1,
            instance_type="ml.m5.large",
        )
    ],
)
endpoint = Endpoint.create(endpoint_name="notebook-v3", endpoint_config_name=config)
endpoint.wait_for_status("InService")
answer = endpoint.invoke(body=Path("test.csv").read_text(), content_type="text/csv")
scores = answer.body.read().decode().replace(",", " ").split()
listed = [found.training_job_name for found in TrainingJob.get_all(name_contains="notebook-v3")]
endpoint.delete()
endpoint.wait_for_delete()
config.delete()
model.delete()
print()
print(
    json.dumps(
        {
            "role": role,
            "bucket": bucket,
            "train": train,
            "account": session.account_id(),
            "status": job.training_job_status,
            "metrics": {one.metric_name: one.value for one in job.final_metric_data_list},
            "scores": [float(score) for score in scores],
            "listed": listed,
            "trainer": [trained.training_job_status, trained.role_arn],
        }
    )
)
