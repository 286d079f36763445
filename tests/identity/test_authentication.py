from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelyard.identity.authentication import RequestHead
from modelyard.sigv4 import SignatureError
from tests.identity.world import ACCOUNT, DEFAULT_ROLE_ARN, World, signed

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def root_keys(home: World) -> tuple[str, str]:
    return home.credentials.access_key_id, home.credentials.secret_access_key


def session(home: World, seconds: int = 900) -> dict[str, Any]:
    request = {
        "RoleArn": DEFAULT_ROLE_ARN,
        "RoleSessionName": "session",
        "DurationSeconds": seconds,
    }
    answer = home.table.call(home.context(), "sts", "AssumeRole", request)
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials


def refusal(home: World, head: RequestHead, body_sha256: str) -> str:
    with pytest.raises(SignatureError) as caught:
        home.authenticator.authenticate(head, body_sha256)
    assert caught.value.message
    return caught.value.code


def bearer(token: str, **headers: str) -> RequestHead:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestHead(
        method="POST", path="/", query="", headers={"authorization": f"Bearer {token}", **names}
    )


def test_a_signed_request_is_its_signers(home: World) -> None:
    caller = home.authenticator.authenticate(*signed(*root_keys(home), region="ap-south-1"))
    assert caller.principal.arn == f"arn:aws:iam::{ACCOUNT}:root"
    assert caller.principal.account == ACCOUNT
    assert (caller.region, caller.service) == ("ap-south-1", "sagemaker")


def test_a_presigned_url_is_its_signers_until_it_expires(home: World) -> None:
    request = signed(
        *root_keys(home),
        service="sts",
        method="GET",
        url="http://127.0.0.1:8080/?Action=GetCallerIdentity&Version=2011-06-15",
        body=b"",
        presigned_seconds=1000,
    )
    assert home.authenticator.authenticate(*request).service == "sts"
    home.clock.advance(1200)
    assert refusal(home, *request) == "RequestExpired"


def test_a_wrong_secret_is_refused(home: World) -> None:
    head, digest = signed(home.credentials.access_key_id, "wrong")
    assert refusal(home, head, digest) == "SignatureDoesNotMatch"


def test_an_unknown_key_is_refused(home: World) -> None:
    head, digest = signed("AKIASTRANGER00000000", home.credentials.secret_access_key)
    assert refusal(home, head, digest) == "InvalidClientTokenId"


def test_an_altered_body_is_refused(home: World) -> None:
    head, _ = signed(*root_keys(home))
    assert refusal(home, head, EMPTY_SHA256) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "change", [{"path": "/other"}, {"method": "PUT"}, {"query": "a=b"}, {"headers": "host"}]
)
def test_an_altered_head_is_refused(home: World, change: dict[str, Any]) -> None:
    head, digest = signed(*root_keys(home))
    if "headers" in change:
        change = {"headers": {**head.headers, "host": "elsewhere"}}
    assert refusal(home, replace(head, **change), digest) == "SignatureDoesNotMatch"


def test_a_body_that_is_not_the_one_of_its_hash_header_is_refused(home: World) -> None:
    head, digest = signed(*root_keys(home))
    lying = replace(head, headers={**head.headers, "x-amz-content-sha256": EMPTY_SHA256})
    assert refusal(home, lying, digest) == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize("seconds", [-901, 901])
def test_a_clock_that_is_wrong_is_refused(home: World, seconds: int) -> None:
    request = signed(*root_keys(home))
    home.clock.advance(seconds + (2 if seconds > 0 else -2))
    assert refusal(home, *request) == "RequestTimeTooSkewed"


@pytest.mark.parametrize("authorization", ["Basic cm9vdDpyb290", "AWS4-HMAC-SHA256 nonsense", ""])
def test_what_is_no_signature_is_refused(home: World, authorization: str) -> None:
    head, digest = signed(*root_keys(home))
    other = replace(head, headers={**head.headers, "authorization": authorization})
    assert refusal(home, other, digest) == "IncompleteSignature"


def test_nothing_at_all_is_refused(home: World) -> None:
    head = RequestHead(method="GET", path="/", query="", headers={"host": "localhost"})
    assert refusal(home, head, EMPTY_SHA256) == "MissingAuthenticationToken"


@pytest.mark.parametrize("region", ["../../etc", "US-EAST-1", "a", "x" * 33, "us_east"])
def test_what_is_no_region_is_refused(home: World, region: str) -> None:
    head = bearer(home.credentials.token, x_modelyard_region=region)
    assert refusal(home, head, EMPTY_SHA256) == "IncompleteSignature"


def test_a_bearer_token_is_roots_in_the_region_it_names(home: World) -> None:
    caller = home.authenticator.authenticate(bearer(home.credentials.token), EMPTY_SHA256)
    assert (caller.principal.is_root, caller.region, caller.service) == (True, "eu-west-1", None)
    elsewhere = bearer(home.credentials.token, x_modelyard_region="us-west-2")
    assert home.authenticator.authenticate(elsewhere, EMPTY_SHA256).region == "us-west-2"


@pytest.mark.parametrize("token", ["", "wrong", "ä", "\udc80"])
def test_a_wrong_bearer_token_is_refused(home: World, token: str) -> None:
    assert refusal(home, bearer(token), EMPTY_SHA256) == "InvalidClientTokenId"


def test_a_roles_session_acts_as_the_role_until_it_expires(home: World) -> None:
    keys = session(home, seconds=900)
    request = signed(keys["AccessKeyId"], keys["SecretAccessKey"], token=keys["SessionToken"])
    caller = home.authenticator.authenticate(*request)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/modelyard-execution/session"
    assert caller.principal.arn == arn
    assert not caller.principal.is_root
    home.clock.advance(900)
    assert refusal(home, *request) == "ExpiredToken"


def test_a_session_needs_its_own_secret_and_key(home: World) -> None:
    keys, others = session(home), session(home)
    token = keys["SessionToken"]
    wrong_secret = signed(keys["AccessKeyId"], others["SecretAccessKey"], token=token)
    assert refusal(home, *wrong_secret) == "SignatureDoesNotMatch"
    wrong_key = signed(others["AccessKeyId"], others["SecretAccessKey"], token=token)
    assert refusal(home, *wrong_key) == "InvalidToken"
    without_token = signed(keys["AccessKeyId"], keys["SecretAccessKey"])
    assert refusal(home, *without_token) == "InvalidClientTokenId"
    forged = signed(keys["AccessKeyId"], keys["SecretAccessKey"], token=token[:-4] + "AAAA")
    assert refusal(home, *forged) == "InvalidToken"


def test_root_with_a_token_that_is_not_its_own_is_refused(home: World) -> None:
    request = signed(*root_keys(home), token=session(home)["SessionToken"])
    assert refusal(home, *request) == "InvalidToken"
