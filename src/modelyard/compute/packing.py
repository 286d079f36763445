"""Packing what a job left behind: `model.tar.gz`, `output.tar.gz`.

The same files make the same bytes: names are sorted, and neither times nor owners are kept. The
archive is streamed to disk, made aside and renamed.
"""

from __future__ import annotations

import gzip
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.compute.job_files import JobFile, walk

#: zlib's own compromise; a model's trees shrink to a fifth either way.
_LEVEL = 6


@dataclass(kw_only=True)
class Packed:
    """What went into an archive."""

    files: int = 0
    bytes: int = 0  # of the files, before compression
    left_out: list[str] = field(default_factory=list)  # links that lead out, pipes, sockets


def pack(root: Path, relative: str, target: Path) -> Packed:
    """Write the regular files below `root`/`relative` to `target`, a tar.gz.

    A folder that is not there makes an archive without entries. See `job_files` for what becomes
    of links.
    """
    packed = Packed()
    aside = target.with_name(f".{target.name}.aside")
    with aside.open("wb") as file:
        with (
            gzip.GzipFile(
                filename="", mode="wb", fileobj=file, mtime=0, compresslevel=_LEVEL
            ) as stream,
            tarfile.TarFile(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for found in walk(root, relative, left_out=packed.left_out):
                _add(tar, found)
                packed.files += 1
                packed.bytes += found.size
        file.flush()
        os.fsync(file.fileno())
    aside.rename(target)
    return packed


def _add(tar: tarfile.TarFile, found: JobFile) -> None:
    entry = tarfile.TarInfo(found.name)
    entry.mode = 0o755 if found.executable else 0o644
    with found.open() as content:
        entry.size = os.fstat(content.fileno()).st_size
        tar.addfile(entry, content)
