from __future__ import annotations

import os
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from modelyard.store.s3_uris import S3Uri
from tests.api.s3.raw import request
from tests.api.s3.world import OTHER, World

MIB = 2**20


@pytest.fixture
def source(s3: Any, bucket: str) -> dict[str, str]:
    """An object to be copied."""
    s3.put_object(
        Bucket=bucket, Key="a b/ü+%.csv", Body=b"1,2", ContentType="text/csv", Metadata={"a": "b"}
    )
    return {"Bucket": bucket, "Key": "a b/ü+%.csv"}


def test_a_copy_has_the_bytes_and_the_headers_of_its_source(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    answer = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert answer["CopyObjectResult"]["ETag"] == got["ETag"] == s3.head_object(**source)["ETag"]
    assert got["Body"].read() == b"1,2"
    assert (got["ContentType"], got["Metadata"]) == ("text/csv", {"a": "b"})


def test_a_copy_may_have_headers_of_its_own(s3: Any, source: dict[str, str]) -> None:
    s3.copy_object(
        **source,
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"c": "d"},
        ContentType="text/x",
    )
    got = s3.get_object(**source)
    assert got["Body"].read() == b"1,2"
    assert (got["ContentType"], got["Metadata"]) == ("text/x", {"c": "d"})


def test_a_copy_may_get_another_checksum(s3: Any, bucket: str, source: dict[str, str]) -> None:
    answer = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, ChecksumAlgorithm="SHA1")
    put = s3.put_object(Bucket=bucket, Key="same", Body=b"1,2", ChecksumAlgorithm="SHA1")
    assert answer["CopyObjectResult"]["ChecksumSHA1"] == put["ChecksumSHA1"]


def test_an_object_is_not_copied_to_itself(s3: Any, source: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.copy_object(**source, CopySource=source)


def test_the_conditions_on_a_source_are_asked(s3: Any, bucket: str, source: dict[str, str]) -> None:
    etag = s3.head_object(**source)["ETag"]
    for arguments in ({"CopySourceIfMatch": '"x"'}, {"CopySourceIfNoneMatch": etag}):
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **arguments)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, CopySourceIfMatch=etag)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("/no-such-bucket/k", "NoSuchBucket"),
        ("/{bucket}/none", "NoSuchKey"),
        ("/{bucket}/../k", "NoSuchKey"),
        ("/{bucket}/%2e%2e/k", "NoSuchKey"),
        ("nonsense", "InvalidArgument"),
        ("/{bucket}/k?versionId=1", "InvalidArgument"),
        ("arn:aws:s3:::access", "NotImplemented"),
    ],
)
def test_a_source_that_is_none_is_refused(
    world: World, bucket: str, header: str, code: str
) -> None:
    headers = {"x-amz-copy-source": header.format(bucket=bucket)}
    assert request(world, "PUT", f"/{bucket}/copy", headers=headers).code == code
    assert not world.objects.exists(S3Uri(bucket, "copy"))


def test_the_expected_owner_of_a_source_is_checked(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.copy_object(
            Bucket=bucket, Key="copy", CopySource=source, ExpectedSourceBucketOwner=OTHER
        )


def test_boto3_copies_large_objects_in_parts(world: World, s3: Any, bucket: str) -> None:
    data = os.urandom(11 * MIB + 5)
    world.objects.put_bytes(S3Uri(bucket, "large"), data)
    s3.copy(
        {"Bucket": bucket, "Key": "large"},
        bucket,
        "copy",
        Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB),
    )
    assert world.objects.get(S3Uri(bucket, "copy")) == data
    assert s3.head_object(Bucket=bucket, Key="copy")["ETag"].endswith('-3"')


def test_a_range_of_an_object_becomes_a_part(s3: Any, bucket: str, source: dict[str, str]) -> None:
    target = {"Bucket": bucket, "Key": "copy"}
    upload = s3.create_multipart_upload(**target, ChecksumAlgorithm="CRC32")["UploadId"]
    part = s3.upload_part_copy(
        **target, UploadId=upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=1-2"
    )["CopyPartResult"]
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.upload_part_copy(
            **target, UploadId=upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=1-3"
        )
    wanted = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}
    s3.complete_multipart_upload(**target, UploadId=upload, MultipartUpload={"Parts": [wanted]})
    assert s3.get_object(**target)["Body"].read() == b",2"
