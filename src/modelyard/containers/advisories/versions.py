"""Whether a version is in an advisory's ranges, compared as its packages' own world compares.

Source: https://ossf.github.io/osv-schema/#evaluation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from univers.versions import AlpineLinuxVersion, DebianVersion, InvalidVersion, PypiVersion, Version

_VERSIONS: Mapping[str, type[Version]] = {
    "pypi": PypiVersion,
    "deb": DebianVersion,
    "apk": AlpineLinuxVersion,
}
_START = "0"  # ahead of every version, whatever its form


def is_affected(kind: str, version: str, affected: Mapping[str, Any]) -> bool:
    """Return whether a version is one that an entry of an advisory's `affected` means.

    A version that cannot be compared, or an entry that is malformed, affects nothing but by the
    entry's own list of versions.

    Args:
        kind: of the package: "pypi", "deb", "apk".
    """
    versions = affected.get("versions")
    if isinstance(versions, list) and version in versions:
        return True
    ranges = affected.get("ranges")
    for given in ranges if isinstance(ranges, list) else ():
        try:
            if given["type"] == "ECOSYSTEM" and _in_range(kind, version, given["events"]):
                return True
        except (InvalidVersion, KeyError, TypeError, AttributeError):
            continue
    return False


def _in_range(kind: str, version: str, events: list[Mapping[str, str]]) -> bool:
    """Return what the last event that is not behind the version says of it."""
    parsed = _VERSIONS[kind](version)
    affected = False
    for name, bound in sorted(
        (
            (name, None if text == _START else _VERSIONS[kind](text))
            for event in events
            for name, text in event.items()
            if name in ("introduced", "fixed", "last_affected")
        ),
        key=_Order,
    ):
        # Only by "<", which every kind of version has right.
        if name == "last_affected":
            if bound is not None and bound < parsed:
                affected = False
        elif bound is None or not parsed < bound:
            affected = name == "introduced"
    return affected


class _Order:
    """Sorts events by their versions; of one version, what ends ahead of what begins."""

    def __init__(self, event: tuple[str, Version | None]) -> None:
        self._name, self._bound = event

    def __lt__(self, other: _Order) -> bool:
        mine, theirs = self._bound, other._bound
        if mine is None or theirs is None:
            return mine is None and theirs is not None
        if mine == theirs:
            return self._name == "fixed" and other._name == "introduced"
        return bool(mine < theirs)
