"""The packages of an image's list of software, as advisories speak of them.

Debian's and Alpine's advisories are about source packages, of which an image has the binary ones;
the list names the source beside each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.image_builder.software import SOURCE_NAME, SOURCE_VERSION

#: Distribution, by its ID -> the name of its ecosystem.
_ECOSYSTEMS = {"debian": "Debian", "ubuntu": "Ubuntu", "alpine": "Alpine"}


@dataclass(frozen=True, kw_only=True)
class Component:
    """One package."""

    kind: str  # "pypi", "deb", "apk"
    package: str  # as it is installed
    name: str  # as advisories call it: the source's
    version: str  # of the source
    locator: str  # its package URL
    system: str = ""  # the distribution's ID
    release: str = ""  # its version: "12", "3.19.1"

    def is_of(self, ecosystem: str) -> bool:
        """Return whether an advisory's ecosystem, `Debian:12`, is the one that it belongs to."""
        name, _, release = ecosystem.partition(":")
        if self.kind == "pypi":
            return name == "PyPI"
        if name != _ECOSYSTEMS.get(self.system):
            return False
        release = release.removeprefix("v").partition(":")[0]
        return not release or self.release == release or self.release.startswith(f"{release}.")


def components(document: bytes) -> list[Component]:
    """Return the packages of a CycloneDX document that this server has made.

    Raises:
        ValueError: it is none.
    """
    try:
        found = json.loads(document)["components"]
        systems = [one for one in found if one["type"] == "operating-system"]
        system: Mapping[str, Any] = systems[0] if systems else {}
        return [*_packages(found, system)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"the list of its software is damaged: {error}") from error


def _packages(found: list[Mapping[str, Any]], system: Mapping[str, Any]) -> Iterator[Component]:
    for one in found:
        if one["type"] != "library":
            continue
        kind = one["purl"].removeprefix("pkg:").partition("/")[0]
        properties = {given["name"]: given["value"] for given in one.get("properties", ())}
        name = properties.get(SOURCE_NAME, one["name"])
        yield Component(
            kind=kind,
            package=one["name"],
            name=name.lower().replace("_", "-").replace(".", "-") if kind == "pypi" else name,
            version=properties.get(SOURCE_VERSION, one["version"]),
            locator=one["purl"],
            system=system.get("name", ""),
            release=system.get("version", ""),
        )
