"""The assets bucket: where training data and models lie, and what is provisioned is kept."""

from __future__ import annotations

from modelyard.store.errors import NoSuchBucket
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri, key_problem, prefix_problem


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

    def put(self, key: str, data: bytes) -> S3Uri:
        """Write an object, whole or not at all, and return where it is.

        Raises:
            NoSuchBucket, KeyConflict, StorageFull, ValueError: it cannot be written.
        """
        uri = S3Uri(self.bucket, key)
        self._objects.put_bytes(uri, data)
        return uri
