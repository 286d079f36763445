"""The software that an image holds, as a list in CycloneDX's JSON (an SBOM).

Read as data, and none of it is run: the databases of dpkg and apk, and the metadata of Python
packages. What was put there by other means is not found.

Source: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from modelyard.images.image_builder.layers import inside

_DPKG = "var/lib/dpkg/status"
_DPKG_PARTS = "var/lib/dpkg/status.d"  # of images without a package manager ("distroless")
_APK = "lib/apk/db/installed"
_OS_RELEASE = ("etc/os-release", "usr/lib/os-release")
_MAX_BYTES = 64 * 2**20
_DEBIAN_SOURCE = re.compile(r"(?P<name>\S+)(?:\s+\((?P<version>[^)]+)\))?")
#: The properties of a package that say what it was built of, where that is called otherwise.
SOURCE_NAME, SOURCE_VERSION = "modelyard:source-name", "modelyard:source-version"


@dataclass(frozen=True, kw_only=True, order=True)
class Package:
    """One package that is installed in an image."""

    kind: str  # of package URLs: "deb", "apk", "pypi"
    name: str
    version: str
    architecture: str = ""
    licence: str = ""
    source: str = ""  # the package that it was built of, if that has another name
    source_version: str = ""  # and its version, if that is another


def bill_of_materials(root: Path, *, name: str, digest: str) -> dict[str, Any]:
    """Return the CycloneDX document of the file system `root` of an image."""
    system = _os_release(root)
    found = sorted(set(packages(root)))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": digest,
                "name": name,
                "version": digest,
                "hashes": [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}],
            },
        },
        "components": [
            *([_system_component(system)] if system.get("ID") else []),
            *(_component(package, system.get("ID", "")) for package in found),
        ],
    }


def packages(root: Path) -> Iterator[Package]:
    """Yield the packages that are installed in a file system."""
    yield from _dpkg(_text(root, _DPKG))
    parts = inside(root, _DPKG_PARTS)
    if parts.is_dir():
        for path in sorted(parts.iterdir()):
            if not path.name.endswith(".md5sums"):
                yield from _dpkg(_text(root, f"{_DPKG_PARTS}/{path.name}"))
    yield from _apk(_text(root, _APK))
    yield from _python(root)


def _dpkg(text: str) -> Iterator[Package]:
    for paragraph in text.split("\n\n"):
        fields = HeaderParser().parsestr(paragraph.strip("\n"))
        if not fields["Package"] or not fields["Version"]:
            continue
        if "installed" not in (fields["Status"] or "installed").split():
            continue
        source = _DEBIAN_SOURCE.fullmatch((fields["Source"] or "").strip())
        yield Package(
            kind="deb",
            name=fields["Package"],
            version=fields["Version"],
            architecture=fields["Architecture"] or "",
            source=source["name"] if source else "",
            source_version=(source["version"] or "") if source else "",
        )


def _apk(text: str) -> Iterator[Package]:
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in paragraph.splitlines() if line[1:2] == ":")
        if fields.get("P") and fields.get("V"):
            yield Package(
                kind="apk",
                name=fields["P"],
                version=fields["V"],
                architecture=fields.get("A", ""),
                licence=fields.get("L", ""),
                source=fields.get("o", "") if fields.get("o") != fields["P"] else "",
            )


def _python(root: Path) -> Iterator[Package]:
    for place, folders, names in os.walk(root):  # links are not followed
        for folder in folders:
            if folder.endswith(".dist-info"):
                yield from _python_package(Path(place) / folder / "METADATA")
            elif folder.endswith(".egg-info"):
                yield from _python_package(Path(place) / folder / "PKG-INFO")
        for name in names:
            if name.endswith(".egg-info"):
                yield from _python_package(Path(place) / name)


def _python_package(path: Path) -> Iterator[Package]:
    fields = HeaderParser().parsestr(_read(path))
    if fields["Name"] and fields["Version"]:
        yield Package(
            kind="pypi",
            name=fields["Name"],
            version=fields["Version"],
            licence=fields["License-Expression"] or "",
        )


def _component(package: Package, system: str) -> dict[str, Any]:
    locator = _package_url(package, system)
    sources = {SOURCE_NAME: package.source, SOURCE_VERSION: package.source_version}
    properties = [{"name": name, "value": value} for name, value in sources.items() if value]
    licences = [{"license": {"name": package.licence}}] if package.licence else []
    return {
        "type": "library",
        "bom-ref": locator,
        "name": package.name,
        "version": package.version,
        "purl": locator,
        **({"licenses": licences} if licences else {}),
        **({"properties": properties} if properties else {}),
    }


def _package_url(package: Package, system: str) -> str:
    name = package.name
    if package.kind == "pypi":
        return f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(package.version)}"
    default = {"deb": "debian", "apk": "alpine"}[package.kind]
    place = f"pkg:{package.kind}/{quote(system or default)}/{quote(name)}"
    architecture = f"?arch={quote(package.architecture)}" if package.architecture else ""
    return f"{place}@{quote(package.version)}{architecture}"


def _system_component(system: Mapping[str, str]) -> dict[str, Any]:
    version = system.get("VERSION_ID", "")
    found = {
        "type": "operating-system",
        "bom-ref": f"os:{system['ID']}:{version}",
        "name": system["ID"],
        "version": version,
        "description": system.get("PRETTY_NAME", ""),
    }
    return {key: value for key, value in found.items() if value}


def _os_release(root: Path) -> dict[str, str]:
    for name in _OS_RELEASE:
        lines = [line for line in _text(root, name).splitlines() if "=" in line]
        if lines:
            pairs = (line.split("=", 1) for line in lines)
            return {key: value.strip("\"'") for key, value in pairs}
    return {}


def _text(root: Path, relative: str) -> str:
    return _read(inside(root, relative))


def _read(path: Path) -> str:
    """Return a regular file's text, "" where there is none."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(_MAX_BYTES).decode(errors="replace")
