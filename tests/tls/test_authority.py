"""The home's authority: what it makes, when it makes it anew, and what it refuses to use."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from modelyard import clock
from modelyard.tls.authority import CA_LIFE, RENEWAL, SERVER_LIFE, Authority
from modelyard.tls.errors import TlsError
from modelyard.tls.names import ServerNames, names_of
from modelyard.tls_sockets import Certificate, server_context


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.time = clock.now()

    def __call__(self) -> datetime:
        return self.time


def own(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificates(certificate.chain)[0]


def authority(
    folder: Path, *allowed: str, bound: str = "127.0.0.1", now: Callable[[], datetime] = clock.now
) -> Authority:
    return Authority(folder / "tls", ServerNames(bound=bound, allowed=allowed), now)


def test_a_standard_verifier_accepts_the_server_under_each_of_its_names(tmp_path: Path) -> None:
    home = authority(tmp_path, "models.example.org", "10.1.2.3", bound="192.0.2.7")
    found = own(home.read())
    ca = x509.load_pem_x509_certificate(home.ca_file.read_bytes())
    store = Store([ca])
    names = [*found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    for name in names:
        verifier = PolicyBuilder().store(store).build_server_verifier(name)
        assert verifier.verify(found, [])[-1] == ca
    assert set(names_of(found)) == {
        *("localhost", "127.0.0.1", "::1"),
        *("192.0.2.7", "models.example.org", "10.1.2.3"),
    }


def test_a_server_on_every_address_is_certified_for_loopback_and_never_for_every_address(
    tmp_path: Path,
) -> None:
    found = own(authority(tmp_path, bound="0.0.0.0").read())
    assert set(names_of(found)) == {"localhost", "127.0.0.1", "::1"}


def test_keys_are_their_owners_alone_and_of_two_kinds(tmp_path: Path) -> None:
    home = authority(tmp_path)
    found = home.read()
    folder = tmp_path / "tls"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "server.pem": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    ca = x509.load_pem_x509_certificate(home.ca_file.read_bytes())
    for one in (ca, own(found)):
        key = one.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"
    assert ca.public_key() != own(found).public_key()
    assert (folder / "ca.key").read_bytes() not in found.chain + found.key


def test_lives_are_ten_years_and_at_most_397_days(tmp_path: Path) -> None:
    home = authority(tmp_path)
    found = own(home.read())
    ca = x509.load_pem_x509_certificate(home.ca_file.read_bytes())
    assert found.not_valid_after_utc - found.not_valid_before_utc == SERVER_LIFE
    assert timedelta(days=397) >= SERVER_LIFE
    assert ca.not_valid_after_utc - ca.not_valid_before_utc == CA_LIFE


def test_the_second_start_serves_what_the_first_made(tmp_path: Path) -> None:
    first = authority(tmp_path).read()
    assert authority(tmp_path).read() == first


def test_a_certificate_is_renewed_ahead_of_its_end_by_the_same_authority(tmp_path: Path) -> None:
    now = Clock()
    home = authority(tmp_path, now=now)
    first, ca = home.read(), home.ca_file.read_bytes()
    now.time = own(first).not_valid_after_utc - RENEWAL - timedelta(minutes=1)
    assert home.read() == first
    now.time += timedelta(minutes=2)
    second = home.read()
    assert second.key != first.key
    assert own(second).not_valid_after_utc > own(first).not_valid_after_utc
    assert home.ca_file.read_bytes() == ca
    assert home.read() == second


def test_the_last_server_certificate_does_not_outlive_the_authority(tmp_path: Path) -> None:
    now = Clock()
    home = authority(tmp_path, now=now)
    home.read()
    ca = x509.load_pem_x509_certificate(home.ca_file.read_bytes())
    now.time = ca.not_valid_after_utc - timedelta(days=100)
    last = own(home.read())
    assert last.not_valid_after_utc <= ca.not_valid_after_utc
    now.time = ca.not_valid_after_utc - timedelta(days=1)
    home.read()
    assert x509.load_pem_x509_certificate(home.ca_file.read_bytes()) != ca


def test_other_names_make_another_certificate(tmp_path: Path) -> None:
    first = authority(tmp_path).read()
    second = authority(tmp_path, "models.example.org").read()
    assert "models.example.org" in names_of(own(second))
    assert second.key != first.key


@pytest.mark.parametrize("damage", ["torn", "foreign", "gone"])
def test_a_server_certificate_that_cannot_be_used_is_replaced(tmp_path: Path, damage: str) -> None:
    home = authority(tmp_path)
    first = home.read()
    file = tmp_path / "tls" / "server.pem"
    if damage == "torn":
        file.write_bytes(file.read_bytes()[:300])
    elif damage == "foreign":
        (tmp_path / "other").mkdir()
        file.write_bytes(
            (lambda other: other.key + other.chain)(authority(tmp_path / "other").read())
        )
    else:
        file.unlink()
    second = home.read()
    assert second != first
    server_context(second)


def test_an_authority_whose_key_others_can_read_is_not_used(tmp_path: Path) -> None:
    authority(tmp_path).read()
    (tmp_path / "tls" / "ca.key").chmod(0o644)
    with pytest.raises(TlsError, match=r"mode 0644.*chmod 600"):
        authority(tmp_path).read()


def test_an_authority_with_another_ones_key_is_not_used(tmp_path: Path) -> None:
    authority(tmp_path).read()
    (tmp_path / "other").mkdir()
    authority(tmp_path / "other").read()
    (tmp_path / "other/tls/ca.key").replace(tmp_path / "tls/ca.key")
    with pytest.raises(TlsError, match="do not belong together"):
        authority(tmp_path).read()


def test_a_start_that_was_cut_off_ahead_of_the_certificate_is_made_good(tmp_path: Path) -> None:
    authority(tmp_path).read()
    (tmp_path / "tls" / "ca.pem").unlink()
    server_context(authority(tmp_path).read())


def test_no_key_is_shown_by_repr(tmp_path: Path) -> None:
    found = authority(tmp_path).read()
    assert "PRIVATE" not in repr(found)
