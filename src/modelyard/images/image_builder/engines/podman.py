"""Podman, without its daemon and its containers. Debian package `podman`, https://podman.io"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelyard.images.image_builder.engines._base import Engine


class Podman(Engine):
    program = "podman"
    never_pull = ("--pull=never",)

    @property
    def options(self) -> Sequence[str]:
        return (
            *("--cgroup-manager", "cgroupfs", "--events-backend", "none"),  # no systemd in here
            *("--tmpdir", str(self.config)),  # of its locks, else in /run
        )

    def saved(self, name: str, layout: Path) -> Sequence[str]:
        return ("save", "--format", "oci-dir", "--uncompressed", "--output", str(layout), name)

    def described(self, name: str) -> Sequence[str]:
        return ("image", "inspect", "--format", "{{.Digest}}", name)
