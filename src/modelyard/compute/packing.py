"""Packing what a job left behind: `model.tar.gz`, `output.tar.gz`.

The same files make the same bytes: names are sorted, and neither times nor owners are kept.
"""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from modelyard.compute.job_files import JobFile, walk

#: zlib's own compromise; a model's trees shrink to a fifth either way.
_LEVEL = 6


@dataclass(kw_only=True)
class Packed:
    """What went into an archive."""

    files: int = 0
    bytes: int = 0  # of the files, before compression
    #: Links that lead out, pipes, sockets, and what an earlier root has under the same name.
    left_out: list[str] = field(default_factory=list)


def pack(roots: Sequence[Path], relative: str, target: Path) -> Packed:
    """Write the new file `target`, a tar.gz; see `pack_into`.

    The file grows while it is written: its caller makes it appear when it is whole.
    """
    with target.open("xb") as file:
        return pack_into(file, roots, relative)


def pack_into(file: BinaryIO, roots: Sequence[Path], relative: str) -> Packed:
    """Write the regular files below each root's `relative` to `file`, as a tar.gz.

    Of two files of one name the earlier root's is taken. A folder that is not there is like an
    empty one. See `job_files` for what becomes of links.
    """
    packed = Packed()
    taken: set[str] = set()
    with (
        gzip.GzipFile(
            filename="", mode="wb", fileobj=file, mtime=0, compresslevel=_LEVEL
        ) as zipped,
        tarfile.TarFile(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for root in roots:
            for found in walk(root, relative, left_out=packed.left_out):
                if found.name in taken:
                    packed.left_out.append(found.name)
                    continue
                taken.add(found.name)
                _add(tar, found)
                packed.files += 1
                packed.bytes += found.size
    return packed


def _add(tar: tarfile.TarFile, found: JobFile) -> None:
    entry = tarfile.TarInfo(found.name)
    entry.mode = 0o755 if found.executable else 0o644
    with found.open() as content:
        entry.size = os.fstat(content.fileno()).st_size
        tar.addfile(entry, content)
