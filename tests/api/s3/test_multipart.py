from __future__ import annotations

import base64
import hashlib
import io
import os
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from modelyard.api.s3 import patience
from modelyard.store.s3_uris import S3Uri
from tests.api.s3.raw import request
from tests.api.s3.world import World, client, running

MIB = 2**20


def begin(s3: Any, bucket: str, **arguments: Any) -> dict[str, str]:
    answer = s3.create_multipart_upload(Bucket=bucket, Key="k", **arguments)
    return {"Bucket": bucket, "Key": "k", "UploadId": answer["UploadId"]}


def send(s3: Any, upload: dict[str, str], number: int, body: bytes) -> dict[str, Any]:
    answer = s3.upload_part(PartNumber=number, Body=body, **upload)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def complete(s3: Any, upload: dict[str, str], parts: list[dict[str, Any]]) -> Any:
    return s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)


def test_boto3_sends_large_files_in_parts(s3: Any, bucket: str) -> None:
    data = os.urandom(20 * MIB + 7)
    config = TransferConfig(multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_fileobj(
        io.BytesIO(data),
        bucket,
        "large/model.bin",
        Config=config,
        ExtraArgs={"Metadata": {"a": "b"}, "ContentType": "application/x-model"},
    )
    head = s3.head_object(Bucket=bucket, Key="large/model.bin")
    parts = [data[at : at + 5 * MIB] for at in range(0, len(data), 5 * MIB)]
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    assert head["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-5"'
    assert (head["Metadata"], head["ContentType"]) == ({"a": "b"}, "application/x-model")
    sink = io.BytesIO()
    s3.download_fileobj(bucket, "large/model.bin", sink)
    assert sink.getvalue() == data


def test_parts_come_in_any_order_again_and_with_gaps(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    last = send(s3, upload, 70, b"last")
    send(s3, upload, 7, b"replaced")
    first = send(s3, upload, 7, b"first-")
    send(s3, upload, 9, b"left out")
    assert [part["PartNumber"] for part in s3.list_parts(**upload)["Parts"]] == [7, 9, 70]
    complete(s3, upload, [first, last])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first-last"
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.list_parts(**upload)


def test_an_upload_survives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        s3 = client(world)
        world.objects.create_bucket("data")
        upload = begin(s3, "data", Metadata={"a": "b"})
        parts = [send(s3, upload, 1, b"one")]
    with running(tmp_path) as world:
        s3 = client(world)
        parts.append(send(s3, upload, 2, b"two"))
        complete(s3, upload, parts)
        got = s3.get_object(Bucket="data", Key="k")
        assert (got["Body"].read(), got["Metadata"]) == (b"onetwo", {"a": "b"})


def test_a_key_shows_nothing_until_the_upload_is_complete(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    upload = begin(s3, bucket)
    part = send(s3, upload, 1, b"new")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    complete(s3, upload, [part])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_an_aborted_upload_leaves_nothing(world: World, s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    send(s3, upload, 1, b"new")
    folder = world.objects.private / "multipart" / upload["UploadId"]
    assert len(list(folder.iterdir())) == 1
    s3.abort_multipart_upload(**upload)
    assert not folder.exists()
    for call in (
        lambda: s3.abort_multipart_upload(**upload),
        lambda: send(s3, upload, 1, b"new"),
        lambda: s3.list_parts(**upload),
        lambda: complete(s3, upload, [{"PartNumber": 1, "ETag": "x"}]),
    ):
        with pytest.raises(s3.exceptions.NoSuchUpload):
            call()


def test_an_upload_belongs_to_its_key_and_its_account(world: World, s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.list_parts(**{**upload, "Key": "other"})
    other = client(world, "AKIATWO")
    with pytest.raises(other.exceptions.NoSuchUpload):
        other.list_parts(**upload)


def test_uploads_under_way_are_listed(s3: Any, bucket: str) -> None:
    wanted = []
    for key in ("a/1", "a/2", "b"):
        answer = s3.create_multipart_upload(Bucket=bucket, Key=key)
        wanted.append((key, answer["UploadId"]))
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 1}
    )
    found = [(each["Key"], each["UploadId"]) for page in pages for each in page["Uploads"]]
    assert found == wanted
    some = s3.list_multipart_uploads(Bucket=bucket, Prefix="a/")["Uploads"]
    assert [each["Key"] for each in some] == ["a/1", "a/2"]
    s3.delete_bucket(Bucket=bucket)


def test_parts_are_listed_in_pages(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    sent = [send(s3, upload, number, b"x" * number) for number in (1, 2, 3)]
    pages = s3.get_paginator("list_parts").paginate(PaginationConfig={"PageSize": 2}, **upload)
    found = [part for page in pages for part in page["Parts"]]
    assert [(part["PartNumber"], part["ETag"]) for part in found] == [
        (part["PartNumber"], part["ETag"]) for part in sent
    ]
    assert [part["Size"] for part in found] == [1, 2, 3]


def test_a_list_of_parts_must_be_true_and_in_order(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    one, two = send(s3, upload, 1, b"1"), send(s3, upload, 2, b"2")
    for parts, code in (
        ([two, one], "InvalidPartOrder"),
        ([one, one], "InvalidPartOrder"),
        ([one, {"PartNumber": 3, "ETag": one["ETag"]}], "InvalidPart"),
        ([one, {"PartNumber": 2, "ETag": one["ETag"]}], "InvalidPart"),
    ):
        with pytest.raises(ClientError, match=code):
            complete(s3, upload, parts)
    complete(s3, upload, [one, two])


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x", ""])
def test_a_part_has_a_number_up_to_ten_thousand(
    world: World, s3: Any, bucket: str, number: str
) -> None:
    upload = begin(s3, bucket)
    path = f"/{bucket}/k?partNumber={number}&uploadId={upload['UploadId']}"
    assert request(world, "PUT", path, body=b"1").code == "InvalidArgument"


@pytest.mark.parametrize("body", [b"", b"<CompleteMultipartUpload/>", b"<x/>"])
def test_a_completion_that_names_no_part_is_refused(
    world: World, s3: Any, bucket: str, body: bytes
) -> None:
    upload = begin(s3, bucket)
    path = f"/{bucket}/k?uploadId={upload['UploadId']}"
    assert request(world, "POST", path, body=body).code == "MalformedXML"


def test_an_altered_part_is_refused_and_can_be_sent_again(
    world: World, s3: Any, bucket: str
) -> None:
    upload = begin(s3, bucket)
    path = f"/{bucket}/k?partNumber=1&uploadId={upload['UploadId']}"
    wrong = hashlib.sha256(b"right").hexdigest()
    reply = request(world, "PUT", path, body=b"wrong", payload_hash=wrong)
    assert reply.code == "XAmzContentSHA256Mismatch"
    assert "Parts" not in s3.list_parts(**upload)
    complete(s3, upload, [send(s3, upload, 1, b"right")])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"right"


def test_a_composite_checksum_is_that_of_the_parts(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="SHA256")
    parts = []
    for number, body in ((1, b"one"), (2, b"two")):
        answer = s3.upload_part(PartNumber=number, Body=body, ChecksumAlgorithm="SHA256", **upload)
        parts.append(
            {
                "PartNumber": number,
                "ETag": answer["ETag"],
                "ChecksumSHA256": answer["ChecksumSHA256"],
            }
        )
    wrong = [{**parts[0], "ChecksumSHA256": parts[1]["ChecksumSHA256"]}, parts[1]]
    with pytest.raises(ClientError, match="InvalidPart"):
        complete(s3, upload, wrong)
    answer = complete(s3, upload, parts)
    digests = b"".join(hashlib.sha256(body).digest() for body in (b"one", b"two"))
    expected = base64.b64encode(hashlib.sha256(digests).digest()).decode()
    assert (answer["ChecksumSHA256"], answer["ChecksumType"]) == (f"{expected}-2", "COMPOSITE")


def test_a_full_checksum_is_that_of_all_bytes(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [send(s3, upload, number, body) for number, body in ((1, b"one"), (2, b"two"))]
    expected = base64.b64encode(zlib.crc32(b"onetwo").to_bytes(4, "big")).decode()
    with pytest.raises(ClientError, match="BadDigest"):
        s3.complete_multipart_upload(
            MultipartUpload={"Parts": parts},
            ChecksumCRC32="AAAAAA==",
            ChecksumType="FULL_OBJECT",
            **upload,
        )
    answer = complete(s3, upload, parts)
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (expected, "FULL_OBJECT")


def test_a_part_with_another_algorithm_is_refused(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="SHA1")
    with pytest.raises(ClientError, match="Checksum Type mismatch"):
        s3.upload_part(PartNumber=1, Body=b"1", ChecksumAlgorithm="CRC32", **upload)


def test_of_two_completions_one_creates_the_object(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    part = send(s3, upload, 1, b"new")
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.complete_multipart_upload(MultipartUpload={"Parts": [part]}, IfNoneMatch="*", **upload)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    complete(s3, upload, [part])


def test_who_waits_long_for_an_object_is_kept_waiting(
    world: World, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.0)
    upload = begin(s3, bucket)
    answer = complete(s3, upload, [send(s3, upload, 1, b"1"), send(s3, upload, 2, b"2")])
    assert answer["ETag"].endswith('-2"')
    upload = begin(s3, bucket)
    part = send(s3, upload, 1, b"1")
    world.objects.delete(S3Uri(bucket, "k"))
    world.objects.delete_bucket(bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        complete(s3, upload, [part])


def test_parts_may_be_sent_at_the_same_time(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    bodies = {number: os.urandom(300_000) for number in range(1, 9)}
    parts: dict[int, dict[str, Any]] = {}

    def work(number: int) -> None:
        parts[number] = send(s3, upload, number, bodies[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    complete(s3, upload, [parts[number] for number in sorted(parts)])
    got = s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert got == b"".join(bodies[number] for number in sorted(bodies))
