"""What the store may refuse. Callers translate: the store knows no API."""

from __future__ import annotations


class StoreError(Exception):
    """The store could not do it."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class NotFound(StoreError):
    """There is no such resource."""


class AlreadyExists(StoreError):
    """A resource of this kind and name exists already."""


class StaleRevision(StoreError):
    """The resource was changed by somebody else since it was read."""


class Unstorable(StoreError):
    """A value cannot be kept as it is, on every database alike."""


class BadPageToken(StoreError):
    """The paging token was not made by this listing."""


class StorageFull(StoreError):
    """The disk is full, or the home folder is read-only: nothing was changed."""


class DatabaseBusy(StoreError):
    """Others kept the database busy for too long: nothing was changed, try again."""


class DatabaseInUse(StoreError):
    """Another server works on this database."""


class DatabaseUnreachable(StoreError):
    """The database's server does not answer."""


class DatabaseUnusable(StoreError):
    """The database is not one that this release can work with."""


class NoSuchBucket(NotFound):
    """The specified bucket does not exist."""


class NoSuchKey(NotFound):
    """The specified key does not exist."""


class KeyConflict(StoreError):
    """The key is a folder of other keys, or one of its folders is a key."""


class BucketNotEmpty(StoreError):
    """The bucket that was to be deleted is not empty."""


class ObjectTooLarge(StoreError):
    """The object has more bytes than its reader takes."""


class KeyUnusable(StoreError):
    """The encryption key cannot be used: it is not there, not enabled, or not allowed.

    `code` is the word that AWS has for why.
    """

    def __init__(self, message: str | None = None, *, code: str = "AccessDenied") -> None:
        super().__init__(message)
        self.code = code


class ObjectDamaged(StoreError):
    """The encrypted object was changed on the disk, and is not given out."""
