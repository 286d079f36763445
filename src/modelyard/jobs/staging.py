"""Staging: the objects of an input become the files that a host reads.

Nothing is copied: an object's file, which is never written to once it has its key, is linked into
the input's folder, and that folder is mounted read-only. What was staged stays as it was, also
where its object is replaced or deleted while the job runs. Only gzipped inputs are written out, and
encrypted objects: those go to private jobs only, which lie in memory.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from modelyard.jobs import augmented_manifest
from modelyard.jobs.data_error import DataError
from modelyard.store.durable_files import full_disk_told
from modelyard.store.errors import NoSuchBucket, NoSuchKey, NotFound, ObjectTooLarge
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri, key_problem

#: What a manifest may have: a line of it names an object.
MAX_MANIFEST_BYTES = 64 * 2**20

_COPY_BYTES = 1 << 20
_GIB = 2**30
_CANNOT_LINK = {errno.EXDEV, errno.EMLINK, errno.EPERM}

#: Name in the input's folder -> the object.
_Files = dict[str, S3Uri]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One input of a job."""

    label: str  # what errors call it: "channel 'train'"
    uri: S3Uri
    data_type: Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"] = "S3Prefix"
    sharded: bool = False  # each host gets its share of the objects, not all of them
    gzipped: bool = False
    shuffle_seed: int | None = None
    attributes: Sequence[str] = ()  # of an augmented manifest, in the order in which they are read


class EncryptedInput(Exception):
    """An object is encrypted, and would reach the disk in clear: the job must be a private one."""


class Interrupted(Exception):
    """Staging was told to stop."""


