"""Run in the SDK v2's environment: register a model, approve it, deploy it, ask it.

Arguments: the archive's S3 URI, the image, the role, the bucket, a CSV without labels, and the keys
of another account as JSON, which the group is shared with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
import sagemaker
from sagemaker import ModelPackage
from sagemaker.deserializers import CSVDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

archive, image, role, bucket, rows, foreign_keys = sys.argv[1:]
session = sagemaker.Session(boto3.Session(), default_bucket=bucket)
model = Model(image_uri=image, model_data=archive, role=role, sagemaker_session=session)
package = model.register(
    content_types=["text/csv"],
    response_types=["text/csv"],
    inference_instances=["ml.m5.large"],
    transform_instances=["ml.m5.large"],
    model_package_group_name="sdk-v2-group",
    approval_status="PendingManualApproval",
    customer_metadata_properties={"owner": "sdk"},
)
again = model.register(
    content_types=["text/csv"],
    response_types=["text/csv"],
    model_package_group_name="sdk-v2-group",
)
client = session.sagemaker_client
before = client.describe_model_package(ModelPackageName=package.model_package_arn)
deployable = ModelPackage(
    role=role, model_package_arn=package.model_package_arn, sagemaker_session=session
)
deployable.update_approval_status("Approved", approval_description="by the script")
deployable.update_customer_metadata({"deployed": "yes"})
deployable.deploy(
    initial_instance_count=1, instance_type="ml.m5.large", endpoint_name="sdk-v2-package"
)
predictor = Predictor(
    "sdk-v2-package",
    sagemaker_session=session,
    serializer=CSVSerializer(),
    deserializer=CSVDeserializer(),
)
answer = predictor.predict(Path(rows).read_text())
group = client.describe_model_package_group(ModelPackageGroupName="sdk-v2-group")
foreign = json.loads(foreign_keys)
statement = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{foreign.pop('account')}:root"},
    "Action": ["sagemaker:DescribeModelPackage"],
    "Resource": package.model_package_arn,
}
client.put_model_package_group_policy(
    ModelPackageGroupName="sdk-v2-group",
    ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
)
others = sagemaker.Session(boto3.Session(**foreign), default_bucket="none")
seen = others.sagemaker_client.describe_model_package(ModelPackageName=package.model_package_arn)
after = client.describe_model_package(ModelPackageName=package.model_package_arn)
predictor.delete_endpoint()
print()  # the SDK's progress ends without one
print(
    json.dumps(
        {
            "arns": [package.model_package_arn, again.model_package_arn],
            "group": group["ModelPackageGroupArn"],
            "seen": seen["ModelPackageArn"],
            "before": before["ModelApprovalStatus"],
            "after": after["ModelApprovalStatus"],
            "metadata": after["CustomerMetadataProperties"],
            "scores": [float(value) for row in answer for value in row],
        }
    )
)
