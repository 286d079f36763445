"""Objects: the bytes under an `s3://` URI, one folder per account.

`<root>/<account>/<bucket>/<key>` is the object's own file, so what runs on this machine reads it
in place. `<root>/<account>/.modelyard/` is not a bucket's name: there lies what is on its way.

The contract:

**Whole or not at all.** A key shows its old bytes or its new ones, never a part, and what `put_*`
returned from is on the disk. A file, once it has a key, is never written to again: who holds it
open, or linked it, keeps what he read. So inode, size and time tell two contents apart (`version`).

**Nothing leads out.** A key is a path below its bucket (`s3_uris`), and a link that somebody put
there leads nowhere: neither is it listed nor read.

**Encryption.** An object that is to be encrypted, because somebody said so or its bucket's default
does, reaches the disk encrypted, and only so (`envelope`, `encryption`). `open` and `get` give out
what it holds to those who act with keys (`acting`) that may open it; `path_of` is the file as it
lies there. Sizes are those of what an object holds.

**Errors.** `NoSuchBucket`, `NoSuchKey`; `KeyConflict` when a key is a folder of other keys, which
a file system cannot have; `StorageFull` when the disk is full or read-only, and then nothing has
changed. `ValueError` names a key that breaks the rules.

`KeyUnusable` and `ObjectDamaged` tell of encryption.

Safe to use from any thread and from several processes.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modelyard.envelope.marking import is_sealed
from modelyard.store.buckets import Buckets
from modelyard.store.durable_files import copy_stream, full_disk_told, sync
from modelyard.store.encryption.bucket_defaults import BucketDefaults, Encryption
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.encryption.vault import Vault, encryption_of_file
from modelyard.store.errors import KeyConflict, NoSuchKey, ObjectTooLarge
from modelyard.store.object_files import (
    FILE,
    FOLDER,
    ObjectInfo,
    info_of,
    info_of_entry,
    kind_of,
    open_file,
    remove_empty_folders,
    remove_folder,
)
from modelyard.store.object_walk import Walk
from modelyard.store.s3_uris import S3Uri, bucket_problem, key_problem

__all__ = ["Encryption", "ObjectInfo", "ObjectStores", "Objects", "S3Uri"]

PRIVATE = ".modelyard"

_ACCOUNT = re.compile(r"[0-9]{12}")
_PUBLISH_ATTEMPTS = 10  # each is lost only to a delete that removed a folder at that instant


class Objects(Buckets):
    """The buckets of one account, and the objects in them."""

    def __init__(self, root: Path, keys: DataKeys | None = None) -> None:
        super().__init__(root)
        self.private = self.root / PRIVATE
        self.vault = Vault(BucketDefaults(self.private / "encryption"), keys or NoKeys())
        self._aside = self.private / "aside"
        with full_disk_told():
            self._aside.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(self._aside)

    def acting(self, keys: DataKeys) -> Objects:
        """Return the same objects as somebody reads and writes them who may use these keys."""
        other = copy.copy(self)
        other.vault = self.vault.acting(keys)
        return other

    def encryption_of(self, uri: S3Uri) -> Encryption | None:
        """Return how an object is encrypted, with the ARN of its key; None where it is not.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
            ObjectDamaged: its header is no longer one.
        """
        with self.open_raw(uri) as file:
            return encryption_of_file(file)

    def is_encrypted(self, uri: S3Uri) -> bool:
        """Return whether there is such an object, and it is encrypted."""
        path = self.path_of(uri)
        return path is not None and is_sealed(os.lstat(path))

    def list(self, uri: S3Uri, *, after: str = "") -> Iterator[ObjectInfo]:
        """Return the objects whose keys begin with `uri.key`, sorted by the bytes of their keys.

        Args:
            after: leave out this key and what sorts ahead of it.

        Raises:
            NoSuchBucket: there is no such bucket.
        """
        walk = self.walk(uri, after=after)
        return (info for key, entry in walk if (info := info_of_entry(key, entry)) is not None)

    def walk(self, uri: S3Uri, *, after: str = "") -> Walk:
        """Return the files that `list` looks at.

        Raises:
            NoSuchBucket: there is no such bucket.
        """
        return Walk(self.folder_of(uri.bucket), prefix=uri.key, after=after)

    def exists(self, uri: S3Uri) -> bool:
        """Return whether there is such an object."""
        return self.path_of(uri) is not None

    def head(self, uri: S3Uri) -> ObjectInfo:
        """Return what there is to know of an object.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
        """
        return info_of(uri.key, os.lstat(self._existing(uri)))

    def get(self, uri: S3Uri, *, max_bytes: int | None = None) -> bytes:
        """Return an object's bytes.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
            ObjectTooLarge: it has more than `max_bytes`.
            KeyUnusable, ObjectDamaged: it is encrypted.
        """
        with self.open(uri) as file:
            if max_bytes is None:
                return file.read()
            data = file.read(max_bytes + 1)
            if len(data) > max_bytes:
                size = file.seek(0, os.SEEK_END)
                raise ObjectTooLarge(f"{uri} has {size} bytes, more than {max_bytes}")
            return data

    def open(self, uri: S3Uri) -> BinaryIO:
        """Return what an object holds as an open file, which the caller closes.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
            KeyUnusable, ObjectDamaged: it is encrypted.
        """
        return self.vault.opened(uri.bucket, self.open_raw(uri))

    def open_raw(self, uri: S3Uri) -> BinaryIO:
        """Return an object as it lies on the disk, open, which the caller closes.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
        """
        path = self._existing(uri)
        try:
            return open_file(path)
        except OSError as error:
            raise _no_such_key(uri) from error

    def put_bytes(self, uri: S3Uri, data: bytes) -> ObjectInfo:
        """Store `data` as the object, encrypted as its bucket says.

        Raises:
            NoSuchBucket, KeyConflict, StorageFull, KeyUnusable, ValueError: see the contract.
        """
        with self.writing(uri) as sink:
            sink.write(data)
        return self.head(uri)

    def put_file(self, uri: S3Uri, path: Path) -> ObjectInfo:
        """Store a copy of a regular file as the object, encrypted as its bucket says.

        Raises:
            NoSuchBucket, KeyConflict, StorageFull, KeyUnusable, ValueError: see the contract.
            OSError: `path` cannot be read, or is a link or a device.
        """
        with open_file(path) as source, self.writing(uri) as sink:
            copy_stream(source, sink)
        return self.head(uri)

    @contextmanager
    def writing(self, uri: S3Uri, encryption: Encryption | None = None) -> Iterator[BinaryIO]:
        """Write the object as a file; it is there when the block has ended well, else not.

        Args:
            encryption: how; None means as its bucket says.

        Raises:
            NoSuchBucket, KeyConflict, StorageFull, KeyUnusable, ValueError: see the contract.
        """
        self.check_place(uri)
        aside = self.aside()
        wanted = self.vault.wanted(uri.bucket, encryption)
        try:
            with self.vault.writing(uri.bucket, aside, wanted) as sink:
                yield sink
            self.publish(uri, aside)
        finally:
            aside.unlink(missing_ok=True)

    def publish(self, uri: S3Uri, aside: Path) -> ObjectInfo:
        """Make a finished file of this account's private folder the object; it is moved as it is.

        Raises:
            NoSuchBucket, KeyConflict, StorageFull, ValueError: see the module's contract.
        """
        path = self._path(uri)
        with full_disk_told():
            sync(aside)
            info = info_of(uri.key, os.lstat(aside))
            for attempt in range(_PUBLISH_ATTEMPTS):
                created = self._make_folders(uri)
                try:
                    aside.replace(path)
                    break
                except FileNotFoundError:
                    # A delete has just removed the folder, since it was empty.
                    if attempt == _PUBLISH_ATTEMPTS - 1:
                        raise
                except IsADirectoryError as error:
                    if not remove_empty_folders(path):
                        raise _conflict(uri) from error
                    created = True
            _sync_folders(path.parent, self.root if created else path.parent)
        return info

    def delete(self, uri: S3Uri) -> None:
        """Delete the object, if there is one, and the folders that it leaves empty.

        Raises:
            NoSuchBucket: there is no such bucket.
            StorageFull: the disk is read-only.
        """
        folder = self.folder_of(uri.bucket)
        path = self.path_of(uri)
        if path is None:
            return
        with full_disk_told():
            path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == folder or not remove_folder(parent):
                    break

    def path_of(self, uri: S3Uri) -> Path | None:
        """Return the file that is the object, to read or link but never to write; None if none is.

        It is a regular file, and no link stands between it and the account's root.
        """
        if not self.has_bucket(uri.bucket) or key_problem(uri.key) is not None:
            return None
        path = self.root / uri.bucket / uri.key
        if kind_of(path) != FILE or path.parent.resolve() != path.parent:
            return None
        return path

    def aside(self) -> Path:
        """Return a new path, on the objects' own file system, for a file to be published."""
        # The process's id lets a later one know whose leftovers these are.
        return self._aside / f"{os.getpid()}-{uuid.uuid4().hex}"

    def check_place(self, uri: S3Uri) -> None:
        """Return if an object could be stored there, so that nobody uploads it in vain.

        Raises:
            NoSuchBucket, KeyConflict, ValueError: see the module's contract.
        """
        path = self._path(uri)
        folder = self.folder_of(uri.bucket)
        kinds = (kind_of(parent) for parent in path.parents if parent.is_relative_to(folder))
        if any(kind not in {None, FOLDER} for kind in kinds):
            raise _conflict(uri)
        if kind_of(path) == FOLDER and any(True for _ in Walk(folder, prefix=f"{uri.key}/")):
            raise _conflict(uri)

    def _path(self, uri: S3Uri) -> Path:
        problem = bucket_problem(uri.bucket) or key_problem(uri.key)
        if problem is not None:
            raise ValueError(f"{str(uri)!r} cannot name an object: {problem}")
        return self.root / uri.bucket / uri.key

    def _existing(self, uri: S3Uri) -> Path:
        self.folder_of(uri.bucket)
        path = self.path_of(uri)
        if path is None:
            raise _no_such_key(uri)
        return path

    def _make_folders(self, uri: S3Uri) -> bool:
        """Make the folders of a key; return whether there was anything to make."""
        folder = self.folder_of(uri.bucket)
        missing = []
        for parent in self._path(uri).parents:
            if parent == folder:
                break
            kind = kind_of(parent)
            if kind == FOLDER:
                break
            if kind is not None:
                raise _conflict(uri)
            missing.append(parent)
        for parent in reversed(missing):
            try:
                parent.mkdir(exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise _conflict(uri) from error
            except FileNotFoundError:
                break  # a delete was quicker: the rename fails, and all begins anew
        if self._path(uri).parent.resolve() != self._path(uri).parent:
            raise _conflict(uri)
        return bool(missing)


class ObjectStores:
    """The objects of all accounts, below one folder."""

    def __init__(
        self, root: Path, keys_of: Callable[[str], DataKeys] = lambda _account: NoKeys()
    ) -> None:
        """Use `<home>/objects`, which is created when it is not there.

        Args:
            keys_of: gives the keys that act for an account's own services.
        """
        self.root = root
        self._keys_of = keys_of
        self._stores: dict[str, Objects] = {}

    def of(self, account: str) -> Objects:
        """Return the objects of an account (12 digits).

        Raises:
            ValueError: `account` is not an account's number.
            StorageFull: it is a new one, and the disk is full or read-only.
        """
        store = self._stores.get(account)
        if store is None:
            if not _ACCOUNT.fullmatch(account):
                raise ValueError(f"{account!r} is not an account id (12 digits)")
            made = Objects(self.root / account, self._keys_of(account))
            store = self._stores.setdefault(account, made)
        return store


def _no_such_key(uri: S3Uri) -> NoSuchKey:
    return NoSuchKey(f"there is no object {uri}")


def _conflict(uri: S3Uri) -> KeyConflict:
    return KeyConflict(
        f"{uri} cannot be stored next to what is there: a key cannot also be a folder of other keys"
    )


def _sync_folders(leaf: Path, top: Path) -> None:
    for folder in (leaf, *leaf.parents):
        sync(folder)
        if folder == top:
            break


def _remove_leftovers(aside: Path) -> None:
    """Remove what processes that are no more had not published."""
    for path in aside.iterdir():
        owner = path.name.partition("-")[0]
        if owner != str(os.getpid()) and not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):  # a read-only disk is still one to read from
                path.unlink()
