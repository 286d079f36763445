from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.store.s3_uris import S3Uri, key_problem
from tests.api.s3.raw import request, send, signed_headers
from tests.api.s3.world import World, client, running

KEYS = st.text(min_size=1, max_size=10).filter(lambda key: key_problem(key) is None)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def status_of(answer: Any) -> int:
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


@contextmanager
def small_files(pid: int, limit: int) -> Iterator[None]:
    """Let a process write no file beyond `limit` bytes, as on a full disk."""
    process = psutil.Process(pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, before)


def test_an_object_comes_back_with_all_that_it_was_stored_with(s3: Any, bucket: str) -> None:
    body = b"1,2,3\n"
    put = s3.put_object(
        Bucket=bucket,
        Key="data/train.csv",
        Body=body,
        ContentType="text/csv",
        ContentEncoding="identity",
        ContentDisposition='attachment; filename="train.csv"',
        ContentLanguage="en",
        CacheControl="no-cache",
        Metadata={"source": "unit test", "rows": "1"},
    )
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="data/train.csv")
    head = s3.head_object(Bucket=bucket, Key="data/train.csv")
    assert got.pop("Body").read() == body
    for answer in (got, head):
        assert answer["ETag"] == put["ETag"]
        assert answer["ContentLength"] == len(body)
        assert answer["ContentType"] == "text/csv"
        assert answer["ContentEncoding"] == "identity"
        assert answer["ContentDisposition"] == 'attachment; filename="train.csv"'
        assert answer["ContentLanguage"] == "en"
        assert answer["CacheControl"] == "no-cache"
        assert answer["Metadata"] == {"source": "unit test", "rows": "1"}
        assert abs(answer["LastModified"] - datetime.now(UTC)) < timedelta(minutes=1)
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (listed["ETag"], listed["Size"]) == (put["ETag"], len(body))


def test_an_object_without_bytes_is_an_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["ContentLength"], got["Body"].read()) == (0, b"")
    assert got["ContentType"] == "binary/octet-stream"


@settings(max_examples=40)
@given(key=KEYS)
def test_every_key_that_is_allowed_comes_back_and_lies_under_its_own_name(
    world: World, s3: Any, key: str
) -> None:
    name = "all-the-keys"
    if not world.objects.has_bucket(name):
        world.objects.create_bucket(name)
    s3.put_object(Bucket=name, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=name, Key=key)["Body"].read() == key.encode()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=name)["Contents"]] == [key]
    path = world.objects.path_of(S3Uri(name, key))
    assert path is not None
    assert path.read_bytes() == key.encode()
    s3.delete_object(Bucket=name, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=name)


@pytest.mark.parametrize(
    "path", ["a//b", "a/", "/a", "a/../b", "..", "%2e%2e/b", "a%00b", "a%0Ab", "h%231", "x" * 256]
)
def test_a_key_that_has_no_place_is_refused_and_never_found(
    world: World, bucket: str, path: str
) -> None:
    reply = request(world, "PUT", f"/{bucket}/{path}", body=b"1")
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert b"a key" in reply.body or b"of a key" in reply.body
    assert request(world, "GET", f"/{bucket}/{path}").code == "NoSuchKey"
    assert request(world, "HEAD", f"/{bucket}/{path}").status == 404
    assert request(world, "DELETE", f"/{bucket}/{path}").status == 204


def test_a_path_that_is_not_utf_8_is_refused(world: World, bucket: str) -> None:
    assert request(world, "PUT", f"/{bucket}/%FF", body=b"1").code == "InvalidURI"


def test_a_key_cannot_also_be_a_folder_of_keys(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    for key in ("a", "a/b/c"):
        with pytest.raises(ClientError, match="folder of other keys") as caught:
            s3.put_object(Bucket=bucket, Key=key, Body=b"2")
        assert (code_of(caught), status_of(caught.value.response)) == ("KeyConflict", 409)
        with pytest.raises(ClientError):
            s3.create_multipart_upload(Bucket=bucket, Key=key)


def test_what_is_not_there_is_said_so(s3: Any, bucket: str) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket="no-such-bucket", Key="none")
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="no-such-bucket", Key="k", Body=b"1")
    assert code_of(caught) == "NoSuchBucket"
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=bucket, Key="none")
    assert (code_of(caught), caught.value.response["Error"]["Message"]) == ("404", "Not Found")
    s3.delete_object(Bucket=bucket, Key="none")


