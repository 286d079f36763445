from __future__ import annotations

import base64
import http.client
import io
import os
import socket
import zlib
from typing import Any

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

from modelyard.api.s3 import checksums
from tests.api.s3.raw import (
    SIGNED_CHUNKS,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkSigner,
    Reply,
    request,
    send,
    signed_headers,
)
from tests.api.s3.world import World

BODY = os.urandom(200_001)
CHUNKS = [BODY[at : at + 65_536] for at in range(0, len(BODY), 65_536)]


def checksum(algorithm: str, data: bytes = BODY) -> str:
    digest = checksums.ALGORITHMS[algorithm]()
    digest.update(data)
    return base64.b64encode(digest.digest()).decode()


def unsigned(trailers: dict[str, str]) -> bytes:
    pieces = [f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in CHUNKS]
    lines = [f"{name}:{value}\r\n".encode() for name, value in trailers.items()]
    return b"".join([*pieces, b"0\r\n", *lines, b"\r\n"])


def put_unsigned(world: World, path: str, body: bytes, trailer: str | None) -> Reply:
    headers = {"x-amz-decoded-content-length": str(len(BODY)), "Content-Encoding": "aws-chunked"}
    if trailer:
        headers["x-amz-trailer"] = trailer
    return send(
        world, "PUT", path, signed_headers(world, "PUT", path, UNSIGNED_TRAILER, headers), body
    )


def signed(world: World, path: str, trailer: str | None = None) -> dict[str, str]:
    headers = {"x-amz-decoded-content-length": str(len(BODY)), "Content-Encoding": "aws-chunked"}
    if trailer:
        headers["x-amz-trailer"] = trailer
    kind = SIGNED_TRAILER if trailer else SIGNED_CHUNKS
    return signed_headers(world, "PUT", path, kind, headers)


def test_the_body_that_boto3_sends_in_chunks_is_stored(world: World, s3: Any, bucket: str) -> None:
    body = AwsChunkedWrapper(
        io.BytesIO(BODY), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32"
    ).read()
    reply = put_unsigned(world, f"/{bucket}/k", body, "x-amz-checksum-crc32")
    assert reply.status == 200
    assert reply.headers["x-amz-checksum-crc32"] == checksum("crc32")
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == checksum("crc32")
    assert "ContentEncoding" not in got
    assert got["Body"].read() == BODY


