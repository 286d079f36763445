"""Which names a certificate covers."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from modelyard.tls.names import ServerNames, covers, names_of
from tests.certificates import Issuer

ISSUER = Issuer()
LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


def certificate(*names: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(ISSUER.issue(*names).chain)[0]


@given(labels=st.lists(LABEL, min_size=2, max_size=4))
def test_a_wildcard_covers_exactly_one_label(labels: list[str]) -> None:
    name = ".".join(labels)
    wild = certificate(f"*.{'.'.join(labels[1:])}")
    assert covers(wild, name)
    assert covers(wild, name.upper())
    assert not covers(wild, f"a.{name}")
    assert not covers(wild, ".".join(labels[1:]))


@pytest.mark.parametrize(
    ("given_name", "called", "covered"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("example.org", "EXAMPLE.org", True),
        ("example.org", "www.example.org", False),
        ("*.example.org", "*.example.org", True),
        ("localhost", "127.0.0.1", False),
    ],
)
def test_a_name_is_covered_as_clients_see_it(given_name: str, called: str, covered: bool) -> None:
    assert covers(certificate(given_name), called) is covered


def test_a_certificate_without_alternative_names_is_for_nobody() -> None:
    assert names_of(ISSUER.certificate) == []
    assert not covers(ISSUER.certificate, "localhost")


def test_a_server_is_called_by_what_it_binds_first_and_never_by_a_wildcard() -> None:
    names = ServerNames(bound="::", allowed=["*.example.org", "Models.example.org"])
    assert names.callable == ["::1", "localhost", "models.example.org"]
    remote = ServerNames(bound="192.0.2.7", allowed=["models.example.org"])
    assert remote.callable == ["192.0.2.7", "models.example.org"]
