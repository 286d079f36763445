"""Reading certificates and keys, with every problem in words."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from modelyard.tls.errors import TlsError

_MAX_FILE_BYTES = 1 << 20


def read_chain(path: Path, what: str) -> tuple[bytes, list[x509.Certificate]]:
    """Return a file of certificates, and those in it, the server's own first.

    Raises:
        TlsError: it cannot be read, or holds none.
    """
    data = _read(path, what)
    try:
        return data, x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise TlsError(
            [f"{what} {path} holds no certificate in PEM ('-----BEGIN CERTIFICATE-----'): {error}"]
        ) from error


def read_key(path: Path, what: str) -> tuple[bytes, PrivateKeyTypes]:
    """Return a file with a private key, and the key.

    Raises:
        TlsError: it cannot be read, others can read it too, or it is no key that can be used;
            each with all that is wrong.
    """
    problems = []
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            problems.append(
                f"{what} {path} has mode {mode:04o}, so others on this machine may have read it: "
                f"run 'chmod 600 {path}', and think about a new key"
            )
    except OSError:
        pass  # reading it says why
    try:
        data = _read(path, what)
        key = serialization.load_pem_private_key(data, password=None)
    except TlsError as error:
        problems += error.problems
    except TypeError:
        problems.append(
            f"{what} {path} is encrypted: decrypt it ('openssl pkey -in KEY -out NEW'), since the "
            "server starts without asking for a password"
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        problems.append(f"{what} {path} holds no private key in PEM that can be used: {error}")
    if problems:
        raise TlsError(problems)
    return data, key


def belong_together(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Tell whether a certificate was issued for this key."""
    return _public_bytes(certificate.public_key()) == _public_bytes(key.public_key())


def encode_key(key: PrivateKeyTypes) -> bytes:
    """Return a key in PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def encode(*certificates: x509.Certificate) -> bytes:
    """Return certificates in PEM, one behind the other."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def _read(path: Path, what: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except FileNotFoundError as error:
        raise TlsError([f"{what} {path} is not there"]) from error
    except OSError as error:
        raise TlsError([f"{what} {path} cannot be read: {error.strerror}"]) from error


def _public_bytes(key: object) -> bytes:
    data: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data
