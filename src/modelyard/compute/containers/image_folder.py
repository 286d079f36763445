"""The folder of container images: one folder for each, named by its digest, never changed.

In each lie `layout`, the image as the OCI image format has it; `rootfs`, the file system that its
programs run in; `config.json`; and `software.cdx.json`, what it holds. All of it was made in a
sandbox, of what a stranger wrote: it is looked at when it comes in, and no path of it is trusted.
Beside it lies `vulnerabilities.json`, the server's own, written anew at each comparison.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.compute.confinement import launcher
from modelyard.compute.images import Image, Purpose
from modelyard.compute.job_files import read_text, remove_tree
from modelyard.compute.system_view import IMAGE_FILES, IMAGE_FOLDERS, IMAGE_ROOT

SERVING_PORT = 8080
#: What every image may be asked to do: which it can is found out when it is started.
PURPOSES: tuple[Purpose, ...] = ("train", "serve", "process")
_VULNERABILITIES = "vulnerabilities.json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_BYTES = 64 * 2**20
_VARIABLE = re.compile(r"[^=\x00]+=[^\x00]*")


class ImageFolderError(Exception):
    """What was made is no image that can be kept."""


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """What an image says of how it is to be run."""

    entrypoint: Sequence[str]
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: str  # where its programs start

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ImageConfig:
        """Return what an OCI image's `config` says.

        Raises:
            ValueError: it is not as the format has it.
        """
        variables = _texts(config, "Env")
        for variable in variables:
            if not _VARIABLE.fullmatch(variable):
                raise ValueError(f"Env holds {variable!r}, which is no variable")
        return cls(
            entrypoint=_texts(config, "Entrypoint"),
            command=_texts(config, "Cmd"),
            environment=dict(variable.split("=", 1) for variable in variables),
            folder=str(config.get("WorkingDir") or "/"),
        )


class ImageFolder:
    """The images on this machine.

    Args:
        folder: `<home>/images`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, digest: str) -> bool:
        """Return whether the image is on this machine."""
        return self._place(digest).is_dir()

    def layout(self, digest: str) -> Path:
        """Return the folder of the image itself."""
        return self._place(digest) / "layout"

    def software(self, digest: str) -> bytes:
        """Return the CycloneDX document of an image's software."""
        return (self._place(digest) / "software.cdx.json").read_bytes()

    def vulnerabilities(self, digest: str) -> bytes | None:
        """Return what `keep_vulnerabilities` has kept; None: nothing."""
        try:
            return (self._place(digest) / _VULNERABILITIES).read_bytes()
        except FileNotFoundError:
            return None

    def keep_vulnerabilities(self, digest: str, report: bytes) -> None:
        """Keep what is known against an image's software, in place of what was known before.

        Raises:
            OSError: it cannot be written, or the image is not here.
        """
        place = self._place(digest)
        with tempfile.NamedTemporaryFile(dir=place, prefix=".", delete=False) as file:
            try:
                file.write(report)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(place / _VULNERABILITIES)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise

    def image(self, digest: str, *, name: str, tag: str, pinned: str) -> Image:
        """Return an image of this machine as jobs and endpoints run it.

        Raises:
            OSError, ValueError: it is not there, or cannot be read.
        """
        place = self._place(digest)
        found = json.loads((place / "config.json").read_text())
        config = ImageConfig.of(found["config"])
        settings = {
            "root": IMAGE_ROOT,
            "folder": config.folder,
            "environment": dict(config.environment),
        }
        return Image(
            name=name,
            version=tag or digest,
            entrypoint=config.entrypoint,
            command=config.command,
            purposes=PURPOSES,
            server="program",
            root=place / "rootfs",
            inside=launcher("in_image", json.dumps(settings)),
            port=SERVING_PORT,
            pinned=pinned,
            digest=digest,
        )

    def sweep(self, known: Collection[str]) -> None:
        """Remove the images that nobody knows of: a server was killed ahead of writing it down.

        Args:
            known: the digests of those that are known.
        """
        kept = {self._place(digest).name for digest in known}
        for place in self._folder.glob("sha256-*"):
            if place.name not in kept:
                remove_tree(place)

    def admit(self, made: Path) -> str:
        """Take in what a build has made, whole or not at all; return its digest.

        Raises:
            ImageFolderError: it is no image that can be kept.
        """
        digest = _checked(made)
        place = self._place(digest)
        if place.is_dir():
            remove_tree(made)
            return digest
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.sync()  # thousands of files, and none may be missing once the folder has its name
        made.rename(place)
        return digest

    def _place(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no digest")
        return self._folder / digest.replace(":", "-")


def _checked(made: Path) -> str:
    try:
        found = json.loads(read_text(made, "config.json", max_bytes=_MAX_BYTES) or "")
        digest = str(found["digest"])
        ImageConfig.of(found["config"])
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no digest")
        value = digest.removeprefix("sha256:")
        manifest = read_text(made, f"layout/blobs/sha256/{value}", max_bytes=_MAX_BYTES) or ""
        if hashlib.sha256(manifest.encode()).hexdigest() != value:
            raise ValueError("its manifest is not what its digest says")
        software = read_text(made, "software.cdx.json", max_bytes=_MAX_BYTES)
        if not isinstance(json.loads(software or ""), dict):
            raise TypeError("the list of its software is none")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ImageFolderError(f"what was built is no image: {error}") from error
    for name in ("rootfs", "layout"):
        _require_real(made, name, folder=True)
    for name in IMAGE_FOLDERS:
        _require_real(made / "rootfs", name, folder=True)
    for name in IMAGE_FILES:
        _require_real(made / "rootfs", name, folder=False)
    return digest


def _require_real(root: Path, name: str, *, folder: bool) -> None:
    """Refuse a link wherever something is to be mounted: it could lead out of the image.

    A step of a build may have left anything: it is root in the sandbox, and could break out of the
    engine's own walls, though not out of the sandbox.
    """
    path = root
    parts = name.split("/")
    for part in parts:
        path = path / part
        right = path.is_dir() if folder or part != parts[-1] else path.is_file()
        if path.is_symlink() or not right:
            raise ImageFolderError(f"/{name} of what was built is no place to mount anything on")


def _texts(config: Mapping[str, Any], member: str) -> list[str]:
    found = config.get(member) or []
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError(f"{member} is no list of texts")
    return list(found)
