"""An OCI image layout, read: a folder of blobs named by their digests.

Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ImageLayout:
    """The one image of a layout."""

    digest: str  # "sha256:…", of its manifest
    config: Mapping[str, Any]
    layers: Sequence[Path]  # the lowest first


def read_layout(folder: Path) -> ImageLayout:
    """Return the image of a layout.

    Raises:
        ValueError, OSError: there is none, or not one alone.
    """
    index = json.loads((folder / "index.json").read_text())
    if len(index["manifests"]) != 1:
        raise ValueError(f"the layout holds {len(index['manifests'])} images, not one")
    digest = index["manifests"][0]["digest"]
    manifest = json.loads(_blob(folder, digest).read_text())
    return ImageLayout(
        digest=digest,
        config=json.loads(_blob(folder, manifest["config"]["digest"]).read_text()),
        layers=[_blob(folder, layer["digest"]) for layer in manifest["layers"]],
    )


def _blob(folder: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or len(value) != 64 or not value.isalnum():
        raise ValueError(f"{digest!r} is no sha256 digest")
    return folder / "blobs" / algorithm / value
