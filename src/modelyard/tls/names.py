"""The names that a server is called by, and whether a certificate is for them (RFC 6125, 9525)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from modelyard.setting_rules import is_loopback
from modelyard.urls import reachable

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class ServerNames:
    """What clients may call the server.

    Attributes:
        bound: the address or the name that it binds.
        allowed: more names and addresses; `*.example.org` is all names one label below.
    """

    bound: str
    allowed: Sequence[str] = ()

    @property
    def all(self) -> list[str]:
        """Every name, once, in lower case."""
        names = [*_LOOPBACK, reachable(self.bound), *self.allowed]
        return list(dict.fromkeys(name.lower() for name in names))

    @property
    def callable(self) -> list[str]:
        """The names that a client of this machine can put into a URL, the best first."""
        reached = [reachable(self.bound)]
        if is_loopback(reached[0]):
            reached.append("localhost")
        exact = [name for name in self.allowed if not name.startswith("*.")]
        return list(dict.fromkeys(name.lower() for name in [*reached, *exact]))


def alternative_names(names: Sequence[str]) -> list[x509.GeneralName]:
    """Return names as a certificate has them: addresses apart from names."""
    return [
        x509.DNSName(name) if address is None else x509.IPAddress(address)
        for name in names
        for address in [_address(name)]
    ]


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the names and addresses that a certificate is for, in lower case."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []  # clients have long ceased to look at the common name
    names = [name.lower() for name in found.get_values_for_type(x509.DNSName)]
    return names + [str(address) for address in found.get_values_for_type(x509.IPAddress)]


def covers(certificate: x509.Certificate, name: str) -> bool:
    """Tell whether a client that calls the server `name` accepts the certificate's names."""
    given = names_of(certificate)
    address = _address(name)
    if address is not None:
        return str(address) in given
    wildcard = "*." + name.lower().partition(".")[2]
    return name.lower() in given or ("." in name and wildcard in given)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
