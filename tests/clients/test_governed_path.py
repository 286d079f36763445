"""One version's way through the accounts, by people who may each do their part and no more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import channel
from tests.clients.people import DEV, STAGING, As, person
from tests.clients.people import ORCHESTRATOR as HUB
from tests.data import auc, breast_cancer
from tests.live import XGBOOST, LiveServer

GROUP = f"arn:aws:sagemaker:us-east-1:{HUB}:model-package-group/churn"
WAIT_SECONDS = 90


def until(reached: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = reached()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {WAIT_SECONDS} s")


def execution_role(account: str) -> str:
    return f"arn:aws:iam::{account}:role/modelyard-execution"


def share(server: LiveServer) -> None:
    """Make the hub's group: dev may register in it, staging may deploy what is in it."""
    sagemaker = server.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    versions = f"arn:aws:sagemaker:us-east-1:{HUB}:model-package/churn/*"
    looking = ["DescribeModelPackageGroup", "DescribeModelPackage", "ListModelPackages"]
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": [f"sagemaker:{name}" for name in [*looking, *more]],
            "Resource": [GROUP, versions],
        }
        for account, more in ((DEV, ["CreateModelPackage"]), (STAGING, ["CreateModel"]))
    ]
    sagemaker.put_model_package_group_policy(
        ModelPackageGroupName="churn",
        ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )


def train(scientist: As) -> str:
    """Train in dev on real data; return where the model is."""
    bucket = f"modelyard-assets-{DEV}"
    data = breast_cancer().train_csv
    scientist.client("s3").put_object(Bucket=bucket, Key="train/train.csv", Body=data)
    sagemaker = scientist.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="churn",
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        RoleArn=execution_role(DEV),
        HyperParameters={"objective": "binary:logistic", "num_round": "20"},
        InputDataConfig=[channel(f"s3://{bucket}/train/train.csv")],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )

    def ended() -> Any:
        job = sagemaker.describe_training_job(TrainingJobName="churn")
        return job if job["TrainingJobStatus"] != "InProgress" else None

    job = until(ended)
    assert job["TrainingJobStatus"] == "Completed", job
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


def register(scientist: As, model: str) -> str:
    """Register the model in the hub's group; return the version's ARN."""
    answer = scientist.client("sagemaker").create_model_package(
        ModelPackageGroupName=GROUP,
        InferenceSpecification={
            "Containers": [{"Image": XGBOOST, "ModelDataUrl": model}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="PendingManualApproval",
    )
    return str(answer["ModelPackageArn"])


def deploy(engineer: As, version: str) -> None:
    """Deploy a version of the hub in staging."""
    sagemaker = engineer.client("sagemaker")
    sagemaker.create_model(
        ModelName="churn",
        ExecutionRoleArn=execution_role(STAGING),
        Containers=[{"ModelPackageName": version}],
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "churn",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName="churn", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="churn", EndpointConfigName="churn")

    def settled() -> Any:
        endpoint = sagemaker.describe_endpoint(EndpointName="churn")
        return endpoint if endpoint["EndpointStatus"] != "Creating" else None

    endpoint = until(settled)
    assert endpoint["EndpointStatus"] == "InService", endpoint


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(caught.value.response["Error"]["Message"])


@pytest.mark.slow
def test_a_version_goes_from_dev_by_way_of_the_hub_to_staging(hub: LiveServer) -> None:
    dana = person(hub, "dana", DEV, "data-scientist")
    gwen = person(hub, "gwen", HUB, "governance-officer")
    ed = person(hub, "ed", STAGING, "ai-engineer")
    share(hub)
    events = hub.client("events")
    events.put_rule(
        Name="approved",
        EventPattern=json.dumps(
            {
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Model Package State Change"],
                "detail": {"ModelApprovalStatus": ["Approved"]},
            }
        ),
    )
    topic = f"arn:aws:sns:us-east-1:{HUB}:inbox"
    put = events.put_targets(Rule="approved", Targets=[{"Id": "inbox", "Arn": topic}])
    assert put["FailedEntryCount"] == 0, put

    version = register(dana, train(dana))
    assert version == f"arn:aws:sagemaker:us-east-1:{HUB}:model-package/churn/1"

    def approve(who: As) -> Any:
        return who.client("sagemaker").update_model_package(
            ModelPackageArn=version,
            ModelApprovalStatus="Approved",
            ApprovalDescription="holds on the held-out rows",
        )

    # Neither the one who made it decides on it, nor the one who would like to have it.
    for nobody in (dana, ed):
        said = refusal(partial(approve, nobody))
        assert "sagemaker:UpdateModelPackage" in said
        assert version in said
    with pytest.raises(ClientError, match="Approved"):
        deploy(ed, version)
    approve(gwen)
    described = ed.client("sagemaker").describe_model_package(ModelPackageName=version)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "holds on the held-out rows"
    deploy(ed, version)
    answer = ed.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="churn", ContentType="text/csv", Body=breast_cancer().test_csv
    )
    scores = [float(one) for one in answer["Body"].read().decode().replace(",", "\n").split()]
    assert auc(breast_cancer().y_test, scores) > 0.98

    # What was decided was told, and all of it is on record.
    sentence = "Version 1 of the model package group churn is: Completed, Approved."
    until(lambda: sentence in hub.cli("inbox").stdout)
    records = [
        json.loads(line)
        for line in hub.cli(
            "audit", "--json", "--action", "sagemaker:UpdateModelPackage"
        ).stdout.splitlines()
    ]
    decisions = {(record["Person"].rpartition("/")[2], record["Allowed"]) for record in records}
    assert decisions == {("dana", False), ("ed", False), ("gwen", True)}
    assert hub.cli("audit", "verify").returncode == 0
