"""The one extractor takes plain archives and refuses every known trick, leaving nothing behind."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.compute.archives import ArchiveError, checked_name, extract

MEBIBYTE = 2**20


def member(name: str, data: bytes = b"x", **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for attribute, value in changes.items():
        setattr(info, attribute, value)
    return info, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, b"", type=kind, linkname=target)


def tar_gz(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


def zipped(*entries: tuple[str, bytes], **changes: int) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            for attribute, value in changes.items():
                setattr(info, attribute, value)
            archive.writestr(info, data)
    return raw.getvalue()


def take(folder: Path, data: bytes, *, max_files: int = 100, max_bytes: int = MEBIBYTE) -> Path:
    archive = folder / "archive"
    archive.write_bytes(data)
    target = folder / "out"
    extract(archive, target, max_files=max_files, max_bytes=max_bytes)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_and_folders_come_out_as_they_went_in(tmp_path: Path) -> None:
    data = tar_gz(
        member("./", b"", type=tarfile.DIRTYPE),
        member("./code/", b"", type=tarfile.DIRTYPE),
        member("./code/run.sh", b"#!/bin/sh", mode=0o4755),
        member("xgboost-model", b"\0" * 70_000),
        member("empty", b""),
        member("déjà/" + "long" * 40 + "/x", b"unicode"),
    )
    target = take(tmp_path, data)
    assert contents(target) == {
        "code/run.sh": b"#!/bin/sh",
        "xgboost-model": b"\0" * 70_000,
        "empty": b"",
        "déjà/" + "long" * 40 + "/x": b"unicode",
    }
    modes = [stat.S_IMODE((target / name).stat().st_mode) for name in ("code/run.sh", "empty")]
    umask = os.umask(0)
    os.umask(umask)
    assert modes == [0o755 & ~umask, 0o644 & ~umask]


def test_a_zip_comes_out_too(tmp_path: Path) -> None:
    target = take(tmp_path, zipped(("a/", b""), ("a/b.txt", b"hello"), ("c", b"")))
    assert contents(target) == {"a/b.txt": b"hello", "c": b""}


def damaged_header() -> bytes:
    """A good entry, then a header whose checksum is wrong, then more."""
    raw = bytearray(gzip.decompress(tar_gz(member("a"), member("../b"))))
    raw[1024 + 148 : 1024 + 154] = b"000000"
    return gzip.compress(bytes(raw))


def huge_pax_header() -> bytes:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type = tarfile.XHDTYPE
    info.size = 4 * MEBIBYTE
    return gzip.compress(info.tobuf() + b"\0" * info.size)


def size_beyond_the_end() -> bytes:
    info = tarfile.TarInfo("a")
    info.size = 2**40
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024)


def sparse() -> bytes:
    """GNU sparse 1.0: a kilobyte of archive that claims to be a gigabyte."""
    headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": str(2**30),
    }
    data = b"1\n0\n1\n".ljust(512, b"\0") + b"x"
    return tar_gz(member("sparse", data, pax_headers=headers))


def zip_that_lies_about_its_size() -> bytes:
    data = bytearray(zipped(("bomb", b"\0" * 4 * MEBIBYTE)))
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 10)  # the central directory's uncompressed size
    return bytes(data)


MALICIOUS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "parent": ("leads out", lambda: tar_gz(member("../evil"))),
    "parent inside": ("leads out", lambda: tar_gz(member("a/../../evil"))),
    "parent folder": ("leads out", lambda: tar_gz(member("..", b"", type=tarfile.DIRTYPE))),
    "absolute": ("absolute", lambda: tar_gz(member("/etc/evil"))),
    "two slashes": ("absolute", lambda: tar_gz(member("//evil"))),
    "drive": ("absolute", lambda: tar_gz(member("C:evil"))),
    "backslash": ("backslash", lambda: tar_gz(member("..\\evil"))),
    "newline": ("control character", lambda: tar_gz(member("a\nb"))),
    "long name": ("longer than", lambda: tar_gz(member("x" * 300))),
    "the root as a file": ("is a folder's", lambda: tar_gz(member("./"), member("."))),
    "not UTF-8": (
        "not UTF-8",
        lambda: gzip.compress(member("\udcff")[0].tobuf(tarfile.GNU_FORMAT)),
    ),
    "symbolic link": ("symbolic link", lambda: tar_gz(link("a", "/etc"), member("a/passwd"))),
    "link inside": ("symbolic link", lambda: tar_gz(member("a"), link("b", "a"))),
    "hard link": ("hard link", lambda: tar_gz(link("a", "/etc/passwd", tarfile.LNKTYPE))),
    "device": ("a device", lambda: tar_gz(member("a", b"", type=tarfile.CHRTYPE))),
    "block device": ("a device", lambda: tar_gz(member("a", b"", type=tarfile.BLKTYPE))),
    "pipe": ("a pipe", lambda: tar_gz(member("a", b"", type=tarfile.FIFOTYPE))),
    "unknown kind": ("kind not known", lambda: tar_gz(member("a", b"", type=b"Z"))),
    "sparse": ("sparse", sparse),
    "old sparse": ("sparse", lambda: tar_gz(member("a", b"", type=tarfile.GNUTYPE_SPARSE))),
    "twice": ("comes twice", lambda: tar_gz(member("a"), member("./a"))),
    "file under file": ("both a file's and", lambda: tar_gz(member("a"), member("a/b"))),
    "folder over file": (
        "both a file's and",
        lambda: tar_gz(member("a"), member("a", b"", type=tarfile.DIRTYPE)),
    ),
    "file over folder": (
        "comes twice",
        lambda: tar_gz(member("a", b"", type=tarfile.DIRTYPE), member("a")),
    ),
    "too many": ("more than 100 files", lambda: tar_gz(*(member(str(i)) for i in range(101)))),
    "too deep": ("more than 100 files", lambda: tar_gz(member("/".join("a" * 102)))),
    "too large": ("more than 1,048,576", lambda: tar_gz(member("a", b"\0" * (MEBIBYTE + 1)))),
    "large together": (
        "more than 1,048,576",
        lambda: tar_gz(member("a", b"\0" * 600_000), member("b", b"\0" * 600_000)),
    ),
    "endless zeros": (
        "more than 1,048,576",
        lambda: tar_gz(member("a")) + gzip.compress(b"\0" * 2**25),
    ),
    "huge header": ("claims 4,194,304 bytes", huge_pax_header),
    "size beyond the end": ("in the middle|unexpected end", size_beyond_the_end),
    "damaged header": ("damaged", damaged_header),
    "second archive behind": ("follows its end", lambda: tar_gz(member("a")) + tar_gz(member("b"))),
    "cut off": ("damaged", lambda: tar_gz(member("a", os.urandom(9000)))[:-4000]),
    "wrong checksum": ("damaged", lambda: tar_gz(member("a"))[:-8] + b"\0" * 8),
    "only zeros gzipped": ("damaged", lambda: gzip.compress(b"x" * 600)),
    "no archive": ("neither", lambda: b"hello"),
    "empty": ("neither", lambda: b""),
    "bare tar": ("neither", lambda: gzip.decompress(tar_gz(member("a")))),
    "zip: parent": ("leads out", lambda: zipped(("../evil", b"x"))),
    "zip: absolute": ("absolute", lambda: zipped(("/evil", b"x"))),
    "zip: backslash": ("backslash", lambda: zipped(("..\\evil", b"x"))),
    "zip: NUL": (
        "control character",
        lambda: zipped(("safe_name", b"x")).replace(b"safe_", b"saf\0_"),
    ),
    "zip: link": (
        "a link or a device",
        lambda: zipped(("a", b"/etc"), external_attr=(stat.S_IFLNK | 0o777) << 16),
    ),
    "zip: encrypted": ("damaged|encrypted", lambda: encrypted()),
    "zip: twice": ("comes twice", lambda: zipped(("a", b"x"), ("b", b"y")).replace(b"b", b"a")),
    "zip: too large": ("more than 1,048,576", lambda: zipped(("a", b"\0" * 2 * MEBIBYTE))),
    "zip: lies about its size": ("damaged|more than", zip_that_lies_about_its_size),
    "zip: cut off": ("damaged", lambda: zipped(("a", b"x" * 99))[:-9]),
}


def encrypted() -> bytes:
    data = bytearray(zipped(("a", b"x")))
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<H", data, at + 8, 1)
    return bytes(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", MALICIOUS)
def test_it_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    says, make = MALICIOUS[name]
    folder = tmp_path / "inner" / "folder"
    folder.mkdir(parents=True)
    with pytest.raises(ArchiveError, match=says):
        take(folder, make())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["archive"]
    assert not (folder / "out").exists()


def test_a_target_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError):
        take(tmp_path, tar_gz(member("a")))
    assert list((tmp_path / "out").iterdir()) == []


@given(st.text(max_size=40))
def test_a_checked_name_stays_below_any_folder(raw: str) -> None:
    try:
        name = checked_name(raw)
    except ArchiveError:
        return
    root = Path("/root/of/archive")
    assert Path(os.path.normpath(root / name)).is_relative_to(root)
    assert checked_name(name) == name


@given(
    st.dictionaries(st.text("abc/.", min_size=1, max_size=8), st.binary(max_size=700), max_size=6)
)
def test_an_archive_is_taken_whole_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    try:
        target = take(folder, tar_gz(*(member(name, data) for name, data in files.items())))
    except ArchiveError:
        assert [path.name for path in folder.iterdir()] == ["archive"]
    else:
        assert contents(target) == {checked_name(name): data for name, data in files.items()}
