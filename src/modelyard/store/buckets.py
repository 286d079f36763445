"""The buckets of one account: the folders in its root whose names are buckets' names."""

from __future__ import annotations

import os
from pathlib import Path

from modelyard.store.durable_files import full_disk_told, sync
from modelyard.store.errors import AlreadyExists, BucketNotEmpty, NoSuchBucket
from modelyard.store.object_files import FOLDER, kind_of, remove_empty_folders
from modelyard.store.object_walk import Walk
from modelyard.store.s3_uris import bucket_problem


class Buckets:
    """What is in an account's root; `Objects` adds what is in the buckets."""

    def __init__(self, root: Path) -> None:
        with full_disk_told():
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root.resolve()

    def buckets(self) -> list[str]:
        """Return the names of the buckets, sorted."""
        with os.scandir(self.root) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and bucket_problem(entry.name) is None
            )

    def has_bucket(self, name: str) -> bool:
        """Return whether there is a bucket of that name."""
        if bucket_problem(name) is not None:
            return False
        return kind_of(self.root / name) == FOLDER

    def create_bucket(self, name: str) -> None:
        """Create an empty bucket.

        Raises:
            ValueError: no bucket can have that name.
            AlreadyExists: there is one.
            StorageFull: the disk is full or read-only.
        """
        problem = bucket_problem(name)
        if problem is not None:
            raise ValueError(f"{name!r} cannot name a bucket: {problem}")
        try:
            with full_disk_told():
                (self.root / name).mkdir()
                sync(self.root)
        except FileExistsError as error:
            raise AlreadyExists(f"the bucket {name!r} exists already") from error

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket that holds no object.

        Raises:
            NoSuchBucket: there is none of that name.
            BucketNotEmpty: it holds an object.
        """
        folder = self.folder_of(name)
        with full_disk_told():
            if any(True for _ in Walk(folder)) or not remove_empty_folders(folder):
                raise BucketNotEmpty(f"the bucket {name!r} is not empty")

    def folder_of(self, bucket: str) -> Path:
        """Return the folder of a bucket.

        Raises:
            NoSuchBucket: there is no such bucket.
        """
        if not self.has_bucket(bucket):
            raise NoSuchBucket(f"there is no bucket {bucket!r}")
        return self.root / bucket
