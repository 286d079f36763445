"""The source of an image: an archive in the assets bucket, which a stranger made.

It is read through once before anything of it is written: names that lead out of it, links, and what
unpacks to more than the caps are refused then.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from modelyard.compute.archives import ArchiveError, extract, look
from modelyard.orchestrator.assets import Assets

DOCKERFILE = "Dockerfile"
MAX_FILES = 100_000
MAX_BYTES = 16 * 2**30
_CHUNK_BYTES = 1 << 20
#: Programs of the container contract, which an archive made on some systems cannot mark as such.
_PROGRAMS = ("serve", "train")
_NAMED = 20  # files that a message names
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

_FROM = re.compile(
    r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*", re.IGNORECASE
)


class SourceError(Exception):
    """The archive is refused, or holds no Dockerfile."""


def unpack(assets: Assets, key: str, folder: Path) -> str:
    """Unpack an archive to the new folder `folder`/context; return the archive's SHA-256. Blocking.

    Raises:
        SourceError: it is not there, it is refused, or holds no Dockerfile.
        StoreError, OSError: it cannot be read or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive, context = folder / "source.zip", folder / "context"
    digest = hashlib.sha256()
    with assets.open(key) as given, archive.open("wb") as taken:
        while chunk := given.read(_CHUNK_BYTES):
            digest.update(chunk)
            taken.write(chunk)
    try:
        with archive.open("rb") as opened:
            found = [file.name for file in look(opened, max_files=MAX_FILES, max_bytes=MAX_BYTES)]
        if DOCKERFILE not in found:
            raise SourceError(f"{key} holds no {DOCKERFILE} at its top: {_listed(found)}")
        extract(archive, context, max_files=MAX_FILES, max_bytes=MAX_BYTES)
    except ArchiveError as error:
        raise SourceError(f"{key} is refused: {error}") from error
    finally:
        archive.unlink()
    for path in context.rglob("*"):
        if path.name in _PROGRAMS and path.is_file():
            path.chmod(path.stat().st_mode | _EXECUTABLE)
    return digest.hexdigest()


def base_images(context: Path) -> Iterator[str]:
    """Yield the images that the Dockerfile builds upon, but for its own stages and `scratch`."""
    text = (context / DOCKERFILE).read_text(errors="replace").replace("\\\n", " ")
    stages = {"scratch"}
    for line in text.splitlines():
        match = _FROM.fullmatch(line.strip())
        if match is None:
            continue
        if match["image"].lower() not in stages:
            yield match["image"]
        if match["stage"]:
            stages.add(match["stage"].lower())


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"it holds {', '.join(sorted(names)[:_NAMED])}{more}" if names else "it holds no file"
