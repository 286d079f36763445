"""What `docker save` writes, as an OCI image layout: a tar with `manifest.json`, which names the
image's configuration and its layers.

Both are read by the names that `manifest.json` gives them, which differ from one version of Docker
to the next; only regular files are taken, and their digests are computed here.

Source: https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
"""

from __future__ import annotations

import gzip
import hashlib
import json
import posixpath
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from modelyard.images.image_builder.layers import LayerError

_CHUNK_BYTES = 1 << 20
_MAX_JSON_BYTES = 64 * 2**20
_GZIP = b"\x1f\x8b"
_MAX_LINKS = 8
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def to_layout(archive: Path, layout: Path) -> None:
    """Write the one image of an archive as a layout, its layers uncompressed.

    Raises:
        LayerError: it is no such archive, or does not hold one image alone.
    """
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:") as tar:
            manifest = _manifest(tar, blobs)
    except (tarfile.TarError, KeyError, ValueError, TypeError, IndexError) as error:
        raise LayerError(f"what docker saved is no image: {error}") from error
    described = _keep(json.dumps(manifest).encode(), blobs, _MANIFEST)
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [described]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


def _manifest(tar: tarfile.TarFile, blobs: Path) -> Mapping[str, Any]:
    with _opened(tar, "manifest.json") as file:
        images = json.loads(file.read(_MAX_JSON_BYTES))
    if len(images) != 1:
        raise LayerError(f"what docker saved holds {len(images)} images, not one")
    with _opened(tar, images[0]["Config"]) as file:
        config = file.read(_MAX_JSON_BYTES)
    layers = [_layer(tar, name, blobs) for name in images[0].get("Layers") or ()]
    differences = [layer["digest"] for layer in layers]
    if json.loads(config)["rootfs"]["diff_ids"] != differences:
        raise LayerError("the layers that docker saved are not those of the image's configuration")
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _keep(config, blobs, _CONFIG),
        "layers": layers,
    }


def _layer(tar: tarfile.TarFile, name: str, blobs: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    aside = blobs.parent / "layer"
    with _opened(tar, name) as file, aside.open("wb") as kept:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        with gzip.open(file) if packed else file as content:
            while chunk := content.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                kept.write(chunk)
    aside.rename(blobs / digest.hexdigest())
    return {"mediaType": _LAYER, "digest": f"sha256:{digest.hexdigest()}", "size": size}


def _opened(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """Open a regular file of the archive; a layer may be a link to one that is the same."""
    for _ in range(_MAX_LINKS):
        member = tar.getmember(name)
        if not member.issym():
            break
        name = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
    file = tar.extractfile(member) if member.isfile() else None
    if file is None:
        raise LayerError(f"{name!r} of what docker saved is no file")
    return file


def _keep(content: bytes, blobs: Path, media: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}
