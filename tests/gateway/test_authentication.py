from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from modelyard import clock, sealing, sigv4
from modelyard.gateway import authentication
from modelyard.gateway.authentication import Authenticator, Caller
from modelyard.gateway.errors import GatewayError
from modelyard.gateway.exchange import Request
from modelyard.gateway.routes import Keys

ACCOUNT = "123456789012"
KEY, SECRET = "AKIAEXAMPLE", "a-secret"
HOST = "127.0.0.1:8081"
BODY = b"1,2,3"
SEALING_KEY = sealing.new_sealing_key()

USER = f"arn:aws:iam::{ACCOUNT}:user/ada"

KEYS = Keys(
    secrets={KEY: (SECRET, ACCOUNT, USER, "AIDA")},
    tokens={"bearer": ("210987654321", "arn:aws:iam::210987654321:root", "210987654321")},
    sealing_key=SEALING_KEY,
    default_region="eu-west-1",
)


def signed(
    *,
    path: str = "/endpoints/e/invocations",
    method: str = "POST",
    body: bytes = BODY,
    headers: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
    service: str = "sagemaker",
) -> Request:
    """Return a request as botocore signs it and a server reads it."""
    url = f"http://{HOST}{path}"
    request = AWSRequest(method, url, data=body, headers={"Content-Type": "text/csv"})
    for name, value in (headers or {}).items():
        request.headers[name] = value
    SigV4Auth(credentials or Credentials(KEY, SECRET), service, "us-east-1").add_auth(request)
    sent = {name.lower().encode(): value.encode() for name, value in request.headers.items()}
    return Request(method.encode(), path.encode(), {**sent, b"host": HOST.encode()}, body)


def refusal(request: Request, keys: Keys = KEYS) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        Authenticator(keys).authenticate(request)
    assert caught.value.status == 403
    return caught.value


def generic_verdict(request: Request) -> bool:
    """Return what the general verifier says."""
    headers = {name.decode(): value.decode("latin-1") for name, value in request.headers.items()}
    path, _, query = request.target.decode().partition("?")
    try:
        sigv4.verify(
            sigv4.parse_authorization(headers["authorization"]),
            sigv4.Request(
                method=request.method.decode(),
                path=path,
                query=query,
                headers=headers,
                body_sha256=hashlib.sha256(request.body).hexdigest(),
            ),
            SECRET,
            clock.now(),
        )
    except (sigv4.SignatureError, KeyError):
        return False
    return True


def test_a_signed_request_is_its_keys_accounts_in_the_signatures_region() -> None:
    assert Authenticator(KEYS).authenticate(signed()) == Caller(
        account=ACCOUNT, region="us-east-1", arn=USER, user_id="AIDA", person=USER
    )


def test_the_quick_way_is_the_one_that_botocores_requests_take() -> None:
    request = signed(headers={"X-Amzn-SageMaker-Target-Variant": "blue", "X-Odd": "a   b"})
    claimed = request.headers[b"authorization"]
    claim = authentication._claim(claimed)
    assert authentication._is_signed_invocation(claim, claimed[-64:], request, SECRET)


MUTATIONS = st.sampled_from(
    ["none", "body", "secret", "path", "signature", "date", "added", "host", "name", "method"]
)


@given(MUTATIONS, st.binary(max_size=20))
def test_the_quick_way_never_accepts_what_the_general_one_refuses(kind: str, body: bytes) -> None:
    request = signed(body=body)
    headers = request.headers
    claimed = headers[b"authorization"]
    match kind:
        case "body":
            request.body += b"!"
        case "secret":
            request = signed(body=body, credentials=Credentials(KEY, "another"))
            claimed = request.headers[b"authorization"]
        case "path":
            request.target = b"/endpoints/f/invocations"
        case "signature":
            claimed = claimed[:-1] + (b"0" if claimed[-1:] != b"0" else b"1")
        case "date":
            headers[b"x-amz-date"] = b"20200101T000000Z"
        case "added":
            headers[b"x-amz-meta"] = b"1"
        case "host":
            headers[b"host"] = b"elsewhere"
        case "name":
            del headers[b"content-type"]
        case "method":
            request.method = b"PUT"
    request.headers[b"authorization"] = claimed
    claim = authentication._claim(claimed)
    quick = authentication._is_signed_invocation(claim, claimed[-64:], request, SECRET)
    assert quick == generic_verdict(request) == (kind == "none")


def test_paths_and_queries_beyond_the_quick_way_are_verified_too() -> None:
    for path in ("/endpoints/e%2Df/invocations", "/endpoints/e/invocations?a=1&b=", "/x"):
        assert Authenticator(KEYS).authenticate(signed(path=path)).account == ACCOUNT


def test_a_signature_that_stands_elsewhere_in_the_header_is_read() -> None:
    request = signed()
    algorithm, _, rest = request.headers[b"authorization"].partition(b" ")
    parts = rest.split(b", ")
    request.headers[b"authorization"] = algorithm + b" " + b",".join(reversed(parts))
    assert Authenticator(KEYS).authenticate(request).account == ACCOUNT


