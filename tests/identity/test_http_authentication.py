"""Clients that can sign nothing prove themselves by a password, or by the token of a session."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from modelyard.identity.authentication import RequestHead
from modelyard.identity.http_authentication import HttpAuthenticator
from modelyard.identity.session_bearer import session_bearer
from modelyard.sigv4 import SignatureError
from tests.identity.world import ACCOUNT, DEFAULT_ROLE_ARN, World, signed


def authenticator(home: World) -> HttpAuthenticator:
    return HttpAuthenticator(home.authenticator, home.credentials.sealing_key)


def head(authorization: str) -> RequestHead:
    return RequestHead(method="GET", path="/", query="", headers={"authorization": authorization})


def basic(name: str, password: str) -> RequestHead:
    return head(f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}")


def session(home: World) -> dict[str, Any]:
    request = {"RoleArn": DEFAULT_ROLE_ARN, "RoleSessionName": "session", "DurationSeconds": 900}
    keys: dict[str, Any] = home.table.call(home.context(), "sts", "AssumeRole", request)[
        "Credentials"
    ]
    return keys


def arn_of(home: World, request: RequestHead) -> str:
    return authenticator(home).claim(request).caller.principal.arn


def refusal(home: World, request: RequestHead) -> str:
    with pytest.raises(SignatureError) as caught:
        authenticator(home).claim(request)
    return caught.value.code


def test_an_access_key_and_its_secret_are_a_password(home: World) -> None:
    root = home.credentials
    request = basic(root.access_key_id, root.secret_access_key)
    assert arn_of(home, request) == f"arn:aws:iam::{ACCOUNT}:root"
    assert refusal(home, basic(root.access_key_id, "wrong")) == "InvalidClientTokenId"
    assert refusal(home, basic("nobody", root.secret_access_key)) == "InvalidClientTokenId"


def test_a_bearer_token_is_one_also_as_a_password(home: World) -> None:
    token = home.credentials.token
    for request in (head(f"Bearer {token}"), basic("anything", token)):
        assert arn_of(home, request) == f"arn:aws:iam::{ACCOUNT}:root"


def test_a_session_proves_its_secret(home: World) -> None:
    keys = session(home)
    token = session_bearer(keys["SecretAccessKey"], keys["SessionToken"])
    for request in (head(f"Bearer {token}"), head(f"bearer {token}"), basic("x", token)):
        assert arn_of(home, request).endswith("assumed-role/modelyard-execution/session")
    home.clock.advance(901)
    assert refusal(home, head(f"Bearer {token}")) == "ExpiredToken"


def test_a_session_token_without_the_secret_proves_nothing(home: World) -> None:
    sealed = session(home)["SessionToken"]
    other = session(home)["SecretAccessKey"]
    assert refusal(home, head(f"Bearer {sealed}")) == "InvalidClientTokenId"
    assert refusal(home, head(f"Bearer my_session_.{sealed}")) == "InvalidClientTokenId"
    assert refusal(home, head(f"Bearer {session_bearer(other, sealed)}")) == "InvalidClientTokenId"
    assert refusal(home, head(f"Bearer {session_bearer(other, 'x')}")) == "InvalidToken"


def test_a_sessions_bearer_token_opens_no_door_but_those_that_know_it(home: World) -> None:
    keys = session(home)
    token = session_bearer(keys["SecretAccessKey"], keys["SessionToken"])
    with pytest.raises(SignatureError):
        home.authenticator.claim(head(f"Bearer {token}"))


@pytest.mark.parametrize("value", ["", "!", "bm9jb2xvbg==", "//79"])
def test_what_is_no_password_is_refused(home: World, value: str) -> None:
    assert refusal(home, head(f"Basic {value}")) in ("IncompleteSignature", "InvalidClientTokenId")


def test_a_signature_is_proved_as_everywhere(home: World) -> None:
    keys = home.credentials
    request, digest = signed(keys.access_key_id, keys.secret_access_key, service="execute-api")
    known = authenticator(home)
    assert known.prove(known.claim(request), request, digest).service == "execute-api"
    with pytest.raises(SignatureError):
        known.prove(known.claim(request), request, "0" * 64)
