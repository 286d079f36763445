"""Certificates for tests: an authority that issues what a test asks for, good or bad."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelyard import clock
from modelyard.tls_sockets import Certificate


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password),
    )


class Issuer:
    """A certificate authority of a user's own."""

    def __init__(self, name: str = "an authority of a test") -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = new_key()
        self.certificate = (
            _builder(self._name, self._name, self._key, clock.now(), timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        *names: str,
        key: ec.EllipticCurvePrivateKey | None = None,
        begin: datetime | None = None,
        life: timedelta = timedelta(days=30),
    ) -> Certificate:
        """Return a certificate for names and addresses, with the authority behind it."""
        key = key or new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
        own = (
            _builder(subject, self._name, key, begin or clock.now(), life)
            .add_extension(
                x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        chain = own.public_bytes(serialization.Encoding.PEM) + self.pem
        return Certificate(chain=chain, key=pem_of(key))


def write(folder: Path, certificate: Certificate) -> tuple[Path, Path]:
    """Write a certificate and its key as a user would keep them."""
    chain, key = folder / "certificate.pem", folder / "key.pem"
    key.touch(mode=0o600)
    chain.write_bytes(certificate.chain)
    key.write_bytes(certificate.key)
    return chain, key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begin: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - timedelta(minutes=1))
        .not_valid_after(begin + life)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
