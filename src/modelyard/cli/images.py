"""`modelyard images …` calls the operations on container images."""

from __future__ import annotations

import json
import sys

from modelyard.cli.connection import Connection


def print_software(connection: Connection, image: str) -> None:
    """Print the CycloneDX document of an image.

    Raises:
        CommandError: there is no such image, or the server refuses.
    """
    answer = connection.operation("Modelyard.DescribeImageSoftware", {"ImageUri": image})
    sys.stdout.write(f"{answer['Software']}\n")


def print_vulnerabilities(connection: Connection, image: str, *, scan: bool, as_json: bool) -> None:
    """Print a line for each known vulnerability of an image's software.

    Args:
        scan: compare the image anew, ahead of that.

    Raises:
        CommandError: there is no such image, or the server refuses.
    """
    name = "ScanImage" if scan else "DescribeImageSoftware"
    answer = connection.operation(f"Modelyard.{name}", {"ImageUri": image})
    del answer["Software"]
    if as_json:
        sys.stdout.write(f"{json.dumps(answer, indent=2)}\n")
        return
    if "ScannedAt" not in answer:
        sys.stdout.write("it was not compared with advisories: use --scan\n")
        return
    for one in answer["Vulnerabilities"]:
        fixed = ", ".join(one["FixedVersions"]) or "none yet"
        sys.stdout.write(
            f"{one['Id']:24} {one['Package']} {one['Version']} (fixed in {fixed}): "
            f"{one['Summary']}\n"
        )
    sys.stdout.write(
        f"{len(answer['Vulnerabilities'])} known vulnerabilities by {answer['Advisories']} "
        f"advisories, {answer['ScannedAt']}\n"
    )
