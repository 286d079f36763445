"""Buildah. Debian package `buildah`, https://buildah.io"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelyard.images.image_builder.engines._base import Engine


class Buildah(Engine):
    program = "buildah"
    never_pull = ("--pull-never",)

    @property
    def options(self) -> Sequence[str]:
        return (
            *("--registries-conf", str(self.config / "registries.conf")),
            *("--short-name-alias-conf", str(self.config / "aliases.conf")),  # else in /var
        )

    def saved(self, name: str, layout: Path) -> Sequence[str]:
        return ("push", "--disable-compression", name, f"oci:{layout}:latest")

    def described(self, name: str) -> Sequence[str]:
        return ("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", name)
