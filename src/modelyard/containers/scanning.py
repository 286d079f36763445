"""What is known against an image's software: compared with the advisories, and kept beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modelyard import clock
from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.containers.advisories.database import AdvisoriesError, scan
from modelyard.containers.advisories.software import components

_NAMED = 5  # files that a report names as unreadable


class ImageScanner:
    """Compares images with a folder of advisories. Blocking.

    Args:
        advisories: the folder; None: there is none, and no image is compared.
    """

    def __init__(self, images: ImageFolder, advisories: Path | None = None) -> None:
        self._images = images
        self._advisories = advisories

    @property
    def is_configured(self) -> bool:
        """Whether there are advisories to compare with."""
        return self._advisories is not None

    def scan(self, digest: str) -> dict[str, Any] | None:
        """Compare an image, keep what was found beside it, and return that; None: with nothing.

        Raises:
            AdvisoriesError: the advisories, or the image's list of software, cannot be read.
        """
        if self._advisories is None:
            return None
        try:
            software = components(self._images.software(digest))
        except (OSError, ValueError) as error:
            raise AdvisoriesError(f"image {digest}: {error}") from error
        found = scan(self._advisories, software)
        report = {
            "ScannedAt": clock.now().isoformat(),
            "Advisories": found.advisories,
            "UnreadableFiles": len(found.unreadable),
            "UnreadableExamples": found.unreadable[:_NAMED],
            "Vulnerabilities": [finding.to_json() for finding in found.findings],
        }
        self._images.keep_vulnerabilities(digest, json.dumps(report).encode())
        return report

    def known(self, digest: str) -> dict[str, Any] | None:
        """Return what the last comparison found; None: there was none."""
        kept = self._images.vulnerabilities(digest)
        if kept is None:
            return None
        report: dict[str, Any] = json.loads(kept)
        return report


def told(report: dict[str, Any]) -> str:
    """Return the line that a build's log has of a comparison."""
    found = report["Vulnerabilities"]
    packages = len({one["PackageUrl"] for one in found})
    unreadable = report["UnreadableFiles"]
    more = f"; {unreadable} files are no advisories" if unreadable else ""
    return (
        f"{len(found)} known vulnerabilities in {packages} packages, by {report['Advisories']} "
        f"advisories{more}"
    )
