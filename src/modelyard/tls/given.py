"""The user's certificate: read, and held to what its clients will hold it to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography import x509

from modelyard import clock
from modelyard.tls.errors import TlsError
from modelyard.tls.names import ServerNames, covers, names_of
from modelyard.tls.pem import belong_together, read_chain, read_key
from modelyard.tls_sockets import Certificate


class GivenCertificate:
    """The certificate of the settings `tls_certificate` and `tls_key`.

    Args:
        certificate: file of the server's certificate, then of those that vouch for it.
        key: file of its private key.
        names: what clients may call the server.
        now: the present moment, aware.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        names: ServerNames,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.ca_file = certificate  # a root of the user's own, if there is one, is in it
        self.host = names.callable[0]  # until `read` has seen what is covered
        self._key_file = key
        self._names = names
        self._now = now

    def read(self) -> Certificate:
        """Return the certificate as it is on disk now.

        Raises:
            TlsError: with all that is wrong with it.
        """
        problems: list[str] = []
        own = key = None
        chain = secret = b""
        try:
            chain, (own, *_) = read_chain(self.ca_file, "tls_certificate")
            problems += self._problems_of(own)
        except TlsError as error:
            problems += error.problems
        try:
            secret, key = read_key(self._key_file, "tls_key")
        except TlsError as error:
            problems += error.problems
        if own is not None and key is not None and not belong_together(own, key):
            problems.append(
                f"tls_key {self._key_file} is not the key that tls_certificate {self.ca_file} was "
                "issued for: give the two that belong together"
            )
        if own is None or problems:
            raise TlsError(problems)
        self.host = next(name for name in self._names.callable if covers(own, name))
        return Certificate(chain=chain, key=secret)

    def _problems_of(self, own: x509.Certificate) -> list[str]:
        problems = []
        now, where = self._now(), f"tls_certificate {self.ca_file}"
        if own.not_valid_after_utc <= now:
            problems.append(f"{where} expired at {own.not_valid_after_utc}: renew it")
        if own.not_valid_before_utc > now:
            problems.append(
                f"{where} is valid only from {own.not_valid_before_utc} on: use one that is valid "
                "now, or set this machine's clock right"
            )
        given = ", ".join(names_of(own)) or "no name at all"
        if not any(covers(own, name) for name in self._names.callable):
            problems.append(
                f"{where} is for {given}, and this server is called "
                f"{' or '.join(self._names.callable)}: have one issued for that name, or add the "
                "certificate's name to allowed_hosts if it leads here"
            )
        problems += [
            f"{where} is for {given}, but not for {name} of allowed_hosts: clients that call the "
            "server so would refuse it; have one issued for it too, or take it out"
            for name in self._names.allowed
            if not covers(own, name)
        ]
        return problems
