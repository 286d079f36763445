from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

from tests.api.s3.raw import request, send, signed_headers
from tests.api.s3.world import SECRETS, World, client

EMPTY = hashlib.sha256(b"").hexdigest()


@contextmanager
def later(world: World, by: timedelta) -> Iterator[None]:
    """Put the server's clock forward."""
    before = world.clock.ahead
    world.clock.ahead = by
    try:
        yield
    finally:
        world.clock.ahead = before


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def fetch(url: str, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
    """Return the answer to somebody who knows nothing but a URL."""
    try:
        wanted = urllib.request.Request(url, method=method, data=data)
        if data is not None:
            wanted.add_header("Content-Type", "")
        with urllib.request.urlopen(wanted, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def code_in(body: bytes) -> str | None:
    return ElementTree.fromstring(body).findtext("Code")


def test_a_wrong_secret_is_refused(world: World) -> None:
    s3 = client(world, secret="guessed")
    assert refused(s3.list_buckets) == ("SignatureDoesNotMatch", 403)


def test_an_unknown_key_is_refused(world: World) -> None:
    assert refused(client(world, "AKIANOBODY").list_buckets) == ("InvalidAccessKeyId", 403)


def test_a_clock_that_is_off_is_refused(world: World, s3: Any) -> None:
    for minutes in (-20, 20):
        with later(world, timedelta(minutes=minutes)):
            assert refused(s3.list_buckets) == ("RequestTimeTooSkewed", 403)
    s3.list_buckets()


def test_temporary_credentials_work(world: World, bucket: str) -> None:
    session = client(world, "ASIAONE")
    session.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert session.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_temporary_credentials_that_are_over_or_cut_are_refused(world: World) -> None:
    assert refused(client(world, "ASIAONE", token="other").list_buckets) == ("ExpiredToken", 400)
    assert refused(client(world, "AKIAONE", token="none").list_buckets) == ("InvalidToken", 400)


def test_nobody_gets_in_without_a_signature(world: World, bucket: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        status, body = fetch(f"{world.url}/{bucket}/k", method)
        assert (status, code_in(body)) == (403, "AccessDenied")
    status, body = fetch(f"{world.url}/{bucket}", "HEAD")
    assert (status, body) == (403, b"")


def test_a_request_that_was_altered_is_refused(world: World, bucket: str) -> None:
    path = f"/{bucket}/k"
    headers = signed_headers(world, "GET", path, EMPTY)
    for method, other in (("DELETE", path), ("GET", f"{path}2"), ("GET", f"{path}?acl")):
        assert send(world, method, other, headers).code == "SignatureDoesNotMatch"
    added = {**headers, "x-amz-copy-source": "/other/k"}
    assert send(world, "GET", path, added).code == "SignatureDoesNotMatch"


def test_a_signature_for_another_service_is_refused(world: World, bucket: str) -> None:
    headers = signed_headers(world, "GET", f"/{bucket}", EMPTY)
    altered = headers["Authorization"].replace("/s3/", "/sagemaker/")
    reply = send(world, "GET", f"/{bucket}", {**headers, "Authorization": altered})
    assert (reply.status, reply.code) == (400, "AuthorizationHeaderMalformed")


@pytest.mark.parametrize(
    ("payload_hash", "code"),
    [
        ("nonsense", "InvalidArgument"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "NotImplemented"),
    ],
)
def test_a_signature_says_what_the_body_is(
    world: World, bucket: str, payload_hash: str, code: str
) -> None:
    assert request(world, "PUT", f"/{bucket}/k", payload_hash=payload_hash).code == code


def test_a_signature_that_says_nothing_of_the_body_is_refused(world: World, bucket: str) -> None:
    headers = signed_headers(world, "PUT", f"/{bucket}/k", EMPTY)
    del headers["X-Amz-Content-SHA256"]
    assert send(world, "PUT", f"/{bucket}/k", headers).code == "InvalidRequest"


#: What boto3 makes unless it is told otherwise, and what it makes when it is told.
VERSIONS = pytest.mark.parametrize("version", [None, "s3v4"])


@VERSIONS
def test_whoever_has_a_presigned_url_may_do_that_one_thing(
    world: World, bucket: str, version: str | None
) -> None:
    s3 = client(world, signature_version=version)

    def url(operation: str, key: str = "a b/ü+.csv") -> str:
        return str(s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": key}))

    assert fetch(url("put_object"), "PUT", b"1,2")[0] == 200
    assert fetch(url("get_object")) == (200, b"1,2")
    assert fetch(url("head_object"), "HEAD") == (200, b"")
    assert fetch(url("get_object"), "PUT", b"3")[0] == 403
    assert fetch(url("get_object").replace("a%20b", "other"))[0] == 403
    status, body = fetch(url("get_object", "none"))
    assert (status, code_in(body)) == (404, "NoSuchKey")


@VERSIONS
def test_a_presigned_url_expires(world: World, bucket: str, version: str | None) -> None:
    s3 = client(world, signature_version=version)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60
    )
    assert fetch(url) == (200, b"1")
    with later(world, timedelta(minutes=2)):
        status, body = fetch(url)
    assert (status, code_in(body)) == (403, "AccessDenied")
    assert b"Request has expired" in body


@VERSIONS
def test_a_presigned_url_of_temporary_credentials_works(
    world: World, bucket: str, version: str | None
) -> None:
    session = client(world, "ASIAONE", signature_version=version)
    session.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = session.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert fetch(url) == (200, b"1")


@VERSIONS
def test_a_presigned_upload_has_the_headers_that_were_signed(
    world: World, bucket: str, version: str | None
) -> None:
    s3 = client(world, signature_version=version)
    wanted = {"Bucket": bucket, "Key": "k", "ContentType": "text/csv", "Metadata": {"a": "b"}}
    url = s3.generate_presigned_url("put_object", Params=wanted)
    path = url.removeprefix(world.url)
    headers = {"Content-Type": "text/csv", "x-amz-meta-a": "b"}
    assert send(world, "PUT", path, {**headers, "x-amz-meta-a": "c"}, b"1").status == 403
    assert send(world, "PUT", path, {**headers, "Content-Type": "text/x"}, b"1").status == 403
    assert send(world, "PUT", path, {**headers, "x-amz-acl": "private"}, b"1").status == 403
    assert send(world, "PUT", path, headers, b"1").status == 200
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentType"], head["Metadata"]) == ("text/csv", {"a": "b"})


@VERSIONS
def test_a_presigned_download_has_the_answer_s_headers_that_were_signed(
    world: World, bucket: str, version: str | None
) -> None:
    s3 = client(world, signature_version=version)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    wanted = {"Bucket": bucket, "Key": "k", "ResponseContentType": "text/x y"}
    url = s3.generate_presigned_url("get_object", Params=wanted).removeprefix(world.url)
    assert send(world, "GET", url, {}).headers["content-type"] == "text/x y"
    assert send(world, "GET", url.replace("text", "best"), {}).status == 403


def test_a_header_cannot_be_smuggled_in_by_a_presigned_url(
    world: World, s3: Any, bucket: str
) -> None:
    wanted = {"Bucket": bucket, "Key": "k", "Metadata": {"a": "b"}}
    url = s3.generate_presigned_url("put_object", Params=wanted).removeprefix(world.url)
    assert "x-amz-meta-a=b" in url
    reply = send(world, "PUT", url.replace("meta-a=b", "meta-a=b%0D%0AX-Evil:1"), {}, b"1")
    assert reply.status == 400
    region = "eu%0D%0AX-Evil:1"
    path = f"/{bucket}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261121T000000Z"
    path += f"&X-Amz-Credential=AKIAONE/20261121/{region}/s3/aws4_request&X-Amz-Expires=60"
    path += "&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
    assert send(world, "PUT", path, {}).code == "AuthorizationHeaderMalformed"


def test_an_old_presigned_url_is_good_for_single_objects_only(
    world: World, s3: Any, bucket: str
) -> None:
    wanted = {"Bucket": bucket, "Key": "k", "UploadId": "1"}
    status, body = fetch(s3.generate_presigned_url("abort_multipart_upload", wanted), "DELETE")
    assert (status, code_in(body)) == (501, "NotImplemented")
    assert fetch(s3.generate_presigned_url("list_objects", {"Bucket": bucket}))[0] == 403


@pytest.mark.parametrize("expires", ["", "x", "99999999999", "-1"])
def test_an_old_presigned_url_has_a_time_within_a_week(
    world: World, bucket: str, expires: str
) -> None:
    reply = send(
        world, "GET", f"/{bucket}/k?AWSAccessKeyId=AKIAONE&Signature=x&Expires={expires}", {}
    )
    assert (reply.status, reply.code) == (400, "AuthorizationHeaderMalformed")


@VERSIONS
def test_a_request_is_signed_in_one_way_only(
    world: World, bucket: str, version: str | None
) -> None:
    s3 = client(world, signature_version=version)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    path = url.removeprefix(world.url)
    reply = send(world, "GET", path, signed_headers(world, "GET", path, EMPTY))
    assert (reply.status, reply.code) == (400, "InvalidArgument")


def test_errors_carry_the_request_and_never_a_secret(world: World, bucket: str) -> None:
    reply = request(world, "GET", f"/{bucket}/none")
    tree = ElementTree.fromstring(reply.body)
    assert tree.findtext("RequestId") == reply.headers["x-amz-request-id"] == "request-1"
    assert tree.findtext("Resource") == f"/{bucket}/none"
    assert SECRETS["AKIAONE"][0].encode() not in reply.body
