"""The certificate in force: looked at again and again, and replaced without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import structlog
from cryptography import x509

from modelyard.home import HomeError
from modelyard.tls.errors import TlsError
from modelyard.tls.pem import encode
from modelyard.tls_sockets import Certificate, server_context

CHECK_SECONDS = 5.0

Listener = Callable[[Certificate], Awaitable[None]]

log = structlog.get_logger(__name__)


class CertificateSource(Protocol):
    """Where the server's certificate comes from."""

    @property
    def ca_file(self) -> Path:
        """What clients are to trust beside what they trust already, in PEM."""

    @property
    def host(self) -> str:
        """A name that leads to the server from this machine, and that the certificate is for."""

    def read(self) -> Certificate:
        """Return the certificate as it should be now.

        Raises:
            TlsError: there is none that can be used.
        """


class Renewal:
    """Keeps the certificate of a source in force, and tells those who serve with it.

    Args:
        certificate: what `source.read` returned; it is in force at once.
    """

    def __init__(self, source: CertificateSource, certificate: Certificate) -> None:
        self.certificate = certificate
        self.trust = pinned_context(certificate)
        self._source = source
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._said = ""  # so that one problem is logged once

    @property
    def ca_file(self) -> Path:
        """What clients are to trust beside what they trust already, in PEM."""
        return self._source.ca_file

    @property
    def host(self) -> str:
        """A name that leads to the server from this machine, and that the certificate is for."""
        return self._source.host

    def subscribe(self, listener: Listener) -> None:
        """Have a listener told of every certificate that replaces the present one."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def check(self) -> None:
        """Put a new certificate in force, if there is one; a bad one changes nothing."""
        try:
            found = await asyncio.to_thread(self._source.read)
            if found == self.certificate:
                self._said = ""
                return
            server_context(found)  # what it cannot load, nobody is told
        except (TlsError, HomeError, ssl.SSLError, OSError) as error:
            if str(error) != self._said:
                self._said = str(error)
                log.error("the new certificate cannot be used, the old one stays", why=self._said)
            return
        # The server's own calls must know it before anybody serves with it.
        _pin(self.trust, found)
        self.certificate = found
        self._said = ""
        for listener in self._listeners:
            await listener(found)
        log.info("the certificate was renewed", ends=str(_own(found).not_valid_after_utc))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check()


def pinned_context(certificate: Certificate) -> ssl.SSLContext:
    """Return what a client trusts that accepts this very certificate, under whatever name.

    It is for the server's calls to its own gateway, at an address that the certificate need not be
    for, on a socket that nobody else can hold.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    # The certificate itself is the anchor, so whoever issued it need not be known.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _pin(context, certificate)
    return context


def _pin(context: ssl.SSLContext, certificate: Certificate) -> None:
    context.load_verify_locations(cadata=encode(_own(certificate)).decode())


def _own(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificates(certificate.chain)[0]
