"""Tags of any resource, by ARN, of the caller's own account and region only."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ValidationError
from modelyard.store.database import Database
from modelyard.store.resources import Scope, Store
from modelyard.tagging.operations import TaggingOperations

ACCOUNT = "123456789012"
ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/m"
CONTEXT = Context(
    account=ACCOUNT,
    region="us-east-1",
    principal=Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x"),
    request_id="r",
    source="in-process",
)


@pytest.fixture
def operations(tmp_path: Path) -> TaggingOperations:
    database = Database(f"sqlite:///{tmp_path}/db")
    database.migrate()
    store = Store(database)
    with store.write() as transaction:
        scope = Scope(account=ACCOUNT, region="us-east-1")
        transaction.create(scope, "model", "m", arn=ARN, spec={}, status="Created", tags={"a": "1"})
    return TaggingOperations(store)


def tags(**pairs: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def listed(operations: TaggingOperations) -> list[dict[str, str]]:
    found: list[dict[str, str]] = operations.list_tags(CONTEXT, {"ResourceArn": ARN})["Tags"]
    return found


def test_tags_are_added_replaced_and_deleted(operations: TaggingOperations) -> None:
    request = {"ResourceArn": ARN, "Tags": tags(a="2", b="")}
    assert operations.add_tags(CONTEXT, request) == {"Tags": tags(a="2", b="")}
    assert listed(operations) == tags(a="2", b="")
    operations.delete_tags(CONTEXT, {"ResourceArn": ARN, "TagKeys": ["a", "nothing"]})
    assert listed(operations) == tags(b="")


def test_a_resource_without_tags_has_an_empty_list(operations: TaggingOperations) -> None:
    operations.delete_tags(CONTEXT, {"ResourceArn": ARN, "TagKeys": ["a"]})
    assert operations.list_tags(CONTEXT, {"ResourceArn": ARN}) == {"Tags": []}
    assert operations.add_tags(CONTEXT, {"ResourceArn": ARN, "Tags": []}) == {"Tags": []}


def test_tags_come_in_pages(operations: TaggingOperations) -> None:
    operations.add_tags(CONTEXT, {"ResourceArn": ARN, "Tags": tags(b="2", c="3")})
    first = operations.list_tags(CONTEXT, {"ResourceArn": ARN, "MaxResults": 2})
    rest = operations.list_tags(CONTEXT, {"ResourceArn": ARN, "NextToken": first["NextToken"]})
    assert first["Tags"] + rest["Tags"] == tags(a="1", b="2", c="3")
    assert "NextToken" not in rest


@pytest.mark.parametrize("token", ["é", "%", "_w=="])
def test_a_token_that_was_not_given_is_refused(operations: TaggingOperations, token: str) -> None:
    with pytest.raises(ValidationError, match="NextToken"):
        operations.list_tags(CONTEXT, {"ResourceArn": ARN, "NextToken": token})


@pytest.mark.parametrize(
    ("arn", "account"),
    [
        (ARN, "999999999999"),
        (ARN.replace(ACCOUNT, "999999999999"), ACCOUNT),
        (ARN.replace("us-east-1", "eu-west-1"), ACCOUNT),
        (ARN + "x", ACCOUNT),
        ("no arn", ACCOUNT),
    ],
)
def test_what_is_not_the_callers_is_not_there(
    operations: TaggingOperations, arn: str, account: str
) -> None:
    context = dataclasses.replace(CONTEXT, account=account)
    for call, request in (
        (operations.add_tags, {"Tags": tags(x="y")}),
        (operations.list_tags, {}),
        (operations.delete_tags, {"TagKeys": ["a"]}),
    ):
        with pytest.raises(ValidationError, match=r"Could not find|not an ARN"):
            call(context, {"ResourceArn": arn, **request})
    assert listed(operations) == tags(a="1")


def test_too_many_reserved_or_doubled_tags_are_refused(operations: TaggingOperations) -> None:
    many = tags(**{f"k{number}": "v" for number in range(50)})
    for wrong, says in (
        (many, "at most 50 tags"),
        (tags(**{"AWS:x": "y"}), "reserved"),
        (tags(x="1") + tags(x="2"), "twice"),
    ):
        with pytest.raises(ValidationError, match=says):
            operations.add_tags(CONTEXT, {"ResourceArn": ARN, "Tags": wrong})
    assert listed(operations) == tags(a="1")
