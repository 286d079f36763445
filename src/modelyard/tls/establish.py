"""TLS as the settings want it."""

from __future__ import annotations

from pathlib import Path

from modelyard.home import Home
from modelyard.settings import Settings
from modelyard.tls.authority import Authority
from modelyard.tls.given import GivenCertificate
from modelyard.tls.names import ServerNames
from modelyard.tls.renewal import CertificateSource, Renewal


def establish_tls(settings: Settings, home: Home) -> Renewal:
    """Return the certificate to serve with: the user's, or one of the home's own authority.

    Raises:
        TlsError: it cannot be used; with all that is wrong with it.
        HomeError: the home cannot be written.
    """
    names = ServerNames(bound=settings.host, allowed=settings.allowed_hosts)
    source: CertificateSource
    if settings.tls_certificate is not None and settings.tls_key is not None:
        source = GivenCertificate(Path(settings.tls_certificate), Path(settings.tls_key), names)
    else:
        source = Authority(home.tls, names)
    return Renewal(source, source.read())
