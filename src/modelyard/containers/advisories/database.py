"""A folder of advisories in OSV's format, one JSON file each, in folders of its own as it likes.

It is read as a whole for each image, as it is then: whoever keeps it up to date (a mirror of
osv.dev's exports, say) needs to tell nobody.

Format: https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.containers.advisories.software import Component
from modelyard.containers.advisories.versions import is_affected

_MAX_BYTES = 16 * 2**20  # of one advisory
_MAX_SUMMARY = 300  # characters


class AdvisoriesError(Exception):
    """The folder cannot be read; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One package of an image that an advisory is about."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: str  # as the advisory gives it: a CVSS vector, or a word; empty: it gives none
    package: str
    version: str
    fixed: tuple[str, ...]  # the versions that it is mended in; empty: none is known
    locator: str  # the package's URL in the list of software

    def to_json(self) -> dict[str, Any]:
        """Return it in the API's words."""
        return {
            "Id": self.id,
            "Aliases": list(self.aliases),
            "Summary": self.summary,
            "Severity": self.severity,
            "Package": self.package,
            "Version": self.version,
            "FixedVersions": list(self.fixed),
            "PackageUrl": self.locator,
        }


@dataclass
class Scan:
    """What comparing an image's software with the advisories found."""

    findings: list[Finding] = field(default_factory=list)
    advisories: int = 0  # how many there were
    unreadable: list[str] = field(default_factory=list)  # files that are no advisories


def scan(folder: Path, components: Iterable[Component]) -> Scan:
    """Compare packages with all advisories of a folder. Blocking.

    Raises:
        AdvisoriesError: there is no such folder.
    """
    if not folder.is_dir():
        raise AdvisoriesError(
            f"the setting image_advisories: {folder} is no folder: put advisories in OSV's JSON "
            "there, or leave the setting out"
        )
    installed: dict[str, list[Component]] = {}
    for component in components:
        installed.setdefault(component.name, []).append(component)
    found = Scan()
    for path in sorted(folder.rglob("*.json")):
        advisory = _read(path)
        if advisory is None:
            found.unreadable.append(str(path.relative_to(folder)))
            continue
        found.advisories += 1
        found.findings += _findings(advisory, installed)
    found.findings.sort(key=lambda finding: (finding.package, finding.id))
    return found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            advisory = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    right = isinstance(advisory, dict) and isinstance(advisory.get("id"), str)
    return advisory if right and isinstance(advisory.get("affected", []), list) else None


def _findings(
    advisory: Mapping[str, Any], installed: Mapping[str, list[Component]]
) -> Iterator[Finding]:
    if advisory.get("withdrawn"):
        return
    seen = set()
    for affected in advisory.get("affected", []):
        package = _table(_table(affected).get("package"))
        ecosystem, name = str(package.get("ecosystem", "")), str(package.get("name", ""))
        for component in installed.get(component_name(ecosystem, name), ()):
            told = (component.locator, component.version)
            if told in seen or not component.is_of(ecosystem):
                continue
            if is_affected(component.kind, component.version, affected):
                seen.add(told)
                yield _finding(advisory, affected, component)


def component_name(ecosystem: str, name: str) -> str:
    """Return a package's name as the list of software has it: PyPI's names have one spelling."""
    return name.lower().replace("_", "-").replace(".", "-") if ecosystem == "PyPI" else name


def _finding(
    advisory: Mapping[str, Any], affected: Mapping[str, Any], component: Component
) -> Finding:
    summary = str(advisory.get("summary") or advisory.get("details") or "")
    return Finding(
        id=str(advisory["id"]),
        aliases=tuple(str(alias) for alias in _items(advisory.get("aliases"))),
        summary=summary[:_MAX_SUMMARY],
        severity=_severity(advisory, affected),
        package=component.package,
        version=component.version,
        fixed=tuple(dict.fromkeys(_fixed(affected))),
        locator=component.locator,
    )


def _severity(advisory: Mapping[str, Any], affected: Mapping[str, Any]) -> str:
    for given in (*_items(affected.get("severity")), *_items(advisory.get("severity"))):
        score = _table(given).get("score")
        if score:
            return str(score)
    return str(_table(advisory.get("database_specific")).get("severity", ""))


def _fixed(affected: Mapping[str, Any]) -> Iterator[str]:
    for given in _items(affected.get("ranges")):
        if _table(given).get("type") != "GIT":
            for event in _items(given.get("events")):
                if "fixed" in _table(event):
                    yield str(event["fixed"])


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
