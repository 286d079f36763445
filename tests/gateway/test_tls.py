"""The gateway's own port in TLS: the same answers, and the key in memory only."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import urllib3
import uvloop

from modelyard.gateway.connection import MAX_BODY_BYTES
from modelyard.gateway.routes import Endpoint, decode, encode_certificate
from tests.certificates import Issuer
from tests.gateway.conftest import Trained
from tests.gateway.live import TOKEN, LivePool, until, variant
from tests.gateway.models import as_csv, expected, rows

ISSUER = Issuer()
FIRST = ISSUER.issue("127.0.0.1")
ROW = as_csv(rows(1, seed=5))


@pytest.fixture(scope="module")
def pool(blue: Trained) -> Iterator[LivePool]:
    live = LivePool(new_loop=uvloop.new_event_loop, workers=2, certificate=FIRST).start()
    assert live.apply({"e": Endpoint(variants=[variant(blue.folder)])}) == {}
    yield live
    live.close()


def client(pool: LivePool, tmp_path: Path, issuer: Issuer = ISSUER) -> urllib3.PoolManager:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(issuer.pem)
    return urllib3.PoolManager(ca_certs=str(ca), retries=False)


def invoke(http: urllib3.PoolManager, url: str, body: bytes = ROW) -> urllib3.BaseHTTPResponse:
    return http.request(
        "POST",
        f"{url}/endpoints/e/invocations",
        body=body,
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/csv"},
    )


def served(pool: LivePool) -> str:
    """Return the certificate that a new connection is greeted with."""
    return ssl.get_server_certificate(("127.0.0.1", pool.pool.port)).strip()


def test_an_endpoint_answers_over_tls_on_one_connection(
    pool: LivePool, blue: Trained, tmp_path: Path
) -> None:
    http = client(pool, tmp_path)
    right = f"{float(expected(blue.booster, rows(1, seed=5))[0]):.4f}"
    for _ in range(50):
        answer = invoke(http, pool.pool.url)
        assert (answer.status, f"{float(answer.data):.4f}") == (200, right)
    assert http.connection_from_url(pool.pool.url).num_connections == 1


def test_both_urls_are_https(pool: LivePool) -> None:
    assert pool.pool.url == pool.pool.local_url == f"https://127.0.0.1:{pool.pool.port}"


def test_a_client_that_trusts_another_authority_refuses_it(pool: LivePool, tmp_path: Path) -> None:
    with pytest.raises(urllib3.exceptions.SSLError):
        invoke(client(pool, tmp_path, Issuer()), pool.pool.url)


def test_plain_http_is_told_the_url(pool: LivePool) -> None:
    answer = invoke(urllib3.PoolManager(retries=False), f"http://127.0.0.1:{pool.pool.port}")
    assert answer.status == 400
    assert f"use {pool.pool.url}" in answer.data.decode()


def test_a_body_that_is_too_long_is_refused_while_it_comes_in(
    pool: LivePool, tmp_path: Path
) -> None:
    answer = invoke(client(pool, tmp_path), pool.pool.url, b"1," * MAX_BODY_BYTES)
    assert answer.status == 413


def test_a_new_worker_serves_with_the_present_certificate(pool: LivePool, blue: Trained) -> None:
    second = ISSUER.issue("127.0.0.1")
    pool.run(pool.pool.set_certificate(second))
    until(lambda: served(pool) in second.chain.decode())
    victims = pool.workers()
    for victim in victims:
        victim.kill()
    until(lambda: len([one for one in pool.workers() if one not in victims]) == 2)
    assert served(pool) in second.chain.decode()


def test_the_key_is_in_no_workers_command_or_environment(pool: LivePool) -> None:
    secret = FIRST.key.decode().splitlines()[1]
    for worker in pool.workers():
        shown = psutil.Process(worker.pid)
        assert secret not in " ".join([*shown.cmdline(), *shown.environ().values()])


def test_a_certificate_reads_as_it_was_written() -> None:
    line = encode_certificate(FIRST)
    assert line.count(b"\n") == 1
    assert decode(line) == FIRST
