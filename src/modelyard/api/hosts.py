"""Which names the server answers to.

A page in a browser can make its own domain's name resolve to this machine (DNS rebinding) and then
read what the server answers as if it came from its own origin. It cannot choose the name that the
browser sends in `Host`, so the server answers only to names that are its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.types import Scope

_ANYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - as a server's name, not to bind to


class AllowedHosts:
    """The names that a request's `Host` may have.

    Args:
        bound_host: the address or name that the server listens at.
        further: more names; `*.example.com` means all below `example.com`.
    """

    def __init__(self, bound_host: str, further: Iterable[str] = ()) -> None:
        names = {"localhost", bound_host.lower(), *(name.lower() for name in further)}
        self._suffixes = (".localhost", *(name[1:] for name in names if name.startswith("*.")))
        self._names = {name for name in names if not name.startswith("*.")} - _ANYWHERE

    def refusal(self, scope: Scope) -> str | None:
        """Return why a request is not answered, or None."""
        given = [value for name, value in scope["headers"] if name.lower() == b"host"]
        if len(given) != 1:
            return f"a request must have one Host header, this one has {len(given)}"
        name = _without_port(given[0].decode("latin-1").strip().lower())
        if name in self._names or name.endswith(self._suffixes) or _is_own_address(name, scope):
            return None
        return (
            f"this server does not answer to the name {name[:100]!r}: if it is one of its own, "
            "add it to the setting allowed_hosts"
        )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_own_address(name: str, scope: Scope) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    server = scope.get("server")
    # The address that this very connection came in at; no page's name can be one.
    return address.is_loopback or (server is not None and name == str(server[0]).lower())
