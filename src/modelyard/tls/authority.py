"""The home's own certificate authority, and the server certificate that it issues.

In `<home>/tls`: `ca.pem` is what clients are to trust, `ca.key` signs and is used for nothing else,
`server.pem` is the server's key and its certificate in one file, so that no moment sees one without
the other. The server's certificate is made anew, by itself, well before it ends, and when the
server is to be called by other names.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from modelyard import clock
from modelyard.home import write_whole
from modelyard.tls.errors import TlsError
from modelyard.tls.names import ServerNames, alternative_names, names_of
from modelyard.tls.pem import belong_together, encode, encode_key, read_chain, read_key
from modelyard.tls_sockets import Certificate

CA_LIFE = timedelta(days=3650)
#: What browsers and Apple's clients accept at most is 398 days.
SERVER_LIFE = timedelta(days=397)
#: How long before its end the server's certificate is replaced.
RENEWAL = timedelta(days=60)
#: For clocks that are slow.
_LEEWAY = timedelta(hours=1)


class Authority:
    """Issues the server's certificate out of `folder`.

    Args:
        names: what clients may call the server.
        now: the present moment, aware.
    """

    def __init__(
        self, folder: Path, names: ServerNames, now: Callable[[], datetime] = clock.now
    ) -> None:
        self.ca_file = folder / "ca.pem"
        self.host = names.callable[0]  # every one of them is covered
        self._folder = folder
        self._ca_key_file = folder / "ca.key"
        self._server_file = folder / "server.pem"
        self._names = names.all
        self._now = now

    def read(self) -> Certificate:
        """Return the server's certificate, made or renewed if it is time.

        Raises:
            TlsError: what the folder holds cannot be used.
            HomeError: the folder cannot be written.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        ca, ca_key = self._authority()
        kept = self._kept(ca)
        return kept if kept is not None else self._issue(ca, ca_key)

    def _authority(self) -> tuple[x509.Certificate, PrivateKeyTypes]:
        if not self.ca_file.exists():
            return self._found()
        problems = []
        try:
            _, (ca, *_) = read_chain(self.ca_file, "the certificate authority")
        except TlsError as error:
            problems += error.problems
        try:
            _, key = read_key(self._ca_key_file, "the certificate authority's key")
        except TlsError as error:
            problems += error.problems
        if not problems and not belong_together(ca, key):
            problems.append(f"{self.ca_file} and {self._ca_key_file} do not belong together")
        if problems:
            remedy = (
                f"restore {self._folder}, or delete it to have a new authority made, which every "
                "client must then be given ('modelyard env')"
            )
            raise TlsError([*problems, remedy])
        if ca.not_valid_after_utc - RENEWAL <= self._now():
            return self._found()
        return ca, key

    def _found(self) -> tuple[x509.Certificate, PrivateKeyTypes]:
        """Make a new authority; its certificate comes last, and says that all is there."""
        key = ec.generate_private_key(ec.SECP256R1())
        # Several homes' authorities may lie in one bundle: each has a name of its own.
        number = x509.random_serial_number()
        name = _name(f"Modelyard home authority {number:x}"[:64])
        ca = (
            self._certificate(name, name, key.public_key(), number, CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.ca_file.unlink(missing_ok=True)
        write_whole(self._ca_key_file, encode_key(key))
        write_whole(self.ca_file, encode(ca), mode=0o644)
        return ca, key

    def _kept(self, ca: x509.Certificate) -> Certificate | None:
        """Return the certificate that is there, if it is good for a while."""
        try:
            _, (own, *_) = read_chain(self._server_file, "the server's certificate")
            _, key = read_key(self._server_file, "the server's key")
            own.verify_directly_issued_by(ca)
        except (TlsError, ValueError, TypeError, InvalidSignature):  # then a new one is right
            return None
        fresh = own.not_valid_after_utc - RENEWAL > self._now() > own.not_valid_before_utc
        right = set(names_of(own)) == set(self._names) and belong_together(own, key)
        return Certificate(chain=encode(own, ca), key=encode_key(key)) if fresh and right else None

    def _issue(self, ca: x509.Certificate, ca_key: PrivateKeyTypes) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        )
        life = min(SERVER_LIFE, ca.not_valid_after_utc - self._now())
        own = (
            self._certificate(
                _name("Modelyard server"),
                ca.subject,
                key.public_key(),
                x509.random_serial_number(),
                life,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .add_extension(
                x509.SubjectAlternativeName(alternative_names(self._names)), critical=False
            )
            .sign(ca_key, hashes.SHA256())  # type: ignore[arg-type]  # a key that read_key took
        )
        write_whole(self._server_file, encode_key(key) + encode(own))
        return Certificate(chain=encode(own, ca), key=encode_key(key))

    def _certificate(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePublicKey,
        number: int,
        life: timedelta,
    ) -> x509.CertificateBuilder:
        begin = self._now() - _LEEWAY
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(number)
            .not_valid_before(begin)
            .not_valid_after(begin + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
