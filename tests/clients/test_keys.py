"""Encryption keys through boto3: kms itself, and objects that are stored under a key."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.live import LiveServer

KNOWN = b"known-plaintext-that-no-file-may-hold;"


@pytest.fixture
def kms(server: LiveServer) -> Any:
    return server.client("kms")


@pytest.fixture
def s3(server: LiveServer) -> Any:
    return server.client("s3")


@pytest.fixture
def key(kms: Any) -> str:
    arn: str = kms.create_key(Description="a test's")["KeyMetadata"]["Arn"]
    return arn


def under(key: str) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def holders(folder: Path, text: bytes) -> list[Path]:
    """Return the files below a folder that hold a text in clear."""
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_a_key_encrypts_rotates_and_still_decrypts(kms: Any, key: str) -> None:
    context = {"purpose": "test"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"secret"
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob)


def test_errors_are_those_that_clients_know(kms: Any, key: str) -> None:
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/nothing")
    kms.disable_key(KeyId=key)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")


def test_an_object_under_a_key_is_read_as_it_was_and_unreadable_on_the_disk(
    server: LiveServer, s3: Any, key: str
) -> None:
    body = KNOWN * 5000
    put = s3.put_object(Bucket=server.bucket, Key="sse/a", Body=body, **under(key))
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
    assert put["ETag"].strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest()
    got = s3.get_object(Bucket=server.bucket, Key="sse/a")
    assert got["Body"].read() == body
    assert (got["SSEKMSKeyId"], got["ETag"]) == (key, put["ETag"])
    head = s3.head_object(Bucket=server.bucket, Key="sse/a")
    assert (head["ContentLength"], head["ServerSideEncryption"]) == (len(body), "aws:kms")
    (listed,) = s3.list_objects_v2(Bucket=server.bucket, Prefix="sse/a")["Contents"]
    assert (listed["Size"], listed["ETag"]) == (len(body), put["ETag"])
    assert holders(server.home, KNOWN) == []


@pytest.mark.parametrize("span", ["0-0", "65535-65536", "100-200000", "-10", "131071-"])
def test_a_range_of_an_encrypted_object_is_its_slice(
    server: LiveServer, s3: Any, key: str, span: str
) -> None:
    body = os.urandom(65536 * 3 + 77)
    s3.put_object(Bucket=server.bucket, Key="sse/r", Body=body, **under(key))
    first, _, last = span.partition("-")
    start = int(first) if first else len(body) - int(last)
    end = int(last) + 1 if first and last else len(body)
    got = s3.get_object(Bucket=server.bucket, Key="sse/r", Range=f"bytes={span}")
    assert got["Body"].read() == body[start:end]


def test_an_upload_in_parts_under_a_key_is_whole_and_encrypted_all_the_way(
    server: LiveServer, s3: Any, key: str
) -> None:
    body = KNOWN * 400_000  # three parts of 5 MiB
    s3.upload_fileobj(
        io.BytesIO(body),
        server.bucket,
        "sse/parts",
        ExtraArgs=under(key),
        Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20),
    )
    begun = s3.create_multipart_upload(Bucket=server.bucket, Key="sse/open", **under(key))
    part = {"Bucket": server.bucket, "Key": "sse/open", "UploadId": begun["UploadId"]}
    s3.upload_part(**part, PartNumber=1, Body=KNOWN)
    s3.upload_part_copy(
        **part, PartNumber=2, CopySource={"Bucket": server.bucket, "Key": "sse/parts"}
    )
    assert s3.list_parts(**part)["Parts"][0]["Size"] == len(KNOWN)
    assert holders(server.home, KNOWN) == []
    s3.abort_multipart_upload(**part)
    head = s3.head_object(Bucket=server.bucket, Key="sse/parts")
    assert (head["ContentLength"], head["SSEKMSKeyId"]) == (len(body), key)
    assert head["ETag"].strip('"').endswith("-3")
    assert s3.get_object(Bucket=server.bucket, Key="sse/parts")["Body"].read() == body


def test_a_copy_is_encrypted_as_it_asks_and_not_as_its_source(
    server: LiveServer, s3: Any, kms: Any, key: str
) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=server.bucket, Key="sse/from", Body=KNOWN, **under(key))
    source = {"Bucket": server.bucket, "Key": "sse/from"}
    copied = s3.copy_object(Bucket=server.bucket, Key="sse/to", CopySource=source, **under(other))
    assert copied["SSEKMSKeyId"] == other
    kms.disable_key(KeyId=key)
    assert s3.get_object(Bucket=server.bucket, Key="sse/to")["Body"].read() == KNOWN
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=server.bucket, Key="sse/clear", CopySource=source)
    assert code_of(caught) == "KMS.DisabledException"


def test_a_bucket_encrypts_by_its_default(server: LiveServer, s3: Any, key: str) -> None:
    s3.create_bucket(Bucket="sealed-bucket")
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_encryption(Bucket="sealed-bucket")
    assert code_of(caught) == "ServerSideEncryptionConfigurationNotFoundError"
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket="sealed-bucket",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )
    got = s3.get_bucket_encryption(Bucket="sealed-bucket")["ServerSideEncryptionConfiguration"]
    assert got["Rules"][0]["ApplyServerSideEncryptionByDefault"] == default
    assert s3.put_object(Bucket="sealed-bucket", Key="k", Body=b"1")["SSEKMSKeyId"] == key
    s3.delete_bucket_encryption(Bucket="sealed-bucket")
    assert "SSEKMSKeyId" not in s3.put_object(Bucket="sealed-bucket", Key="k2", Body=b"1")
    assert s3.get_object(Bucket="sealed-bucket", Key="k")["Body"].read() == b"1"


def test_without_a_key_of_ones_own_the_accounts_key_is_taken(
    server: LiveServer, s3: Any, kms: Any
) -> None:
    for mode in ("AES256", "aws:kms"):
        put = s3.put_object(
            Bucket=server.bucket, Key="sse/own", Body=KNOWN, ServerSideEncryption=mode
        )
        assert put["ServerSideEncryption"] == mode
        got = s3.get_object(Bucket=server.bucket, Key="sse/own")
        assert (got["Body"].read(), got["ServerSideEncryption"]) == (KNOWN, mode)
    own = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert own["KeyManager"] == "AWS"
    assert holders(server.home, KNOWN) == []


def test_an_object_whose_key_is_disabled_is_read_again_when_it_is_enabled(
    server: LiveServer, s3: Any, kms: Any, key: str
) -> None:
    s3.put_object(Bucket=server.bucket, Key="sse/d", Body=b"1", **under(key))
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=server.bucket, Key="sse/d")
    assert code_of(caught) == "KMS.DisabledException"
    assert key in str(caught.value)
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket=server.bucket, Key="sse/d")["Body"].read() == b"1"


@pytest.mark.parametrize(
    "name", ["alias/nothing", "arn:aws:kms:us-east-1:234567890123:key/0", "no-key"]
)
def test_a_key_that_is_not_there_stores_nothing(server: LiveServer, s3: Any, name: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=server.bucket, Key="sse/none", Body=b"1", **under(name))
    assert code_of(caught) == "KMS.NotFoundException"
    assert "Contents" not in s3.list_objects_v2(Bucket=server.bucket, Prefix="sse/none")


def test_a_key_of_the_customers_is_never_kept_for_him(server: LiveServer, s3: Any) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(
            Bucket=server.bucket,
            Key="sse/c",
            Body=b"1",
            SSECustomerAlgorithm="AES256",
            SSECustomerKey="k" * 32,
        )
    assert code_of(caught) == "NotImplemented"
