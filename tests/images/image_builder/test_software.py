"""The list of an image's software: what its package managers have written down."""

from __future__ import annotations

import json
from pathlib import Path

from modelyard.images.image_builder.software import Package, bill_of_materials, packages

DIGEST = f"sha256:{'a' * 64}"


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_an_empty_image_has_an_empty_list(tmp_path: Path) -> None:
    document = bill_of_materials(tmp_path, name="x", digest=DIGEST)
    assert document["components"] == []
    assert document["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]


def test_debian_alpine_and_python_packages_are_found(tmp_path: Path) -> None:
    put(
        tmp_path,
        "var/lib/dpkg/status",
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n"
        "Description: GNU C\n more of it\n\nPackage: old\nStatus: deinstall ok config-files\n"
        "Version: 1\n",
    )
    put(tmp_path, "var/lib/dpkg/status.d/base", "Package: base\nVersion: 12:1+b1\n")
    put(tmp_path, "lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\nP:x\n")
    put(
        tmp_path,
        "usr/lib/python3/site-packages/Foo_Bar-1.0.dist-info/METADATA",
        "Metadata-Version: 2.4\nName: Foo_Bar\nVersion: 1.0\nLicense-Expression: MIT\n\nText",
    )
    put(tmp_path, "usr/lib/python3/old-2.egg-info", "Name: old\nVersion: 2\n")
    assert sorted(packages(tmp_path)) == [
        Package(kind="apk", name="musl", version="1.2.4-r2", architecture="x86_64", licence="MIT"),
        Package(kind="deb", name="base", version="12:1+b1"),
        Package(kind="deb", name="libc6", version="2.36-9", architecture="amd64"),
        Package(kind="pypi", name="Foo_Bar", version="1.0", licence="MIT"),
        Package(kind="pypi", name="old", version="2"),
    ]


def test_components_have_package_urls_of_their_system(tmp_path: Path) -> None:
    put(tmp_path, "etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n')
    put(tmp_path, "var/lib/dpkg/status", "Package: a+b\nVersion: 1:2~3\nArchitecture: all\n")
    document = json.loads(json.dumps(bill_of_materials(tmp_path, name="x", digest=DIGEST)))
    system, package = document["components"]
    assert system == {
        "type": "operating-system",
        "bom-ref": "os:debian:12",
        "name": "debian",
        "version": "12",
        "description": "Debian 12",
    }
    assert package["purl"] == "pkg:deb/debian/a%2Bb@1%3A2~3?arch=all"


def test_a_link_to_a_file_outside_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("Package: secret\nVersion: 1\n")
    root = tmp_path / "root"
    put(root, "var/lib/dpkg/x", "")
    (root / "var/lib/dpkg/status").symlink_to(secret)
    assert list(packages(root)) == []