class Staging:
    """Stages the inputs of one job. Runs in a thread of its own.

    Args:
        volume_gib: how much gzipped inputs may have when it is unpacked.
        interrupted: asked between files; True ends the staging.
        private: whether the folders are in memory; then all that is staged counts.
    """

    def __init__(
        self,
        objects: Objects,
        *,
        volume_gib: int,
        interrupted: Callable[[], bool],
        private: bool = False,
    ) -> None:
        self._objects = objects
        self._private = private
        self._room_left = volume_gib * _GIB
        self._volume_gib = volume_gib
        self._interrupted = interrupted

    def stage(self, source: Source, folders: Sequence[Path]) -> int:
        """Fill one empty folder per host with the input's files; return how many there are.

        Raises:
            DataError: there are none, or the input is not what it says.
            Interrupted: see above.
            StorageFull: the disk is full or read-only.
            EncryptedInput: an object is encrypted, and the job is not private.
            KeyUnusable: the job's role may not use a key, or nobody may now.
        """
        if source.data_type == "AugmentedManifestFile":
            return self._stage_records(source, folders)
        files = self.files(source)
        for position, folder in enumerate(folders):
            own = list(files.items())
            if source.sharded:
                own = own[position :: len(folders)]
            for name, uri in own:
                if self._interrupted():
                    raise Interrupted
                with full_disk_told():
                    self._place(source, uri, folder / name)
        return len(files)

    def _stage_records(self, source: Source, folders: Sequence[Path]) -> int:
        found = augmented_manifest.records(
            self._manifest_text(source), source.label, source.uri, source.attributes
        )

        def place(uri: S3Uri, target: Path) -> None:
            if self._interrupted():
                raise Interrupted
            self._place(source, uri, target)

        for position, folder in enumerate(folders):
            own = found[position :: len(folders)] if source.sharded else found
            with full_disk_told():
                augmented_manifest.write(own, folder, place)
        return len(found)

    def files(self, source: Source) -> Mapping[str, S3Uri]:
        """Return an input's objects by the names that their files have.

        Raises:
            DataError: there are none, or the input is not what it says.
        """
        try:
            if source.data_type == "ManifestFile":
                files = self._of_manifest(source)
            else:
                files = self._of_prefix(source)
        except NoSuchBucket as error:
            raise DataError(
                f"{source.label}: there is no bucket {source.uri.bucket!r}, so there "
                f"are no objects under {source.uri}"
            ) from error
        if source.shuffle_seed is not None:
            order = sorted(files.items())
            random.Random(source.shuffle_seed).shuffle(order)  # noqa: S311 - an order, no secret
            files = dict(order)
        return files

    def _of_prefix(self, source: Source) -> _Files:
        keys = [found.key for found in self._objects.list(source.uri)]
        if not keys:
            raise DataError(
                f"{source.label} has no objects under {source.uri}: upload some, or "
                "correct its S3Uri"
            )
        folder = _common_folder(source.uri.key, keys)
        return _named(source, {key[len(folder) :]: S3Uri(source.uri.bucket, key) for key in keys})

    def _of_manifest(self, source: Source) -> _Files:
        entries = self._manifest(source)
        first = entries[0] if entries else None
        if not isinstance(first, Mapping) or not isinstance(first.get("prefix"), str):
            raise DataError(
                f'{source.label}: the manifest {source.uri} must be [{{"prefix": '
                '"s3://bucket/…"}, "relative/key", …]'
            )
        files: _Files = {}
        for entry in entries[1:]:
            problem = key_problem(entry) if isinstance(entry, str) else "it is no text"
            if problem is not None:
                raise DataError(
                    f"{source.label}: the manifest {source.uri} lists {entry!r}: {problem}"
                )
            files[entry] = self._manifest_object(source, first["prefix"] + entry)
        if not files:
            raise DataError(f"{source.label}: the manifest {source.uri} lists no objects")
        return _named(source, files)

    def _manifest(self, source: Source) -> list[Any]:
        try:
            data = json.loads(self._manifest_text(source))
        except ValueError as error:
            raise DataError(
                f"{source.label}: the manifest {source.uri} cannot be read: {error}"
            ) from error
        return data if isinstance(data, list) else []

    def _manifest_text(self, source: Source) -> bytes:
        try:
            return self._objects.get(source.uri, max_bytes=MAX_MANIFEST_BYTES)
        except NotFound as error:
            raise DataError(
                f"{source.label} has no objects under {source.uri}: the manifest itself "
                "is not there"
            ) from error
        except ObjectTooLarge as error:
            raise DataError(
                f"{source.label}: the manifest {source.uri} cannot be read: {error}"
            ) from error

    def _manifest_object(self, source: Source, text: str) -> S3Uri:
        try:
            uri = S3Uri.parse(text)
        except ValueError as error:
            raise DataError(f"{source.label}: the manifest {source.uri}: {error}") from error
        if not self._objects.exists(uri):
            raise DataError(
                f"{source.label}: the manifest {source.uri} lists {uri}, and there is "
                "no such object"
            )
        return uri

    def _place(self, source: Source, uri: S3Uri, target: Path) -> None:
        path = self._objects.path_of(uri)
        if path is None:
            raise DataError(f"{source.label}: {uri} was deleted while it was being read")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not self._private and self._objects.is_encrypted(uri):
                raise EncryptedInput
            if source.gzipped:
                with self._objects.open(uri) as file, gzip.open(file, "rb") as unpacked:
                    self._write(source, uri, unpacked, target)
            elif self._private:
                with self._objects.open(uri) as file:
                    self._write(source, uri, file, target)
            else:
                _link(path, target)
        except (FileNotFoundError, NoSuchKey) as error:
            raise DataError(f"{source.label}: {uri} was deleted while it was being read") from error

    def _write(
        self, source: Source, uri: S3Uri, content: gzip.GzipFile | BinaryIO, target: Path
    ) -> None:
        try:
            with target.open("xb") as unpacked:
                while data := content.read(_COPY_BYTES):
                    self._room_left -= len(data)
                    if self._room_left < 0:
                        raise DataError(
                            f"{source.label} has more than {self._volume_gib} GiB when it is "
                            "on the job's volume: raise ResourceConfig.VolumeSizeInGB"
                        )
                    if self._interrupted():
                        raise Interrupted
                    unpacked.write(data)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(
                f"{source.label}: {uri} is not gzipped, or damaged ({error}): correct "
                "it, or its CompressionType"
            ) from error


def _common_folder(prefix: str, keys: Sequence[str]) -> str:
    """Return what of a prefix is a folder, and no part of the files' names."""
    if prefix and not prefix.endswith("/") and all(key.startswith(f"{prefix}/") for key in keys):
        return f"{prefix}/"
    return prefix[: prefix.rfind("/") + 1]


def _named(source: Source, files: _Files) -> _Files:
    """Return the files under the names that they will have, unpacked ones without `.gz`."""
    if not source.gzipped:
        return files
    named: _Files = {}
    for name, uri in files.items():
        plain = name.removesuffix(".gz") or name
        if plain in named:
            raise DataError(f"{source.label}: {named[plain]} and {uri} would both become {plain!r}")
        named[plain] = uri
    return named


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        # Another file system, one that has no links, or too many links to one file already.
        if error.errno not in _CANNOT_LINK:
            raise
        shutil.copyfile(source, target, follow_symlinks=False)