@pytest.mark.parametrize(
    ("wanted", "expected", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-", b"23456789", "bytes 2-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ],
)
def test_a_range_is_answered_with_206(
    s3: Any, bucket: str, wanted: str, expected: bytes, content_range: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=wanted)
    assert (status_of(got), got["ContentRange"]) == (206, content_range)
    assert got["Body"].read() == expected


def test_a_range_behind_the_end_is_answered_with_416(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert code_of(caught) == "InvalidRange"


def test_conditions_are_asked(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    for arguments in ({"IfMatch": '"x"'}, {"IfUnmodifiedSince": datetime(2020, 1, 1, tzinfo=UTC)}):
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key="k", **arguments)
        assert code_of(caught) == "PreconditionFailed"
    for arguments in ({"IfNoneMatch": etag}, {"IfModifiedSince": datetime.now(UTC)}):
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key="k", **arguments)
        assert status_of(caught.value.response) == 304
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code_of(caught) == "PreconditionFailed"
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"x"')
    assert code_of(caught) == "PreconditionFailed"
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


@pytest.mark.parametrize(
    ("query", "code"), [("versionId=1", "InvalidArgument"), ("partNumber=1", "NotImplemented")]
)
def test_versions_and_parts_of_objects_are_not_offered(
    world: World, s3: Any, bucket: str, query: str, code: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert request(world, "GET", f"/{bucket}/k?{query}").code == code
    assert request(world, "GET", f"/{bucket}/k?versionId=null").body == b"1"


def test_an_object_that_is_replaced_all_the_time_is_read_whole(
    world: World, s3: Any, bucket: str
) -> None:
    uri, stop = S3Uri(bucket, "k"), threading.Event()
    bodies = {bytes([65 + number]) * (1000 + number) for number in range(20)}
    world.objects.put_bytes(uri, next(iter(bodies)))

    def replace() -> None:
        while not stop.is_set():
            for body in bodies:
                world.objects.put_bytes(uri, body)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(30):
            assert request(world, "GET", f"/{bucket}/k").body in bodies
    finally:
        stop.set()
        thread.join()


def test_a_download_may_name_its_own_headers(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="text/x")
    assert got["ContentType"] == "text/x"


def test_a_header_cannot_be_smuggled_into_a_download(world: World, bucket: str) -> None:
    client(world).put_object(Bucket=bucket, Key="k", Body=b"1")
    reply = request(world, "GET", f"/{bucket}/k?response-content-type=a%0D%0AX-Evil%3A1")
    assert (reply.status, reply.code) == (400, "InvalidArgument")


def test_metadata_survives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        s3 = client(world)
        s3.create_bucket(
            Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        etag = s3.put_object(Bucket="data", Key="k", Body=b"1", Metadata={"a": "b"})["ETag"]
    with running(tmp_path) as world:
        s3 = client(world)
        head = s3.head_object(Bucket="data", Key="k", ChecksumMode="ENABLED")
        assert (head["ETag"], head["Metadata"]) == (etag, {"a": "b"})
        assert "ChecksumCRC32" in head
        assert s3.get_bucket_location(Bucket="data")["LocationConstraint"] == "eu-west-1"


def test_what_was_put_in_process_is_an_object_with_a_lasting_tag(
    world: World, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"old": "1"})
    world.objects.put_bytes(S3Uri(bucket, "k"), b"22")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["Metadata"]) == (2, {})
    assert "-" in head["ETag"]  # nobody takes it for an MD5
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == head["ETag"]
    assert s3.get_object(Bucket=bucket, Key="k")["ETag"] == head["ETag"]


