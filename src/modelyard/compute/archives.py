"""The one archive extractor: `tar.gz` and `zip`, which strangers made.

An archive may hold regular files and folders, nothing else: no link, no device, no sparse file. Its
names stay below the folder that it is extracted to, no name comes twice, and there are caps on how
many entries and bytes it may hold. What breaks a rule is refused whole: files are written aside,
and the folder gets its name only when all of it is there.

`tarfile` finds the entries. What it is known to trust is kept from it: it reads through
`_BoundedReader`, so a header that claims gigabytes, or an archive that unpacks without end, stops
at the caps; and none of its own extraction code runs, so its filters need not be relied on.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

_CHUNK_BYTES = 64 * 1024
#: The largest header that is believed; a name has at most 4,096 bytes.
_MAX_HEADER_BYTES = 1 << 20
#: What one tar entry may need beside its content: its headers and the padding of both.
_ENTRY_OVERHEAD_BYTES = 16 * 1024

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_DRIVE = re.compile(r"[A-Za-z]:")

_TAR_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class ArchiveError(Exception):
    """The archive breaks a rule, or cannot be read; nothing of it was kept."""


def extract(archive: Path, target: Path, *, max_files: int, max_bytes: int) -> None:
    """Extract `archive`, a tar.gz or zip by its first bytes, to the new folder `target`.

    Args:
        max_files: how many files and folders it may hold.
        max_bytes: how many bytes its files may have together.

    Raises:
        ArchiveError: it breaks a rule or is damaged; there is no `target` then.
        FileExistsError: `target` exists already.
    """
    if target.exists() or target.is_symlink():
        raise FileExistsError(f"{target} exists already: an archive is extracted to a new folder")
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        content = aside / "content"
        content.mkdir()
        sink = _Folder(content, max_files=max_files, max_bytes=max_bytes)
        with archive.open("rb") as stream:
            _read_by_magic(stream, sink)
        sink.sync()
        content.rename(target)
    finally:
        shutil.rmtree(aside)


@dataclass(frozen=True, kw_only=True)
class ArchivedFile:
    """One file of an archive, by its two ends."""

    name: str
    size: int  # bytes
    head: bytes  # up to 64 KiB from its beginning
    tail: bytes  # up to 64 KiB to its end


def look(archive: IO[bytes], *, max_files: int, max_bytes: int) -> list[ArchivedFile]:
    """Return the files of an archive that keeps every rule; nothing is written.

    Args:
        archive: a tar.gz or zip by its first bytes; it can seek.
        max_files, max_bytes: as for `extract`.

    Raises:
        ArchiveError: it breaks a rule or is damaged.
    """
    sink = _Looks(max_files=max_files, max_bytes=max_bytes)
    _read_by_magic(archive, sink)
    return sink.found


def checked_name(raw: str) -> str:
    """Return an entry's name as a relative path with single slashes; "" is the archive's root.

    Raises:
        ArchiveError: the name could lead out of the folder, or could not be a file's.
    """
    if _FORBIDDEN.search(raw):
        raise ArchiveError(f"the name {raw!r} holds a backslash or a control character")
    if raw.startswith("/") or _DRIVE.match(raw):
        raise ArchiveError(f"the name {raw!r} is absolute: names must be relative")
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ArchiveError(f"the name {raw!r} leads out of the archive's folder (`..`)")
    try:
        longest = max((len(part.encode()) for part in parts), default=0)
    except UnicodeEncodeError as error:
        raise ArchiveError(f"the name {raw!r} is not UTF-8") from error
    if longest > 255 or len(raw.encode()) > 4096:
        raise ArchiveError(f"the name {raw[:40]!r}… is longer than a file's name can be")
    return "/".join(parts)


class _Source(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _Sink:
    """What takes an archive's entries, and counts them against the caps."""

    def __init__(self, *, max_files: int, max_bytes: int) -> None:
        self.max_files = max_files
        self.max_bytes = max_bytes
        self._files: set[str] = set()
        self._folders: set[str] = {""}
        self._bytes = 0

    def add_folder(self, raw: str) -> None:
        self._make_folder(checked_name(raw))

    def add_file(self, raw: str, source: _Source, *, executable: bool) -> int:
        """Take one file; return its size in bytes."""
        name = checked_name(raw)
        if not name:
            raise ArchiveError(f"the name {raw!r} is a folder's, the entry is a file")
        if name in self._files or name in self._folders:
            raise ArchiveError(f"the name {name!r} comes twice")
        self._make_folder(name.rpartition("/")[0])
        self._files.add(name)
        self._count()
        return self.take_file(name, self._counted(source), executable=executable)

    def take_file(self, name: str, chunks: Iterator[bytes], *, executable: bool) -> int:
        """Do with a file what this sink is for; return its size in bytes."""
        raise NotImplementedError

    def take_folder(self, name: str) -> None:
        """Do with a folder what this sink is for."""

    def _counted(self, source: _Source) -> Iterator[bytes]:
        while chunk := source.read(_CHUNK_BYTES):
            self._bytes += len(chunk)
            if self._bytes > self.max_bytes:
                raise _too_large(self.max_bytes)
            yield chunk

    def _make_folder(self, name: str) -> None:
        if name in self._folders:
            return
        if name in self._files:
            raise ArchiveError(f"the name {name!r} is both a file's and a folder's")
        self._make_folder(name.rpartition("/")[0])
        self._folders.add(name)
        self._count()
        self.take_folder(name)

    def _count(self) -> None:
        if len(self._files) + len(self._folders) - 1 > self.max_files:
            raise ArchiveError(f"it holds more than {self.max_files:,} files and folders")


