from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.store.s3_uris import S3Uri
from tests.api.s3.raw import request
from tests.api.s3.world import ACCOUNT, OTHER, REGION, World, client


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_bucket_is_created_found_and_deleted(s3: Any) -> None:
    s3.create_bucket(
        Bucket="a-new-bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    assert s3.get_bucket_location(Bucket="a-new-bucket")["LocationConstraint"] == REGION
    assert s3.head_bucket(Bucket="a-new-bucket")["BucketRegion"] == REGION
    created = {each["Name"]: each["CreationDate"] for each in s3.list_buckets()["Buckets"]}
    assert datetime.now(UTC) - created["a-new-bucket"] < timedelta(minutes=1)
    s3.delete_bucket(Bucket="a-new-bucket")
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket="a-new-bucket")
    assert code_of(caught) == "404"


def test_a_bucket_of_us_east_1_has_no_location(s3: Any, world: World) -> None:
    world.objects.create_bucket("made-in-process")
    assert s3.get_bucket_location(Bucket="made-in-process")["LocationConstraint"] is None
    assert s3.head_bucket(Bucket="made-in-process")["BucketRegion"] == "us-east-1"


def test_a_bucket_cannot_be_created_twice(s3: Any, bucket: str) -> None:
    with pytest.raises(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def test_a_bucket_with_objects_is_not_deleted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=bucket)
    assert code_of(caught) == "BucketNotEmpty"
    s3.delete_object(Bucket=bucket, Key="a/b")
    s3.delete_bucket(Bucket=bucket)


def test_accounts_have_buckets_of_the_same_name_apart(world: World, s3: Any) -> None:
    other = client(world, "AKIATWO")
    for each in (s3, other):
        each.create_bucket(
            Bucket="shared-name", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    s3.put_object(Bucket="shared-name", Key="k", Body=b"mine")
    with pytest.raises(other.exceptions.NoSuchKey):
        other.get_object(Bucket="shared-name", Key="k")
    assert [each["Name"] for each in other.list_buckets()["Buckets"]] == ["shared-name"]
    with pytest.raises(other.exceptions.ClientError, match="NoSuchKey"):
        other.copy_object(
            Bucket="shared-name", Key="c", CopySource={"Bucket": "shared-name", "Key": "k"}
        )


def test_a_bucket_of_another_account_is_not_there(world: World, bucket: str) -> None:
    other = client(world, "AKIATWO")
    with pytest.raises(ClientError) as caught:
        other.head_bucket(Bucket=bucket)
    assert code_of(caught) == "404"


def test_the_expected_owner_is_checked(s3: Any, bucket: str) -> None:
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=ACCOUNT)
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=OTHER)
    assert code_of(caught) == "403"
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", ExpectedBucketOwner=OTHER)
    assert code_of(caught) == "AccessDenied"


def test_buckets_are_listed_in_pages_and_by_prefix(world: World) -> None:
    other = client(world, "AKIATWO")
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        world.stores.of(OTHER).create_bucket(name)
    pages = other.get_paginator("list_buckets").paginate(
        Prefix="page-", PaginationConfig={"PageSize": 2}
    )
    found = [[each["Name"] for each in page["Buckets"]] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]]


@pytest.mark.parametrize("name", ["Upper", "under_score", "..", ".modelyard", "1.2.3.4"])
def test_a_bucket_with_such_a_name_is_refused(world: World, name: str) -> None:
    reply = request(world, "PUT", f"/{name}")
    assert (reply.status, reply.code) == (400, "InvalidBucketName")
    assert request(world, "GET", f"/{name}").code == "NoSuchBucket"
    assert request(world, "PUT", f"/{name}/k", body=b"1").code == "NoSuchBucket"


@pytest.mark.parametrize(
    "body",
    [
        b"no XML",
        b"<Wrong/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><CreateBucketConfiguration/>',
        '<?xml version="1.0" encoding="UTF-16"?><CreateBucketConfiguration/>'.encode("utf-16"),
    ],
)
def test_a_document_that_is_none_is_refused(world: World, body: bytes) -> None:
    assert request(world, "PUT", "/a-fine-name", body=body).code == "MalformedXML"
    assert not world.objects.has_bucket("a-fine-name")


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("PUT", "?policy", "PutBucketPolicy"),
        ("GET", "?acl", "GetBucketAcl"),
        ("PUT", "?versioning", "PutBucketVersioning"),
        ("GET", "?versions", "ListObjectVersions"),
        ("PUT", "/k?tagging", "PutObjectTagging"),
        ("PUT", "/k?acl", "PutObjectAcl"),
        ("POST", "/k?restore", "RestoreObject"),
        ("GET", "/k?attributes", "GetObjectAttributes"),
        ("POST", "", "PostObject"),
    ],
)
def test_an_operation_that_is_not_offered_is_named(
    world: World, bucket: str, method: str, path: str, operation: str
) -> None:
    reply = request(world, method, f"/{bucket}{path}", body=b"<x/>")
    assert (reply.status, reply.code) == (501, "NotImplemented")
    assert operation in reply.body.decode()
    assert list(world.objects.list(S3Uri(bucket, ""))) == []


def test_a_method_that_makes_no_sense_is_refused(world: World, bucket: str) -> None:
    assert request(world, "PATCH", f"/{bucket}/k").code == "MethodNotAllowed"
    assert request(world, "PUT", f"/{bucket}/k?uploads", body=b"1").code == "MethodNotAllowed"


def test_versioning_was_never_switched_on(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
