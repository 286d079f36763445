"""The one client for addresses that somebody else wrote down: identity providers, webhooks.

What it refuses, ahead of any connection: other schemes than https, credentials in the URL, and
hosts that resolve to an address that is not public, so that nobody can make the server speak to
what only it reaches (its own ports, the cloud's metadata service). A host that the setting
`outbound_allowed_hosts` names may be private, and may be asked in plain http.

A host is resolved once, and the address that was looked at is the one that is connected to. No
redirect is followed: it comes back as the answer that it is. An answer has a largest size, and a
call a longest time in all, however slowly the other side drips.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

MAX_ANSWER_BYTES = 1 << 20
MAX_SECONDS = 10.0
_MAX_URL_CHARACTERS = 2048
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: A host's name and port to its addresses; raises OSError.
Resolver = Callable[[str, int], Iterable[str]]


class OutboundError(Exception):
    """The call was refused, or nobody answered it; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the other side said. A redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes = field(repr=False)


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Outbound:
    """Calls URLs, one connection each. It blocks: call it in a thread. Safe to use from any.

    Args:
        allowed_hosts: names and addresses that may be private; `*.` takes in all below.
        tls: whom to trust; by default the system's authorities (`SSL_CERT_FILE` names others).
    """

    def __init__(
        self,
        allowed_hosts: Collection[str] = (),
        *,
        tls: ssl.SSLContext | None = None,
        resolve: Resolver = _resolved,
    ) -> None:
        self._names = {name.lower() for name in allowed_hosts if not name.startswith("*.")}
        self._suffixes = tuple(name[1:].lower() for name in allowed_hosts if name[:2] == "*.")
        self._given_tls = tls
        self._resolve = resolve

    def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
        seconds: float = MAX_SECONDS,
    ) -> Answer:
        """Call `url` and return the answer, whatever its status.

        Args:
            max_bytes: of the answer's body.
            seconds: for all of it: connecting, sending, and the whole answer.

        Raises:
            OutboundError: the URL may not be called, nobody answers, or not in these limits.
        """
        parts, host, port = self._checked(url)
        address = self._address(host, port)
        try:
            # The address, not the name: what was looked at is what is spoken to.
            plain = socket.create_connection((str(address), port), timeout=seconds)
        except OSError as error:
            raise OutboundError(f"{host}:{port} cannot be reached: {error}") from error
        # A time limit of a socket is for each of its reads: this one is for all of them together.
        end = threading.Timer(seconds, _shut, [plain])
        end.daemon = True
        end.start()
        try:
            channel = self._secured(plain, host) if parts.scheme == "https" else plain
            with channel:
                return _exchange(channel, method, parts, body, headers or {}, max_bytes)
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = f", within {seconds:g} s" if not end.is_alive() else ""
            raise OutboundError(f"{host}:{port} gave no whole answer{late}: {error}") from error
        finally:
            end.cancel()
            plain.close()

    def check(self, url: str) -> None:
        """Look whether `url` could be called, without resolving or calling it.

        Raises:
            OutboundError: it could not.
        """
        _, host, _ = self._checked(url)
        with suppress(ValueError):
            self._refuse_private(host, [ipaddress.ip_address(host)])

    def _checked(self, url: str) -> tuple[SplitResult, str, int]:
        shown = url[:200]
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise OutboundError(f"{shown!r} is not a URL: {error}") from error
        host = (parts.hostname or "").lower()
        if len(url) > _MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable():
            raise OutboundError(f"{shown!r} is too long, or not plain ASCII")
        if not _is_address(host) and _NAME.fullmatch(host) is None:
            raise OutboundError(f"{shown!r} names no host: it must be https://<host>/…")
        if parts.username is not None or parts.password is not None:
            raise OutboundError(f"the URL of {host} has credentials in it: leave them out")
        if parts.scheme != "https" and not (parts.scheme == "http" and self._is_allowed(host)):
            raise OutboundError(
                f"{parts.scheme}://{host} is not called: only https is, and plain http of hosts "
                "that the setting outbound_allowed_hosts names"
            )
        return parts, host, port or (443 if parts.scheme == "https" else 80)

    def _address(self, host: str, port: int) -> Address:
        try:
            # Without the zone that an IPv6 address of a link has behind it.
            texts = [text.partition("%")[0] for text in self._resolve(host, port)]
            found = [ipaddress.ip_address(text) for text in texts]
        except (OSError, ValueError) as error:
            raise OutboundError(f"the host {host} has no address: {error}") from error
        if not found:
            raise OutboundError(f"the host {host} has no address")
        self._refuse_private(host, found)
        return found[0]

    def _refuse_private(self, host: str, addresses: Iterable[Address]) -> None:
        if self._is_allowed(host):
            return
        for address in addresses:
            if not is_public(address):
                raise OutboundError(
                    f"{host} is at {address}, which is not a public address: if it is to be "
                    "called all the same, name it in the setting outbound_allowed_hosts"
                )

    def _is_allowed(self, host: str) -> bool:
        return host in self._names or host.endswith(self._suffixes)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def _secured(self, plain: socket.socket, host: str) -> socket.socket:
        return self._tls.wrap_socket(plain, server_hostname=host)


def is_public(address: Address) -> bool:
    """Tell whether an address, and every one that it carries inside it, is of the public net."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if not all(is_public(one) for one in inner if one is not None):
            return False
    return address.is_global and not address.is_multicast


def _exchange(
    channel: socket.socket,
    method: str,
    parts: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    max_bytes: int,
) -> Answer:
    connection = http.client.HTTPConnection(parts.netloc)
    connection.sock = channel
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Accept": "*/*", "User-Agent": "modelyard", **headers, "Connection": "close"}
    connection.request(method, target, body=body or None, headers=sent)
    answer = connection.getresponse()
    length = answer.getheader("content-length", "0")
    found = answer.read(max_bytes + 1)
    if len(found) > max_bytes:
        raise ValueError(f"its answer has more than {max_bytes} bytes")
    if length.isdigit() and method != "HEAD" and len(found) < int(length):
        raise ValueError(f"its answer was cut at {len(found)} of {length} bytes")
    return Answer(
        status=answer.status,
        headers={name.lower(): value for name, value in answer.getheaders()},
        body=found,
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _shut(connection: Any) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
