"""Templates that tests build, as plain data."""

from __future__ import annotations

from typing import Any

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def model(archive: Any = "one", **resource: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::SageMaker::Model",
        "Properties": {
            "ExecutionRoleArn": ROLE,
            "PrimaryContainer": {
                "Image": IMAGE,
                "ModelDataUrl": {"Fn::Sub": ["s3://assets/${a}.tar.gz", {"a": archive}]},
            },
        },
        **resource,
    }


def config(model_id: str = "Model", instance: Any = "ml.m5.large", **resource: Any) -> Any:
    return {
        "Type": "AWS::SageMaker::EndpointConfig",
        "Properties": {
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "ModelName": {"Fn::GetAtt": [model_id, "ModelName"]},
                    "InitialInstanceCount": "1",
                    "InitialVariantWeight": 1,
                    "InstanceType": instance,
                }
            ]
        },
        **resource,
    }


def endpoint(config_id: str = "Config", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::SageMaker::Endpoint",
        "Properties": {
            "EndpointConfigName": {"Fn::GetAtt": [config_id, "EndpointConfigName"]},
            **properties,
        },
    }


def api(endpoint_id: str = "Endpoint") -> dict[str, Any]:
    return {
        "Type": "Modelyard::Inference::Api",
        "Properties": {"EndpointName": {"Fn::GetAtt": [endpoint_id, "EndpointName"]}},
    }


def job(name: Any = None, rounds: Any = "10", **resource: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {"num_round": rounds},
        "OutputDataConfig": {"S3OutputPath": "s3://assets/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": "1",
            "VolumeSizeInGB": "20",
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": "600"},
    }
    if name is not None:
        properties["TrainingJobName"] = name
    return {"Type": "AWS::SageMaker::TrainingJob", "Properties": properties, **resource}


def serving(archive: Any = "one", instance: Any = "ml.m5.large", **endpoint_properties: Any) -> Any:
    """Return a template of a model, its configuration, its endpoint and its URL."""
    return {
        "Resources": {
            "Model": model(archive),
            "Config": config(instance=instance),
            "Endpoint": endpoint(**endpoint_properties),
            "Api": api(),
        },
        "Outputs": {
            "Url": {"Value": {"Fn::Sub": "${Api.Url}inference"}},
            "Model": {"Value": {"Ref": "Model"}},
        },
    }
