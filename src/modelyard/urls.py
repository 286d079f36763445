"""How a server that binds an address is reached from its own machine."""

from __future__ import annotations

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - bound, and reached by


def reachable(host: str) -> str:
    """Return the address or name by which clients of this machine reach what binds `host`."""
    return _EVERY_ADDRESS.get(host, host)


def base_url(scheme: str, host: str, port: int) -> str:
    """Return a URL without a path; `host` is a name or an address, of either family."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
