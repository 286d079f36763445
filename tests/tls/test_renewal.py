"""The certificate in force is replaced by a good one, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from modelyard.tls.errors import TlsError
from modelyard.tls.renewal import Renewal
from modelyard.tls_sockets import Certificate
from tests.certificates import Issuer, new_key, pem_of

ISSUER = Issuer()


class Source:
    """Gives what a test lays into it."""

    ca_file = Path("/nowhere")
    host = "127.0.0.1"

    def __init__(self, found: Certificate | Exception) -> None:
        self.found = found

    def read(self) -> Certificate:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def started(first: Certificate) -> tuple[Source, Renewal, list[Certificate]]:
    source = Source(first)
    renewal = Renewal(source, first)
    heard: list[Certificate] = []

    async def hear(certificate: Certificate) -> None:
        heard.append(certificate)

    renewal.subscribe(hear)
    return source, renewal, heard


async def test_who_serves_is_told_of_a_new_certificate_once() -> None:
    first, second = ISSUER.issue("127.0.0.1"), ISSUER.issue("127.0.0.1")
    source, renewal, heard = started(first)
    await renewal.check()
    assert heard == []
    source.found = second
    await renewal.check()
    await renewal.check()
    assert heard == [second]
    assert renewal.certificate == second


@pytest.mark.parametrize(
    "bad",
    [
        TlsError(["expired"]),
        PermissionError("no"),
        Certificate(chain=ISSUER.issue("127.0.0.1").chain, key=pem_of(new_key())),
    ],
    ids=["refused", "unreadable", "mismatched"],
)
async def test_a_bad_certificate_changes_nothing_and_the_next_good_one_is_taken(
    bad: Certificate | Exception,
) -> None:
    first, second = ISSUER.issue("127.0.0.1"), ISSUER.issue("127.0.0.1")
    source, renewal, heard = started(first)
    source.found = bad
    await renewal.check()
    assert renewal.certificate == first
    source.found = second
    await renewal.check()
    assert heard == [second]


async def test_the_servers_own_calls_trust_the_new_certificate_beside_the_old() -> None:
    first, second = ISSUER.issue("127.0.0.1"), Issuer("another").issue("models.example.org")
    source, renewal, _ = started(first)
    source.found = second
    await renewal.check()
    trusted = {
        x509.load_der_x509_certificate(der).serial_number
        for der in renewal.trust.get_ca_certs(binary_form=True)
    }
    # get_ca_certs lists what says that it is an authority; ours say nothing, so are counted.
    assert renewal.trust.cert_store_stats()["x509"] == 2 + len(trusted)
