"""Keeping: what a job writes to a folder of its own is kept in a bucket, also while it runs.

The folder is a stranger's and may change while it is read. So each file is first copied, without
following a link, to where the job cannot reach, and then given its key.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from modelyard.compute.job_files import JobFile, walk
from modelyard.jobs.staging import EncryptedInput
from modelyard.store.durable_files import copy_stream, full_disk_told
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.errors import NoSuchBucket, NoSuchKey
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri


class FolderKeeper:
    """Keeps one folder of one job's hosts. Blocking: call it from a thread, one at a time.

    Args:
        uri: where the folder's files go, each under its own name.
        folder: below /opt/ml.
        bases: what each host sees as /opt/ml.
        aside: an empty folder on the same file system as `bases`, which no job sees.
        encryption: how the files are encrypted; None: as their bucket says.
        private: whether the folders are in memory.
    """

    def __init__(
        self,
        objects: Objects,
        uri: S3Uri,
        folder: str,
        bases: Sequence[Path],
        aside: Path,
        *,
        encryption: Encryption | None = None,
        private: bool = False,
    ) -> None:
        self._objects = objects
        self._uri = uri
        self._folder = folder
        self._bases = bases
        self._aside = aside
        self._encryption = encryption
        self._private = private
        #: (base, name) -> (size, time) of what has its key.
        self._kept: dict[tuple[Path, str], tuple[int, int]] = {}

    def restore(self) -> int:
        """Give each host the files that it does not have; return how many there are.

        Only before its programs are started, in folders without links.

        Raises:
            StorageFull: the disk is full or read-only.
            EncryptedInput: some are encrypted, and the job is not private.
            KeyUnusable: the job's role may not use their key, or nobody may now.
        """
        prefix = self._uri.child("")
        try:
            found = list(self._objects.list(prefix))
        except NoSuchBucket:
            return 0
        for info in found:
            source = S3Uri(prefix.bucket, info.key)
            for base in self._bases:
                name = info.key[len(prefix.key) :]
                target = base / self._folder / name
                if not target.exists():
                    # One that was deleted meanwhile is not kept any more.
                    with contextlib.suppress(NoSuchKey):
                        self._kept[base, name] = self._give(source, target)
        return len(found)

    def upload(self, say: Callable[[str], None]) -> int:
        """Keep what has changed since the last call; return how many files that were.

        Args:
            say: takes a line for the job's log.

        Raises:
            StoreError: the bucket is gone, or the disk is full.
        """
        changed = 0
        for base in self._bases:
            for found in walk(base, self._folder):
                version = (found.size, found.modified_ns)
                if self._kept.get((base, found.name)) != version:
                    self._keep(found, say)
                    self._kept[base, found.name] = version
                    changed += 1
        return changed

    def _keep(self, found: JobFile, say: Callable[[str], None]) -> None:
        uri = self._uri.child(*found.name.split("/"))
        try:
            with (
                found.open() as source,
                self._objects.writing(uri, self._encryption) as target,
            ):
                copy_stream(source, target)
        except ValueError as error:
            say(f"{self._folder}/{found.name} is not kept: {error}")

    def _give(self, source: S3Uri, target: Path) -> tuple[int, int]:
        # A copy, since the job may write to it; whole or not at all, since a run after a crash
        # takes what it finds.
        if not self._private and self._objects.is_encrypted(source):
            raise EncryptedInput
        aside = self._aside / "restored"
        with full_disk_told():
            self._aside.mkdir(parents=True, exist_ok=True)
            with self._objects.open(source) as content, aside.open("wb") as copied:
                copy_stream(content, copied)
            target.parent.mkdir(parents=True, exist_ok=True)
            aside.replace(target)
            status = target.stat()
        return status.st_size, status.st_mtime_ns
