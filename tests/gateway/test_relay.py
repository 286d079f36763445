from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import urllib3
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from modelyard.gateway.exchange import Request
from modelyard.gateway.relay import HEADER, Relay, source_of
from modelyard.gateway.routes import Endpoint
from tests.certificates import Issuer
from tests.gateway.conftest import Trained
from tests.gateway.live import RELAY, TOKEN, LivePool, variant
from tests.gateway.models import as_csv, rows

ISSUER = Issuer()
ROW = as_csv(rows(1, seed=5))
LONG = b"9" * 100_000  # admitted before it is read


def request(told: bytes | None) -> Request:
    headers = {} if told is None else {HEADER.encode(): told}
    return Request(b"POST", b"/", headers, b"", "127.0.0.1")


@pytest.mark.parametrize("source", ["192.0.2.7", "2001:db8::1", "local socket"])
def test_who_has_the_secret_is_believed(source: str) -> None:
    relay = Relay.new()
    told = relay.introduction(source).encode()
    assert source_of(request(told), relay.secret) == source


@given(st.binary(max_size=100))
def test_who_has_not_the_secret_is_not(told: bytes) -> None:
    for sent in (told, told + b" 192.0.2.7"):
        assert source_of(request(sent), RELAY.secret) == "127.0.0.1"


@pytest.mark.parametrize("told", [b" 192.0.2.7", b"", b" "])
def test_where_there_is_no_secret_nobody_is_believed(told: bytes) -> None:
    assert source_of(request(told), "") == "127.0.0.1"


def test_the_secret_alone_tells_nothing() -> None:
    for told in (RELAY.secret, f"{RELAY.secret} "):
        assert source_of(request(told.encode()), RELAY.secret) == "127.0.0.1"
    assert source_of(request(None), RELAY.secret) == "127.0.0.1"


def test_two_servers_have_two_secrets_and_show_none() -> None:
    one, other = Relay.new(), Relay.new()
    assert one.secret != other.secret
    assert one.secret not in repr(one)


@pytest.fixture(params=["http", "https"])
def live(
    request: pytest.FixtureRequest, blue: Trained, calls: list[Mapping[str, Any]]
) -> Iterator[LivePool]:
    def record(told: Sequence[Mapping[str, Any]]) -> None:
        calls.extend(told)

    certificate = ISSUER.issue("127.0.0.1") if request.param == "https" else None
    pool = LivePool(
        new_loop=uvloop.new_event_loop, workers=1, certificate=certificate, record=record
    ).start()
    assert pool.apply({"e": Endpoint(variants=[variant(blue.folder)])}) == {}
    yield pool
    pool.close()


@pytest.fixture
def calls() -> list[Mapping[str, Any]]:
    return []


def test_what_is_told_of_an_invocation_has_the_relayed_clients_address(
    live: LivePool, calls: list[Mapping[str, Any]]
) -> None:
    http = urllib3.PoolManager(
        retries=False, ca_cert_data=ISSUER.pem.decode(), assert_hostname="127.0.0.1"
    )

    def invoke(told: str | None, *, body: bytes = ROW, token: str = TOKEN) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
        if told is not None:
            headers[HEADER] = told
        url = f"{live.pool.url}/endpoints/e/invocations"
        return http.request("POST", url, body=body, headers=headers).status

    assert invoke(RELAY.introduction("192.0.2.1")) == 200
    assert invoke(Relay.new().introduction("192.0.2.2")) == 200  # a client that made one up
    assert invoke(None) == 200
    assert invoke(RELAY.introduction("192.0.2.3"), token="x") == 403
    assert invoke(RELAY.introduction("192.0.2.4"), token="x", body=LONG) == 403
    live.stop()  # which has the worker tell what it still holds
    told = {(one["source"], one["allowed"]): one["calls"] for one in calls}
    assert told == {
        ("192.0.2.1", True): 1,
        ("127.0.0.1", True): 2,
        ("192.0.2.3", False): 1,
        ("192.0.2.4", False): 1,
    }
    assert RELAY.secret not in repr(calls)