@pytest.mark.parametrize("algorithm", ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"])
def test_a_trailing_checksum_is_verified(world: World, bucket: str, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    right = unsigned({name: checksum(algorithm)})
    wrong = unsigned({name: checksum(algorithm, b"other")})
    assert put_unsigned(world, f"/{bucket}/right", right, name).status == 200
    assert put_unsigned(world, f"/{bucket}/wrong", wrong, name).code == "BadDigest"
    assert request(world, "GET", f"/{bucket}/right").body == BODY
    assert request(world, "GET", f"/{bucket}/wrong").code == "NoSuchKey"


@pytest.mark.parametrize(
    ("trailer", "sent", "code"),
    [
        ("x-amz-checksum-crc32", {}, "MalformedTrailerError"),
        ("x-amz-checksum-crc32", {"x-amz-checksum-crc32": "x"}, "InvalidRequest"),
        ("x-amz-checksum-xxhash3", {"x-amz-checksum-xxhash3": "x"}, "NotImplemented"),
        ("x-amz-meta-late", {"x-amz-meta-late": "x"}, "NotImplemented"),
    ],
)
def test_a_trailer_must_be_what_was_announced(
    world: World, bucket: str, trailer: str, sent: dict[str, str], code: str
) -> None:
    assert put_unsigned(world, f"/{bucket}/k", unsigned(sent), trailer).code == code
    assert request(world, "GET", f"/{bucket}/k").code == "NoSuchKey"


def test_a_chunked_body_has_the_length_that_was_announced(world: World, bucket: str) -> None:
    body = unsigned({})
    for altered in (body[:1000], body.replace(b"0\r\n\r\n", b"1\r\nx\r\n0\r\n\r\n")):
        assert put_unsigned(world, f"/{bucket}/k", altered, None).code == "IncompleteBody"
    assert request(world, "GET", f"/{bucket}/k").code == "NoSuchKey"


def test_a_chunked_body_needs_its_decoded_length(world: World, bucket: str) -> None:
    path = f"/{bucket}/k"
    headers = signed_headers(world, "PUT", path, UNSIGNED_TRAILER)
    assert send(world, "PUT", path, headers, unsigned({})).code == "MissingContentLength"


def test_signed_chunks_are_stored(world: World, bucket: str) -> None:
    path = f"/{bucket}/k"
    headers = signed(world, path)
    assert send(world, "PUT", path, headers, ChunkSigner(headers).encode(CHUNKS)).status == 200
    assert request(world, "GET", path).body == BODY


def test_signed_chunks_with_a_signed_trailer_are_stored(world: World, bucket: str) -> None:
    path, name = f"/{bucket}/k", "x-amz-checksum-crc32c"
    headers = signed(world, path, name)
    body = ChunkSigner(headers).encode(CHUNKS, {name: checksum("crc32c")})
    reply = send(world, "PUT", path, headers, body)
    assert (reply.status, reply.headers[name]) == (200, checksum("crc32c"))
    assert request(world, "GET", path).body == BODY


@pytest.mark.parametrize("at", [200, 100_000, -20])
def test_an_altered_chunk_is_refused_and_not_stored(world: World, bucket: str, at: int) -> None:
    path, name = f"/{bucket}/k", "x-amz-checksum-crc32"
    headers = signed(world, path, name)
    body = bytearray(ChunkSigner(headers).encode(CHUNKS, {name: checksum("crc32")}))
    body[at] ^= 1
    reply = send(world, "PUT", path, headers, bytes(body))
    assert reply.code in {"SignatureDoesNotMatch", "InvalidRequest"}
    assert request(world, "GET", path).code == "NoSuchKey"


def test_a_part_may_be_chunked(world: World, s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")
    path = f"/{bucket}/k?partNumber=1&uploadId={upload['UploadId']}"
    name = "x-amz-checksum-crc32"
    reply = put_unsigned(world, path, unsigned({name: checksum("crc32")}), name)
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="k",
        UploadId=upload["UploadId"],
        MultipartUpload={
            "Parts": [
                {
                    "PartNumber": 1,
                    "ETag": reply.headers["etag"],
                    "ChecksumCRC32": reply.headers[name],
                }
            ]
        },
    )
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == BODY


def test_the_server_says_continue_to_who_waits_for_it(world: World, bucket: str) -> None:
    path = f"/{bucket}/k"
    headers = signed_headers(world, "PUT", path, "UNSIGNED-PAYLOAD")
    with _begun(world, path, headers, 3) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"1,2")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert request(world, "GET", path).body == b"1,2"


def test_who_waits_for_a_word_is_refused_before_the_body(world: World) -> None:
    path = "/no-such-bucket/k"
    headers = signed_headers(world, "PUT", path, "UNSIGNED-PAYLOAD")
    with _begun(world, path, headers, 10**9) as connection:
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in answer
    assert b"NoSuchBucket" in answer


def test_a_connection_lasts_beyond_a_body_that_nobody_wanted(world: World, bucket: str) -> None:
    refused, wanted = "/no-such-bucket/k", f"/{bucket}?location"
    connection = http.client.HTTPConnection(world.url.removeprefix("http://"), timeout=30)
    for path, method, body, status in (
        (refused, "PUT", bytes(5_000_000), 404),
        (wanted, "GET", None, 200),
    ):
        headers = signed_headers(world, method, path, "UNSIGNED-PAYLOAD")
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        assert (response.status, response.will_close) == (status, False)
        response.read()
    connection.close()


def test_who_leaves_in_the_middle_of_a_download_stops_it(
    world: World, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(30_000_000))
    path = f"/{bucket}/k"
    headers = signed_headers(world, "GET", path, "UNSIGNED-PAYLOAD")
    with _begun(world, path, headers, None, method="GET") as connection:
        connection.recv(1000)
    assert zlib.crc32(request(world, "GET", path).body) == zlib.crc32(bytes(30_000_000))


def _begun(
    world: World, path: str, headers: dict[str, str], length: int | None, method: str = "PUT"
) -> socket.socket:
    host, _, port = world.url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}"]
    if length is not None:
        lines += [f"Content-Length: {length}", "Expect: 100-continue"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection
