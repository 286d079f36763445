from __future__ import annotations

import pytest

from modelyard.containers.sharing import DeliveredImages
from modelyard.identity.iam_documents import evaluate, parse

OWNER, STAGE, OTHER = "123456789012", "222222222222", "999999999999"
REPOSITORY = f"arn:aws:ecr:us-east-1:{OWNER}:repository/toys/mean"


def allows(account: str, action: str) -> bool:
    (document,) = DeliveredImages(OWNER, [STAGE]).documents(REPOSITORY)
    said = evaluate(
        parse(document),
        principal_arn=f"arn:aws:sts::{account}:assumed-role/pipeline-role/delivery",
        principal_account=account,
        action=action,
        resource=REPOSITORY,
        condition_values={},
        role_arn=f"arn:aws:iam::{account}:role/pipeline-role",
    )
    return said == "Allow"


def test_an_account_that_is_delivered_to_may_run_the_images_and_no_more() -> None:
    assert allows(STAGE, "ecr:BatchGetImage")
    assert not allows(STAGE, "ecr:PutImage")
    assert not allows(OTHER, "ecr:BatchGetImage")


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:ecr:us-east-1:{STAGE}:repository/toys/mean",
        f"arn:aws:sagemaker:us-east-1:{OWNER}:model/repository/x",
        f"arn:aws:ecr:us-east-1:{OWNER}:repository/",
    ],
)
def test_nothing_is_said_of_anything_else(arn: str) -> None:
    assert DeliveredImages(OWNER, [STAGE]).documents(arn) == []
