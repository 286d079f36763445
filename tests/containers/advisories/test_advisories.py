"""Which advisories an image's software is in, by the rules of OSV and of each kind of package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.containers.advisories.database import AdvisoriesError, scan
from modelyard.containers.advisories.software import Component, components
from modelyard.containers.advisories.versions import is_affected
from modelyard.containers.catalogue import Catalogue
from modelyard.containers.operations import ImageOperations
from modelyard.containers.scanning import ImageScanner
from modelyard.images.image_builder.software import bill_of_materials
from modelyard.operations.errors import OperationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from tests.containers.test_catalogue import URI, build
from tests.governance.costs.test_costs import CONTEXT
from tests.orchestrator.world import new_store
from tests.policies import AllowAll

OPENSSL = Component(
    kind="deb",
    package="libssl3",
    name="openssl",
    version="3.0.11-1~deb12u2",
    locator="pkg:deb/debian/libssl3@3.0.11-1~deb12u2",
    system="debian",
    release="12",
)


def advisory(
    *, ecosystem: str = "Debian:12", name: str = "openssl", events: Any = None, **more: Any
) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": "3.0.14-1~deb12u1"}] if events is None else events
    return {
        "id": "DSA-1",
        "aliases": ["CVE-2024-1"],
        "summary": "it leaks",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        **more,
    }


def found(folder: Path, *advisories: object) -> list[str]:
    for number, given in enumerate(advisories):
        path = folder / "Debian" / f"{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(given))
    return [finding.id for finding in scan(folder, [OPENSSL]).findings]


def test_a_binary_package_is_found_by_its_source(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(advisory()))
    (finding,) = scan(tmp_path, [OPENSSL]).findings
    assert finding.to_json() == {
        "Id": "DSA-1",
        "Aliases": ["CVE-2024-1"],
        "Summary": "it leaks",
        "Severity": "",
        "Package": "libssl3",
        "Version": "3.0.11-1~deb12u2",
        "FixedVersions": ["3.0.14-1~deb12u1"],
        "PackageUrl": OPENSSL.locator,
    }


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [
        ({"ecosystem": "Debian"}, True),
        ({"ecosystem": "Debian:11"}, False),
        ({"ecosystem": "Debian:1"}, False),
        ({"ecosystem": "Ubuntu:12"}, False),
        ({"ecosystem": "PyPI"}, False),
        ({"name": "libssl3"}, False),
        ({"withdrawn": "2024-01-01T00:00:00Z"}, False),
        ({"events": [{"introduced": "0"}]}, True),
        ({"events": [{"introduced": "0"}, {"fixed": "3.0.11-1~deb12u2"}]}, False),
        ({"events": [{"introduced": "0"}, {"last_affected": "3.0.11-1~deb12u2"}]}, True),
        ({"events": [{"introduced": "0"}, {"last_affected": "3.0.11-1~deb12u1"}]}, False),
        ({"events": [{"introduced": "3.1"}]}, False),
        ({"events": [{"introduced": "1:0"}]}, False),
        ({"events": [{"introduced": "no version!"}]}, False),
        ({"events": "x"}, False),
    ],
)
def test_what_an_advisory_means(tmp_path: Path, changes: dict[str, Any], is_found: bool) -> None:
    assert found(tmp_path, advisory(**changes)) == (["DSA-1"] if is_found else [])


@pytest.mark.parametrize(
    ("kind", "version", "fixed", "affected"),
    [
        ("pypi", "2.0rc1", "2.0", True),
        ("pypi", "2.10", "2.9", False),
        ("deb", "1.0~rc1-1", "1.0-1", True),
        ("deb", "1:0.9-1", "1.0-1", False),
        ("apk", "3.1.4-r5", "3.1.4-r10", True),
        ("apk", "1.2.3-r0", "1.2.3_rc1-r0", False),
    ],
)
def test_versions_are_compared_as_their_own_world_does(
    kind: str, version: str, fixed: str, affected: bool
) -> None:
    events = [{"fixed": fixed}, {"introduced": "0"}]
    assert is_affected(kind, version, {"ranges": [{"type": "ECOSYSTEM", "events": events}]}) is (
        affected
    )


def test_a_version_may_come_back_and_be_listed(tmp_path: Path) -> None:
    events = [
        {"introduced": "0"},
        {"fixed": "1.0"},
        {"introduced": "2.0"},
        {"fixed": "2.2"},
    ]
    ranges = {"ranges": [{"type": "ECOSYSTEM", "events": events}], "versions": ["9"]}
    versions = ("0.9", "1.0", "1.5", "2.0", "2.1", "2.2", "9")
    affected = [is_affected("pypi", version, ranges) for version in versions]
    assert affected == [True, False, False, True, True, False, True]


def test_files_that_are_no_advisories_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text("[]")
    (tmp_path / "c.json").write_text(json.dumps(advisory()))
    result = scan(tmp_path, [OPENSSL])
    assert (result.advisories, result.unreadable) == (1, ["a.json", "b.json"])
    with pytest.raises(AdvisoriesError, match=r"image_advisories: .* is no folder"):
        scan(tmp_path / "nothing", [OPENSSL])


def test_the_list_of_software_names_sources(tmp_path: Path) -> None:
    status = tmp_path / "var" / "lib" / "dpkg" / "status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: libssl3\nStatus: install ok installed\nVersion: 3.0-1+b1\n"
        "Source: openssl (3.0-1)\n\n"
        "Package: bash\nStatus: install ok installed\nVersion: 5\n"
    )
    apk = tmp_path / "lib" / "apk" / "db" / "installed"
    apk.parent.mkdir(parents=True)
    apk.write_text("P:libcrypto3\nV:3.1-r1\no:openssl\n\nP:musl\nV:1-r1\no:musl\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text('ID=alpine\nVERSION_ID="3.19.1"\n')
    document = bill_of_materials(tmp_path, name="x", digest="sha256:1")
    read = components(json.dumps(document).encode())
    assert [(one.package, one.name, one.version) for one in read] == [
        ("libcrypto3", "openssl", "3.1-r1"),
        ("musl", "musl", "1-r1"),
        ("bash", "bash", "5"),
        ("libssl3", "openssl", "3.0-1"),
    ]
    assert [read[0].is_of(name) for name in ("Alpine:v3.19", "Alpine:v3.1", "Alpine")] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("document", [b"x", b"{}", b"[]", b'{"components": [{"type": "library"}]}'])
def test_a_damaged_list_is_told(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|JSON|Expecting"):
        components(document)


def test_an_images_vulnerabilities_are_kept_and_read(tmp_path: Path) -> None:
    advisories = tmp_path / "osv"
    advisories.mkdir()
    toy = {"id": "PYSEC-1", "summary": "toys", "affected": [{"package": {}}]}
    toy["affected"] = [{"package": {"ecosystem": "PyPI", "name": "Toy.Mean"}, "versions": ["1.2"]}]
    (advisories / "a.json").write_text(json.dumps(toy))
    with new_store() as store:
        digest = build(store, tmp_path, tag="1")
        images = ImageFolder(tmp_path / "images")
        root = tmp_path / "root" / "lib" / "toy_mean-1.2.dist-info"
        root.mkdir(parents=True)
        (root / "METADATA").write_text("Metadata-Version: 2.1\nName: Toy_Mean\nVersion: 1.2\n")
        document = bill_of_materials(tmp_path / "root", name="x", digest=digest)
        place = tmp_path / "images" / digest.replace(":", "-")
        (place / "software.cdx.json").write_text(json.dumps(document))
        catalogue = Catalogue(store, images)
        table = OperationTable(Schema(), AllowAll())
        table.add(ImageOperations(catalogue, images, ImageScanner(images, advisories)))
        uri = URI.replace("eu-west-1", CONTEXT.region) + ":1"

        def call(name: str, uri: str = uri) -> Any:
            return table.call(CONTEXT, "modelyard", name, {"ImageUri": uri})

        before = call("DescribeImageSoftware")
        assert json.loads(before["Software"])["bomFormat"] == "CycloneDX"
        assert "Vulnerabilities" not in before
        assert call("ScanImage")["Vulnerabilities"][0]["Id"] == "PYSEC-1"
        after = call("DescribeImageSoftware")
        assert (after["Advisories"], len(after["Vulnerabilities"])) == (1, 1)
        for other in (f"{URI}:2", uri.replace("123456789012", "210987654321"), "ghcr.io/a/b:1"):
            with pytest.raises(OperationError):
                call("DescribeImageSoftware", other)
