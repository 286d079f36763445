from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from modelyard.sigv4 import (
    UNSIGNED_PAYLOAD,
    Request,
    Signature,
    SignatureError,
    check_body,
    parse_authorization,
    parse_presigned,
    session_token,
    signing_key,
    verify,
)

NOW = datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

SEGMENTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=0, max_size=8
)
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda parts: quote("/" + "/".join(parts), safe="/~"))
DOTTED = st.lists(st.sampled_from(["a", "", ".", "..", "b c", "%"]), max_size=6).map(
    lambda parts: quote("/" + "/".join(parts), safe="/~")
)
QUERIES = st.lists(st.tuples(SEGMENTS.filter(bool), SEGMENTS), max_size=4).map(
    lambda pairs: "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
)
HEADER_VALUES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=12)
HEADERS = st.dictionaries(
    st.from_regex(r"x-(amz-meta|other)-[a-z]{1,6}", fullmatch=True), HEADER_VALUES, max_size=3
)

HOST = "http://127.0.0.1:8080"


def sent(
    signer: type[SigV4Auth],
    *,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    service: str = "sagemaker",
    token: str | None = None,
    at: datetime = NOW,
) -> Request:
    """Return what the server sees of a request that botocore signed."""
    url = f"{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    with patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=None)):
        signer(Credentials(KEY, SECRET, token), service, "eu-west-1").add_auth(request)
    split = urlsplit(str(request.url))
    seen = {"host": "127.0.0.1:8080"} | {k.lower(): v for k, v in request.headers.items()}
    return Request(
        method=method,
        path=split.path,
        query=split.query,
        headers=seen,
        body_sha256=seen.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest(),
    )


def claim(request: Request) -> Signature:
    signature = parse_presigned(request.query)
    return signature or parse_authorization(request.headers["authorization"])


def check(request: Request, secret: str = SECRET, now: datetime = NOW) -> None:
    verify(claim(request), request, secret, now)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(SignatureError) as caught:
        call()
    return caught.value.code