class _Folder(_Sink):
    """The folder being filled."""

    def __init__(self, folder: Path, *, max_files: int, max_bytes: int) -> None:
        super().__init__(max_files=max_files, max_bytes=max_bytes)
        self._folder = folder

    def take_file(self, name: str, chunks: Iterator[bytes], *, executable: bool) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._folder / name, flags, 0o755 if executable else 0o644)
        size = 0
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return size

    def take_folder(self, name: str) -> None:
        (self._folder / name).mkdir(mode=0o755)

    def sync(self) -> None:
        """Make the folders durable; the files are."""
        for name in self._folders:
            handle = os.open(self._folder / name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


class _Looks(_Sink):
    """Looks at what an archive holds, and keeps each file's two ends."""

    def __init__(self, *, max_files: int, max_bytes: int) -> None:
        super().__init__(max_files=max_files, max_bytes=max_bytes)
        self.found: list[ArchivedFile] = []

    def take_file(self, name: str, chunks: Iterator[bytes], *, executable: bool) -> int:
        head, tail, size = b"", b"", 0
        for chunk in chunks:
            size += len(chunk)
            if len(head) < _CHUNK_BYTES:
                head += chunk[: _CHUNK_BYTES - len(head)]
            tail = (tail + chunk)[-_CHUNK_BYTES:]
        self.found.append(ArchivedFile(name=name, size=size, head=head, tail=tail))
        return size


class _BoundedReader:
    """A stream that can be read forward only, and not beyond a cap."""

    def __init__(self, source: _Source, sink: _Sink) -> None:
        self._source = source
        self._sink = sink
        self._position = 0
        self._end = sink.max_bytes + (sink.max_files + 2) * _ENTRY_OVERHEAD_BYTES

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_HEADER_BYTES:
            raise ArchiveError(f"one of its headers claims {size:,} bytes")
        data = self._source.read(size)
        self._position += len(data)
        if self._position > self._end:
            raise _too_large(self._sink.max_bytes)
        return data

    def seek(self, position: int) -> int:
        if position < self._position:
            raise ArchiveError("its headers point backwards")
        while self._position < position:
            if not self.read(min(_CHUNK_BYTES, position - self._position)):
                raise ArchiveError("it ends in the middle of a file")
        return self._position

    def tell(self) -> int:
        return self._position


def _read_by_magic(stream: IO[bytes], sink: _Sink) -> None:
    magic = stream.read(4)
    stream.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        _read_tar_gz(stream, sink)
    elif magic.startswith(b"PK"):
        _read_zip(stream, sink)
    else:
        raise ArchiveError("it is neither a tar.gz nor a zip")


def _read_tar_gz(stream: IO[bytes], sink: _Sink) -> None:
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            source = _BoundedReader(unpacked, sink)
            with tarfile.TarFile(fileobj=source, mode="r", encoding="utf-8") as tar:  # type: ignore[arg-type]  # read, seek and tell are all that reading takes
                for member in tar:
                    _take_member(tar, member, sink)
            # tarfile takes a header that it cannot read for the end; only zeros may follow one.
            while rest := source.read(_CHUNK_BYTES):
                if rest.strip(b"\0"):
                    raise ArchiveError("it is damaged: data follows its end")
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise ArchiveError(f"it is damaged: {error}") from error


def _take_member(tar: tarfile.TarFile, member: tarfile.TarInfo, sink: _Sink) -> None:
    if member.isdir():
        sink.add_folder(member.name)
        return
    plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
    content = tar.extractfile(member) if plain else None
    if content is None:
        kind = (
            "a sparse file"
            if member.issparse()
            else _TAR_KINDS.get(member.type, "of a kind not known")
        )
        raise ArchiveError(f"{member.name!r} is {kind}: only regular files and folders are taken")
    size = sink.add_file(member.name, content, executable=bool(member.mode & stat.S_IXUSR))
    if size != member.size:
        raise ArchiveError(f"{member.name!r} ends after {size} of {member.size} bytes")


def _read_zip(stream: IO[bytes], sink: _Sink) -> None:
    if stream.seek(0, io.SEEK_END) > sink.max_bytes:
        raise _too_large(sink.max_bytes)
    try:
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                _take_zip_entry(archive, info, sink)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise ArchiveError(f"it is damaged, or packed in a way not offered: {error}") from error


def _take_zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, sink: _Sink) -> None:
    # `filename` is what is left of the name behind a NUL; the whole one is to be looked at.
    name = info.orig_filename
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(f"{name!r} is a link or a device: only regular files are taken")
    if info.flag_bits & 0x1:
        raise ArchiveError(f"{name!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(f"{name!r} is neither stored nor deflated")
    if name.endswith("/"):
        sink.add_folder(name)
        return
    with archive.open(info) as content:
        sink.add_file(name, content, executable=bool(mode & stat.S_IXUSR))


def _too_large(max_bytes: int) -> ArchiveError:
    return ArchiveError(f"it holds more than {max_bytes:,} bytes")