def test_each_kind_of_wrong_signature_has_its_code() -> None:
    altered = signed()
    altered.body = b"1,2,4"
    assert refusal(altered).code == "InvalidSignatureException"
    stranger = signed(credentials=Credentials("AKIASTRANGER", SECRET))
    assert refusal(stranger).code == "UnrecognizedClientException"
    other = signed(service="s3")
    assert "scoped to correct service: 'sagemaker'" in refusal(other).message
    nothing = Request(b"POST", b"/endpoints/e/invocations", {b"host": b"h"}, BODY)
    assert refusal(nothing).code == "MissingAuthenticationTokenException"
    nothing.headers[b"authorization"] = b"Basic eDp5"
    assert refusal(nothing).code == "IncompleteSignatureException"


def test_a_clock_that_is_off_by_more_than_fifteen_minutes_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = signed()
    late = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: late)
    monkeypatch.setattr("modelyard.gateway.authentication.time.time", late.timestamp)
    found = refusal(request)
    assert found.code == "InvalidSignatureException"
    assert "time is too large" in found.message


def test_nothing_is_remembered_of_a_verified_request() -> None:
    authenticator = Authenticator(KEYS)
    request = signed()
    authenticator.authenticate(request)
    request.body = b"other"
    with pytest.raises(GatewayError):
        authenticator.authenticate(request)


def test_a_bearer_token_is_its_account_in_the_default_region() -> None:
    request = Request(b"POST", b"/x", {b"authorization": b"Bearer bearer"}, BODY)
    assert Authenticator(KEYS).authenticate(request) == Caller(
        account="210987654321",
        region="eu-west-1",
        arn="arn:aws:iam::210987654321:root",
        user_id="210987654321",
        person="arn:aws:iam::210987654321:root",
    )
    for wrong in (b"Bearer beare", b"Bearer bearer2", b"Bearer ", b"Bearer \xff"):
        request.headers[b"authorization"] = wrong
        assert refusal(request).code == "UnrecognizedClientException"


def session(minutes: int, key: str = "ASIASESSION") -> tuple[Credentials, str]:
    opened = sealing.Session(
        access_key_id=key,
        secret="session-secret",
        account="111122223333",
        role_arn="arn:aws:iam::111122223333:role/team/r",
        session_name="s",
        person=USER,
        expires_at=clock.now() + timedelta(minutes=minutes),
    )
    token = sealing.seal_session(opened, SEALING_KEY)
    return Credentials(key, "session-secret", token), token


def test_temporary_credentials_are_their_sessions_accounts() -> None:
    credentials, _ = session(10)
    request = signed(credentials=credentials)
    caller = Authenticator(KEYS).authenticate(request)
    assert (caller.account, caller.region) == ("111122223333", "us-east-1")
    assert caller.arn == "arn:aws:sts::111122223333:assumed-role/r/s"
    assert caller.role == "arn:aws:iam::111122223333:role/team/r"
    assert caller.person == USER


@pytest.mark.parametrize(
    ("named", "revoked"), [({"session_name": "s"}, True), ({"session_name": "t"}, False)]
)
def test_a_revoked_session_is_refused(named: dict[str, str], revoked: bool) -> None:
    credentials, _ = session(10)
    role = "arn:aws:iam::111122223333:role/team/r"
    now = clock.to_micros(clock.now())
    keys = replace(KEYS, revoked=[sealing.Revocation(before_micros=now, role_arn=role, **named)])
    if revoked:
        assert refusal(signed(credentials=credentials), keys).code == "ExpiredTokenException"
    else:
        assert Authenticator(keys).authenticate(signed(credentials=credentials)).role == role


def test_temporary_credentials_expire_though_their_token_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials, _ = session(10)
    authenticator = Authenticator(KEYS)
    request = signed(credentials=credentials)
    authenticator.authenticate(request)
    late = clock.now() + timedelta(minutes=11)
    monkeypatch.setattr(clock, "now", lambda: late)
    with pytest.raises(GatewayError, match="expired") as caught:
        authenticator.authenticate(request)
    assert caught.value.code == "ExpiredTokenException"


def test_expired_forged_and_borrowed_tokens_are_refused() -> None:
    expired, _ = session(-1)
    assert refusal(signed(credentials=expired)).code == "ExpiredTokenException"
    forged = Credentials("ASIASESSION", "session-secret", "forged")
    assert refusal(signed(credentials=forged)).code == "UnrecognizedClientException"
    _, token = session(10)
    borrowed = Credentials(KEY, SECRET, token)
    assert refusal(signed(credentials=borrowed)).code == "UnrecognizedClientException"


def test_a_long_body_is_admitted_by_its_claim_alone() -> None:
    authenticator = Authenticator(KEYS)
    request = signed()
    request.body = b""
    authenticator.admit(request)
    authenticator.admit(Request(b"POST", b"/x", {b"authorization": b"Bearer bearer"}, b""))
    stranger = signed(credentials=Credentials("AKIASTRANGER", SECRET))
    with pytest.raises(GatewayError):
        authenticator.admit(stranger)


def test_keys_do_not_show_in_a_log() -> None:
    assert SECRET not in repr(KEYS)
    assert "bearer" not in repr(KEYS)
