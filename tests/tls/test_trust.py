"""The bundle that clients are given."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from modelyard.tls.trust import VARIABLES, bundle, trusted_already
from tests.certificates import Issuer


def authorities(pem: bytes) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem.decode())
    return context.cert_store_stats()["x509_ca"]


def test_a_bundle_has_the_home_and_all_that_was_trusted_already(tmp_path: Path) -> None:
    home, system = tmp_path / "ca.pem", tmp_path / "system.pem"
    home.write_bytes(Issuer("home").pem)
    system.write_bytes(b"# a comment\n" + Issuer("one").pem + b"text between\n" + Issuer("two").pem)
    assert authorities(bundle(home, [system, tmp_path / "missing.pem"])) == 3


def test_each_certificate_is_there_once_however_its_lines_are_broken(tmp_path: Path) -> None:
    home, again = tmp_path / "ca.pem", tmp_path / "again.pem"
    home.write_bytes(Issuer().pem)
    again.write_bytes(home.read_bytes().replace(b"\n", b"\r\n") * 2)
    assert bundle(home, [again]).count(b"BEGIN CERTIFICATE") == 1


@pytest.mark.parametrize("variable", VARIABLES)
def test_what_the_user_names_goes_on_being_trusted_but_not_our_own_former_bundle(
    variable: str, tmp_path: Path
) -> None:
    company, own = tmp_path / "company.pem", tmp_path / "bundle.pem"
    assert company in trusted_already({variable: str(company)}, own)
    assert own not in trusted_already({variable: str(own)}, own)


def test_without_any_variable_the_public_authorities_are_trusted(tmp_path: Path) -> None:
    home = tmp_path / "ca.pem"
    home.write_bytes(Issuer().pem)
    found = trusted_already({}, tmp_path / "bundle.pem")
    assert authorities(bundle(home, found)) > 50
