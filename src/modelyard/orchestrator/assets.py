"""The assets bucket: where training data and models lie, and what is provisioned is kept."""

from __future__ import annotations

import csv
from typing import BinaryIO

from modelyard.store.errors import NoSuchBucket
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri, key_problem, prefix_problem

#: What a line with the names of columns may have.
_MAX_HEADER_BYTES = 2**20


class Assets:
    """The assets bucket of one account.

    Args:
        objects: of the account.
        bucket: its name.
    """

    def __init__(self, objects: Objects, bucket: str) -> None:
        self._objects = objects
        self.bucket = bucket

    def object_problem(self, key: str) -> str | None:
        """Return why there is no object of that key, or None where there is one."""
        problem = key_problem(key)
        if problem is not None:
            return f"{key!r} names no object: {problem}"
        uri = S3Uri(self.bucket, key)
        return None if self._objects.exists(uri) else f"there is no object {uri}: upload it first"

    def header(self, key: str) -> list[str]:
        """Return the names in the first line of a CSV file; none where there is no such file."""
        if self.object_problem(key) is not None:
            return []
        with self._objects.open(S3Uri(self.bucket, key)) as file:
            line = file.readline(_MAX_HEADER_BYTES).decode("utf-8-sig", errors="replace")
        return next(csv.reader([line.rstrip("\r\n")]), [])

    def header_problem(self, key: str) -> str | None:
        """Return why an object is no CSV file with a header, or None where it is."""
        problem = self.object_problem(key)
        if problem is not None:
            return problem
        names = self.header(key)
        if not names:
            return f"{key!r} is empty: it must be a CSV file whose first line names its columns"
        numbers = [name for name in names if _is_number(name)]
        if numbers:
            return (
                f"{key!r} has no header: its first line has {numbers[0]!r} where a column's name "
                "should be"
            )
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            return f"{key!r} names the column {repeated[0]!r} twice"
        return None

    def prefix_problem(self, prefix: str) -> str | None:
        """Return why there are no objects whose keys begin so, or None where there are."""
        problem = prefix_problem(prefix)
        if problem is not None:
            return f"{prefix!r} names no objects: {problem}"
        uri = S3Uri(self.bucket, prefix)
        try:
            if next(self._objects.list(uri), None) is not None:
                return None
        except NoSuchBucket as error:
            return str(error)
        return f"there are no objects under {uri}: upload them first"

    def place_problem(self, prefix: str) -> str | None:
        """Return why nothing can be written below a prefix, or None."""
        problem = prefix_problem(prefix)
        return None if problem is None else f"{prefix!r} cannot be written to: {problem}"

    def bucket_problem(self, location: str) -> str | None:
        """Return why nothing can be written to `<bucket>/<prefix>`, or None."""
        bucket, _, prefix = location.partition("/")
        if not self._objects.has_bucket(bucket):
            return f"there is no bucket {bucket!r}: create it first"
        return self.place_problem(prefix)

    def data_problem(self, location: str) -> str | None:
        """Return why there are no objects whose names begin `<bucket>/<prefix>`, or None."""
        bucket, _, prefix = location.partition("/")
        return Assets(self._objects, bucket).prefix_problem(prefix)

    def open(self, key: str) -> BinaryIO:
        """Open an object to be read.

        Raises:
            NotFound: there is none of that key.
            KeyUnusable: it is encrypted, and its key may not be used.
        """
        return self._objects.open(S3Uri(self.bucket, key))

    def version_of(self, key: str) -> str:
        """Return what tells the content of an object from any other that it may get.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
        """
        return self._objects.head(S3Uri(self.bucket, key)).version

    def put(self, key: str, data: bytes) -> S3Uri:
        """Write an object, whole or not at all, and return where it is.

        Raises:
            NoSuchBucket, KeyConflict, StorageFull, ValueError: it cannot be written.
        """
        uri = S3Uri(self.bucket, key)
        self._objects.put_bytes(uri, data)
        return uri


class StageAssets(Assets):
    """What a stage's account sees: its own buckets, and copies of what lies in the pipeline's.

    Args:
        hub: the assets bucket of the pipeline's account, which keys are of.
        own: that of the stage's account.
    """

    def __init__(self, hub: Assets, own: Assets) -> None:
        super().__init__(own._objects, own.bucket)
        self._hub = hub

    def object_problem(self, key: str) -> str | None:
        return self._hub.object_problem(key)

    def header(self, key: str) -> list[str]:
        return self._hub.header(key)

    def header_problem(self, key: str) -> str | None:
        return self._hub.header_problem(key)

    def prefix_problem(self, prefix: str) -> str | None:
        return self._hub.prefix_problem(prefix)


class UnseenAssets(StageAssets):
    """What is known of the buckets of an account that is not this server's: nothing."""

    def bucket_problem(self, location: str) -> str | None:
        return None

    def data_problem(self, location: str) -> str | None:
        return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