def test_many_objects_are_deleted_at_once(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b & <c>"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    wanted = [{"Key": key} for key in ("a/1", "b & <c>", "none", "x//y")]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert answer["Deleted"] == wanted
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/2"]
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.delete_objects(Bucket="no-such-bucket", Delete={"Objects": wanted})
    quiet = s3.delete_objects(
        Bucket=bucket,
        Delete={"Objects": [{"Key": "a/2", "VersionId": "v1"}, {"Key": "z"}], "Quiet": True},
    )
    assert "Deleted" not in quiet
    assert [each["Code"] for each in quiet["Errors"]] == ["NoSuchVersion"]


@pytest.mark.parametrize("body", [b"<Delete/>", b"<Delete>", b"", b"<Other/>"])
def test_a_list_of_objects_to_delete_that_is_none_is_refused(
    world: World, bucket: str, body: bytes
) -> None:
    assert request(world, "POST", f"/{bucket}?delete", body=body).code == "MalformedXML"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"GrantRead": "id=1"}, "NotImplemented"),
        ({"Tagging": "a=b"}, "NotImplemented"),
        ({"StorageClass": "GLACIER"}, "InvalidStorageClass"),
        ({"SSEKMSKeyId": "k", "ServerSideEncryption": "aws:kms"}, "AccessDenied"),
        ({"SSEKMSKeyId": "k"}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"SSECustomerKey": "k" * 32, "SSECustomerAlgorithm": "AES256"}, "NotImplemented"),
        ({"ObjectLockMode": "GOVERNANCE"}, "NotImplemented"),
        ({"Metadata": {"long": "x" * 3000}}, "MetadataTooLarge"),
    ],
)
def test_what_would_be_stored_otherwise_than_asked_is_refused(
    s3: Any, bucket: str, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", **arguments)
    assert code_of(caught) == code
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_an_altered_body_is_refused_and_not_stored(world: World, bucket: str) -> None:
    path = f"/{bucket}/k"
    digest = hashlib.sha256(b"right").hexdigest()
    reply = send(world, "PUT", path, signed_headers(world, "PUT", path, digest), b"wrong")
    assert (reply.status, reply.code) == (400, "XAmzContentSHA256Mismatch")
    assert request(world, "GET", path).code == "NoSuchKey"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-MD5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"Content-MD5": "nonsense"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()}, "BadDigest"),
        ({"x-amz-checksum-crc64nvme": base64.b64encode(bytes(8)).decode()}, "BadDigest"),
        ({"x-amz-checksum-xxhash3": "AAAA"}, "NotImplemented"),
    ],
)
def test_a_body_with_another_checksum_is_refused_and_the_old_one_stays(
    world: World, bucket: str, headers: dict[str, str], code: str
) -> None:
    path = f"/{bucket}/k"
    assert request(world, "PUT", path, body=b"old").status == 200
    assert request(world, "PUT", path, body=b"new", headers=headers).code == code
    assert request(world, "GET", path).body == b"old"
    assert list((world.objects.private / "incoming/bodies").iterdir()) == []


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_checksum_is_verified_kept_and_given_back(s3: Any, bucket: str, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[member] == put[member]
    assert got["ChecksumType"] == "FULL_OBJECT"
    assert got["Body"].read() == b"1"
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == [algorithm]


def test_a_body_needs_a_length(world: World, bucket: str) -> None:
    path = f"/{bucket}/k"
    headers = signed_headers(world, "PUT", path, "UNSIGNED-PAYLOAD")
    reply = send(world, "PUT", path, {**headers, "Transfer-Encoding": "chunked"}, b"0\r\n\r\n")
    assert (reply.status, reply.code) == (411, "MissingContentLength")


def test_a_body_that_breaks_off_is_not_stored(world: World, bucket: str) -> None:
    path = f"/{bucket}/k"
    headers = signed_headers(world, "PUT", path, "UNSIGNED-PAYLOAD")
    _send_half(world, path, headers)
    assert request(world, "GET", path).code == "NoSuchKey"


def test_the_death_of_the_embedded_server_is_not_noticed(
    world: World, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="before", Body=b"1")
    pid = world.pid()
    os.kill(pid, 9)
    assert s3.get_object(Bucket=bucket, Key="before")["Body"].read() == b"1"
    s3.put_object(Bucket=bucket, Key="after", Body=b"2")
    assert s3.get_object(Bucket=bucket, Key="after")["Body"].read() == b"2"
    assert world.pid() != pid


def test_a_full_disk_is_told_and_the_old_object_stays(world: World, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    with small_files(world.pid(), 100_000), pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=bytes(1_000_000))
    assert code_of(caught) == "InsufficientStorage"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"


def _send_half(world: World, path: str, headers: dict[str, str]) -> None:
    host, _, port = world.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        lines = [f"PUT {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Length: 1000000"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * 1000)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)
