"""The user's certificate: what is wrong with it is said, all of it at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from modelyard import clock
from modelyard.tls.errors import TlsError
from modelyard.tls.given import GivenCertificate
from modelyard.tls.names import ServerNames
from tests.certificates import Issuer, new_key, pem_of, write

LOOPBACK = ServerNames(bound="127.0.0.1")


def problems(source: GivenCertificate) -> list[str]:
    with pytest.raises(TlsError) as caught:
        source.read()
    return caught.value.problems


def test_a_good_certificate_is_served_as_it_is(tmp_path: Path) -> None:
    issued = Issuer().issue("127.0.0.1", "localhost")
    source = GivenCertificate(*write(tmp_path, issued), LOOPBACK)
    assert source.read() == issued
    assert source.host == "127.0.0.1"


def test_the_server_is_announced_by_a_name_that_the_certificate_is_for(tmp_path: Path) -> None:
    issued = Issuer().issue("models.example.org")
    names = ServerNames(bound="0.0.0.0", allowed=["models.example.org"])
    source = GivenCertificate(*write(tmp_path, issued), names)
    source.read()
    assert source.host == "models.example.org"


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    begin = clock.now() - timedelta(days=40)
    issued = Issuer().issue("elsewhere.example.org", begin=begin, life=timedelta(days=10))
    chain, key = write(tmp_path, issued)
    key.write_bytes(pem_of(new_key()))
    key.chmod(0o640)
    names = ServerNames(bound="127.0.0.1", allowed=["models.example.org"])
    found = problems(GivenCertificate(chain, key, names))
    for problem, words in zip(
        found,
        [
            "expired at",
            "is for elsewhere.example.org, and this server is called 127.0.0.1 or localhost or",
            "not for models.example.org of allowed_hosts",
            "chmod 600",
        ],
        strict=True,
    ):
        assert words in problem


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    chain, key = write(tmp_path, Issuer().issue("127.0.0.1"))
    key.write_bytes(pem_of(new_key()))
    (problem,) = problems(GivenCertificate(chain, key, LOOPBACK))
    assert "is not the key that tls_certificate" in problem


def test_a_certificate_of_tomorrow_is_refused(tmp_path: Path) -> None:
    issued = Issuer().issue("127.0.0.1", begin=clock.now() + timedelta(days=1))
    (problem,) = problems(GivenCertificate(*write(tmp_path, issued), LOOPBACK))
    assert "valid only from" in problem


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    chain, key = write(tmp_path, Issuer().issue("127.0.0.1"))
    key.chmod(mode)
    (problem,) = problems(GivenCertificate(chain, key, LOOPBACK))
    assert f"mode {mode:04o}" in problem


def test_an_encrypted_key_is_refused_with_the_command_that_decrypts_it(tmp_path: Path) -> None:
    own_key = new_key()
    chain, key = write(tmp_path, Issuer().issue("127.0.0.1", key=own_key))
    key.write_bytes(pem_of(own_key, b"a password"))
    (problem,) = problems(GivenCertificate(chain, key, LOOPBACK))
    assert "openssl pkey" in problem


def test_files_that_are_no_certificate_and_no_key_are_both_named(tmp_path: Path) -> None:
    chain, key = write(tmp_path, Issuer().issue("127.0.0.1"))
    chain.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    key.write_text("a secret that must not be shown")
    first, second = problems(GivenCertificate(chain, key, LOOPBACK))
    assert "no certificate in PEM" in first
    assert "no private key in PEM" in second
    assert "must not be shown" not in second


def test_files_that_are_not_there_are_both_named(tmp_path: Path) -> None:
    source = GivenCertificate(tmp_path / "a.pem", tmp_path / "b.pem", LOOPBACK)
    assert [problem.rpartition("/")[2] for problem in problems(source)] == [
        "a.pem is not there",
        "b.pem is not there",
    ]
