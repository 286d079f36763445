"""The inference gateway, built ahead of the rooms: its workers start while the rest is read in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.gateway.supervisor import GatewayPool

if TYPE_CHECKING:
    from modelyard.settings import Settings
    from modelyard.tls.renewal import Renewal


def gateway_pool(settings: Settings, tls: Renewal | None) -> GatewayPool:
    """Return the pool of workers, of which none is started.

    Args:
        tls: with TLS, the certificate that is in force.
    """
    return GatewayPool(
        host=settings.host,
        port=settings.gateway_port,
        workers=settings.gateway_workers or None,
        capture_flush_seconds=settings.capture_flush_seconds,
        certificate=None if tls is None else tls.certificate,
        name=None if tls is None else tls.host,
    )