@given(path=PATHS | DOTTED, query=QUERIES, headers=HEADERS, body=st.binary(max_size=20))
def test_what_botocore_signs_for_a_service_is_verified(
    path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    check(sent(SigV4Auth, path=path, query=query, headers=headers, body=body))


@given(path=PATHS | DOTTED, query=QUERIES, headers=HEADERS, body=st.binary(max_size=20))
def test_what_botocore_signs_for_s3_is_verified(
    path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    check(
        sent(
            S3SigV4Auth,
            method="PUT",
            path=path,
            query=query,
            headers=headers,
            body=body,
            service="s3",
        )
    )


@given(path=PATHS | DOTTED)
def test_a_presigned_s3_url_is_verified(path: str) -> None:
    request = sent(S3SigV4QueryAuth, method="GET", path=path, query="versionId=a%20b", service="s3")
    check(replace(request, body_sha256=UNSIGNED_PAYLOAD))


def test_a_presigned_url_of_another_service_is_verified() -> None:
    check(sent(SigV4QueryAuth, method="GET", query="Action=GetCallerIdentity", service="sts"))


def test_a_claim_holds_all_its_parts() -> None:
    signature = claim(sent(SigV4Auth, headers={"X-Amz-Target": "SageMaker.ListModels"}))
    assert signature.access_key_id == KEY
    assert signature.scope == "20261121/eu-west-1/sagemaker/aws4_request"
    assert signature.signed_headers == ("host", "x-amz-date", "x-amz-target")
    assert signature.expires_seconds is None


def test_a_session_token_is_found_in_the_header_and_in_the_query() -> None:
    by_header = sent(SigV4Auth, token="T/+=")
    by_query = sent(S3SigV4QueryAuth, token="T/+=", method="GET", service="s3")
    for request in (by_header, by_query):
        assert session_token(claim(request), request.headers) == "T/+="
    check(by_header)
    check(replace(by_query, body_sha256=UNSIGNED_PAYLOAD))


def test_a_date_header_stands_in_for_x_amz_date() -> None:
    request = sent(SigV4Auth, headers={"Date": "to be replaced"})
    assert "x-amz-date" not in request.headers
    check(request)


@pytest.mark.parametrize("wire", ["é à".encode().decode("latin-1"), "é à"])
def test_header_values_beyond_ascii_are_verified_as_utf_8_or_as_latin_1(wire: str) -> None:
    signed = sent(SigV4Auth, headers={"x-amz-meta-name": "é à"})
    check(replace(signed, headers={**signed.headers, "x-amz-meta-name": wire}))


def test_unescaped_characters_on_the_wire_verify_as_the_escaped_ones_that_were_signed() -> None:
    signed = sent(S3SigV4Auth, path="/bucket/a%3Db%20c", query="prefix=a%2Fb", service="s3")
    check(replace(signed, path="/bucket/a=b%20c", query="prefix=a/b"))


REQUEST = sent(
    SigV4Auth, path="/endpoints/e/invocations", query="a=1&b=2", headers={"x-amz-a": "1"}, body=b"x"
)


@pytest.mark.parametrize(
    "altered",
    [
        replace(REQUEST, method="PUT"),
        replace(REQUEST, path="/endpoints/f/invocations"),
        replace(REQUEST, path="/endpoints/e/../f/invocations"),
        replace(REQUEST, query="a=1&b=3"),
        replace(REQUEST, query="a=1&b=2&c=3"),
        replace(REQUEST, query=""),
        replace(REQUEST, body_sha256=hashlib.sha256(b"y").hexdigest()),
        replace(REQUEST, headers={**REQUEST.headers, "host": "elsewhere"}),
        replace(REQUEST, headers={**REQUEST.headers, "x-amz-a": "2"}),
        replace(REQUEST, headers={**REQUEST.headers, "x-amz-date": "20261121T093016Z"}),
        replace(REQUEST, headers={**REQUEST.headers, "x-amz-target": "SageMaker.DeleteModel"}),
        replace(REQUEST, headers={k: v for k, v in REQUEST.headers.items() if k != "x-amz-a"}),
    ],
)
def test_an_altered_request_does_not_match(altered: Request) -> None:
    check(REQUEST)
    assert code_of(lambda: check(altered)) == "SignatureDoesNotMatch"


@given(
    position=st.integers(0, 63),
    digit=st.sampled_from("0123456789abcdefABCDEFé"),
)
def test_an_altered_signature_does_not_match(position: int, digit: str) -> None:
    signature = claim(REQUEST)
    text = signature.signature
    altered = text[:position] + digit + text[position + 1 :]
    if altered != text:
        forged = replace(signature, signature=altered)
        assert code_of(lambda: verify(forged, REQUEST, SECRET, NOW)) == "SignatureDoesNotMatch"


@given(path=PATHS, other=PATHS)
def test_a_signature_is_good_for_its_own_path_only(path: str, other: str) -> None:
    request = sent(S3SigV4Auth, path=path, service="s3")
    if path != other:
        moved = replace(request, path=other)
        assert code_of(lambda: check(moved)) == "SignatureDoesNotMatch"


def test_another_secret_does_not_match() -> None:
    assert code_of(lambda: check(REQUEST, secret="guessed")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("part", ["date", "region", "service", "access_key_id"])
def test_a_signature_is_good_for_its_own_scope_only(part: str) -> None:
    other = {"date": "20261120", "region": "us-east-1", "service": "s3"}
    if part in other:
        forged = replace(claim(REQUEST), **{part: other[part]})  # type: ignore[arg-type]  # all text
        assert code_of(lambda: verify(forged, REQUEST, SECRET, NOW)) == "SignatureDoesNotMatch"


def test_a_host_that_is_not_signed_does_not_match() -> None:
    forged = replace(claim(REQUEST), signed_headers=("x-amz-a", "x-amz-date"))
    assert code_of(lambda: verify(forged, REQUEST, SECRET, NOW)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_more_than_fifteen_minutes_off_is_refused(minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    assert code_of(lambda: check(REQUEST, now=now)) == "RequestTimeTooSkewed"


@pytest.mark.parametrize("minutes", [-15, 15])
def test_a_clock_fifteen_minutes_off_is_borne(minutes: int) -> None:
    check(REQUEST, now=NOW + timedelta(minutes=minutes))


def test_a_presigned_url_is_good_until_it_expires_and_not_before_it_was_made() -> None:
    request = sent(S3SigV4QueryAuth, method="GET", path="/b/k", service="s3")
    request = replace(request, body_sha256=UNSIGNED_PAYLOAD)
    check(request, now=NOW + timedelta(hours=1))
    late, early = NOW + timedelta(hours=1, seconds=1), NOW - timedelta(minutes=16)
    assert code_of(lambda: check(request, now=late)) == "RequestExpired"
    assert code_of(lambda: check(request, now=early)) == "RequestTimeTooSkewed"


def test_the_life_of_a_presigned_url_cannot_be_prolonged() -> None:
    request = sent(S3SigV4QueryAuth, method="GET", path="/b/k", service="s3")
    longer = request.query.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")
    altered = replace(request, query=longer, body_sha256=UNSIGNED_PAYLOAD)
    assert code_of(lambda: check(altered)) == "SignatureDoesNotMatch"


AUTHORIZATION = REQUEST.headers["authorization"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256",
        AUTHORIZATION.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        AUTHORIZATION.replace("SignedHeaders=", "Signed="),
        AUTHORIZATION.replace("aws4_request", "aws5_request"),
        AUTHORIZATION.replace("/sagemaker", ""),
        AUTHORIZATION.replace("/20261121/", "/2026-11-21/"),
        AUTHORIZATION.replace("AKIDEXAMPLE", "\xff"),
        AUTHORIZATION.partition("Signature=")[0],
    ],
)
def test_an_authorization_that_cannot_be_read_is_incomplete(header: str) -> None:
    assert code_of(lambda: parse_authorization(header)) == "IncompleteSignature"


def test_all_missing_parts_of_an_authorization_are_named_at_once() -> None:
    with pytest.raises(SignatureError, match=r"'Credential'.*'SignedHeaders'.*'Signature'"):
        parse_authorization("AWS4-HMAC-SHA256 nonsense")


def test_spaces_between_the_parts_of_an_authorization_do_not_matter() -> None:
    assert parse_authorization(AUTHORIZATION.replace(", ", ",")) == claim(REQUEST)


PRESIGNED = sent(S3SigV4QueryAuth, method="GET", path="/b/k", service="s3").query


@pytest.mark.parametrize(
    "query",
    [
        PRESIGNED.replace("X-Amz-Expires=3600", "X-Amz-Expires=604801"),
        PRESIGNED.replace("X-Amz-Expires=3600", "X-Amz-Expires=0"),
        PRESIGNED.replace("X-Amz-Expires=3600", "X-Amz-Expires=-1"),
        PRESIGNED.replace("X-Amz-Expires=3600", "X-Amz-Expires=1_0"),
        PRESIGNED.replace("X-Amz-Date=", "X-Amz-Day="),
        PRESIGNED.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        PRESIGNED + "&X-Amz-Expires=60",
        PRESIGNED.replace("AKIDEXAMPLE", "%FF"),
        "X-Amz-Signature=00",
    ],
)
def test_a_presigned_url_that_cannot_be_read_is_incomplete(query: str) -> None:
    assert code_of(lambda: parse_presigned(query)) == "IncompleteSignature"


@pytest.mark.parametrize("query", ["", "list-type=2&prefix=X-Amz-Algorithm", "X-Amz-Other=1"])
def test_a_query_without_a_signature_is_not_presigned(query: str) -> None:
    assert parse_presigned(query) is None


@pytest.mark.parametrize("date", ["", "yesterday", "20261321T000000Z", "2026-11-21T09:30:15Z"])
def test_a_request_without_a_readable_date_is_incomplete(date: str) -> None:
    altered = replace(REQUEST, headers={**REQUEST.headers, "x-amz-date": date})
    assert code_of(lambda: check(altered)) == "IncompleteSignature"


@given(header=st.text(), query=st.text())
def test_no_text_makes_the_parsers_fail_otherwise(header: str, query: str) -> None:
    for parse in (
        lambda: parse_authorization(f"AWS4-HMAC-SHA256 {header}"),
        lambda: parse_presigned(f"X-Amz-Signature=0&{query}"),
    ):
        assert code_of(parse) == "IncompleteSignature"


def test_the_signing_key_is_that_of_the_documentation() -> None:
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    key = signing_key(secret, "20120215", "us-east-1", "iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


def test_a_body_is_compared_with_the_hash_that_was_signed() -> None:
    digest = hashlib.sha256(b"body").hexdigest()
    for fine in ({}, {"x-amz-content-sha256": digest}, {"x-amz-content-sha256": UNSIGNED_PAYLOAD}):
        check_body(fine, digest)
    wrong = {"x-amz-content-sha256": "0" * 64}
    assert code_of(lambda: check_body(wrong, digest)) == "XAmzContentSHA256Mismatch"
