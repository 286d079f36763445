"""An image's layers, laid one over the other into a folder: the file system that it runs in.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md (whiteouts: a file
`.wh.<name>` removes `<name>` of the layers below, `.wh..wh..opq` all of its folder).

Every entry's place is found anew from the root, as in a chroot: a link that leads out of the folder
is followed inside of it. Owners and devices are left out: a program runs as one user, and gets its
devices from the sandbox. So are the bits that would give it another user's rights.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import stat
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MAX_LINKS = 40  # as the kernel's


class LayerError(Exception):
    """A layer cannot be unpacked."""


def unpack(layers: Iterable[Path], root: Path) -> None:
    """Unpack layers, the lowest first, into the new folder `root`.

    Raises:
        LayerError: one of them is damaged, or cannot be laid over those below.
    """
    root.mkdir(mode=0o755, parents=True)
    for layer in layers:
        try:
            with tarfile.open(layer, mode="r:*") as tar:
                _lay(tar, root)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise LayerError(f"layer {layer.name[:12]}: {error}") from error


def add_mount_points(root: Path, folders: Iterable[str], files: Iterable[str]) -> None:
    """Have real folders and files where the sandbox mounts its own, and no links on their way."""
    for name in folders:
        _real_folder(root, name)
    for name in files:
        folder, _, file = name.rpartition("/")
        path = _real_folder(root, folder) / file
        if path.is_symlink() or not path.is_file():
            _remove(path)
            path.touch(mode=0o644)


def _lay(tar: tarfile.TarFile, root: Path) -> None:
    below = set()  # what this layer itself has put there: no whiteout of its own removes it
    for member in tar:
        folder = inside(root, posixpath.dirname(member.name.strip("/")))
        name = posixpath.basename(posixpath.normpath(member.name))
        if name in ("", ".", ".."):
            continue
        if name == _OPAQUE:
            for entry in folder.iterdir() if folder.is_dir() else ():
                if entry not in below:
                    _remove(entry)
        elif name.startswith(_WHITEOUT):
            _remove(folder / name.removeprefix(_WHITEOUT))
        else:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            _put(tar, member, folder / name, root)
            below.add(folder / name)


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, root: Path) -> None:
    # Rights to read are all that its one user needs of others' files.
    mode = (member.mode & 0o777) | stat.S_IRUSR | stat.S_IWUSR
    if member.isdir():
        if path.is_symlink() or not path.is_dir():
            _remove(path)
            path.mkdir()
        path.chmod(mode | stat.S_IXUSR)
        return
    _remove(path)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        target = posixpath.normpath(member.linkname.strip("/"))
        source = inside(root, posixpath.dirname(target)) / posixpath.basename(target)
        os.link(source, path, follow_symlinks=False)
    elif member.isfile():
        content = tar.extractfile(member)
        if content is None:
            raise LayerError(f"{member.name!r} has no content")
        with content, path.open("xb") as file:
            shutil.copyfileobj(content, file)
        path.chmod(mode)
        with suppress(OverflowError, OSError):
            os.utime(path, (member.mtime, member.mtime))


def inside(root: Path, relative: str) -> Path:
    """Return where a folder's name leads in `root`, links followed as if it were the root."""
    waiting = [part for part in reversed(relative.split("/")) if part not in ("", ".")]
    found: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            found = found[:-1]
            continue
        path = root.joinpath(*found, part)
        if not path.is_symlink():
            found.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise LayerError(f"{relative!r} leads through too many links")
        target = str(path.readlink())
        if target.startswith("/"):
            found = []
        waiting += [piece for piece in reversed(target.split("/")) if piece not in ("", ".")]
    return root.joinpath(*found)


def _real_folder(root: Path, relative: str) -> Path:
    path = root
    for part in relative.split("/"):
        path = path / part
        if path.is_symlink() or not path.is_dir():
            _remove(path)
            path.mkdir(mode=0o755)
    return path


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
