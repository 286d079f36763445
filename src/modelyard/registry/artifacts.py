"""A version's artifacts: looked at when it is registered, and again when it is deployed.

An archive must be safe to extract, hold no pickle and at least one file in a model format that is
known. What it is, is its SHA-256: an archive that is replaced in its bucket is another one. An
archive under a key is read with the keys of who registers it or deploys it, not with the account's.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from modelyard.compute.archives import ArchiveError, look
from modelyard.registry.formats import format_of, refusal
from modelyard.store.encryption.data_keys import DataKeys
from modelyard.store.errors import KeyUnusable, ObjectDamaged, StoreError
from modelyard.store.objects import ObjectStores, S3Uri

#: What an archive may hold; as much as hosting extracts.
MAX_FILES = 10_000
MAX_BYTES = 8 * 2**30

_CHUNK_BYTES = 1 << 20
_REMEMBERED = 1024


class ArtifactRefused(ValueError):
    """The artifact cannot be registered, or deployed; the message says why, to its owner."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What was found out of one object."""

    account: str  # in whose bucket it lies
    url: str
    sha256: str  # hexadecimal
    size: int  # bytes
    formats: tuple[str, ...]  # of the models in it; empty: none that is known

    def observed(self) -> dict[str, Any]:
        """Return it as a version keeps it."""
        return {
            "Url": self.url,
            "Account": self.account,
            "Sha256": self.sha256,
            "Bytes": self.size,
            "Formats": list(self.formats),
        }


@dataclass(frozen=True, kw_only=True)
class _Seen:
    sha256: str
    size: int
    formats: tuple[str, ...]
    refused: str | None


class Artifacts:
    """Looks at artifacts. Safe to use from any thread.

    What was found of a file is remembered for as long as the file is the same one, by its inode,
    size and the times that no client can set, so that registering it again does not read it again.
    """

    def __init__(self, objects: ObjectStores) -> None:
        self._objects = objects
        self._seen: OrderedDict[tuple[int, ...], _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def check(
        self, accounts: Sequence[str], url: str, keys: DataKeys, *, any_format: bool = False
    ) -> Artifact:
        """Look at an archive that is to be registered.

        Args:
            accounts: in whose buckets it may lie; the first that has it counts.
            keys: act for who registers it.
            any_format: its files may be in formats that are not known, but still no pickles.

        Raises:
            ArtifactRefused: it is not there, not safe, or of no format that is taken; or it is
                under a key that may not be used.
        """
        account, seen = self._look(accounts, url, keys)
        if seen.refused is not None:
            raise ArtifactRefused(f"The archive {url} is refused: {seen.refused}")
        if not seen.formats and not any_format:
            raise ArtifactRefused(
                f"The archive {url} holds no model in a format that is known (XGBoost UBJSON or "
                "JSON, ONNX, safetensors, LightGBM, CatBoost, PMML, TFLite, HDF5, GGUF, npy): add "
                "one, or register with SkipModelValidation=All"
            )
        return Artifact(
            account=account, url=url, sha256=seen.sha256, size=seen.size, formats=seen.formats
        )

    def require_unchanged(self, kept: Mapping[str, Any], said: str, keys: DataKeys) -> None:
        """Return if an artifact is still what it was when it was registered.

        Args:
            kept: as `Artifact.observed` made it.
            said: what the version is called in a message.
            keys: act for the role that the model will have.

        Raises:
            ArtifactRefused: it is gone, its bytes are others, or its key may not be used.
        """
        _, seen = self._look([kept["Account"]], kept["Url"], keys)
        if seen.sha256 != kept["Sha256"]:
            raise ArtifactRefused(
                f"The artifact {kept['Url']} of {said} was changed after it was registered: its "
                f"SHA-256 was {kept['Sha256'][:12]}… and is {seen.sha256[:12]}…. Put the "
                "registered archive back, or register the new one as a version of its own"
            )

    def exists(self, accounts: Sequence[str], url: str) -> bool:
        """Return whether an object, or anything below a prefix, is there in one of `accounts`."""
        try:
            uri = S3Uri.parse(url)
        except ValueError:
            return False
        for account in accounts:
            store = self._objects.of(account)
            try:
                if store.exists(uri) or any(True for _ in store.list(uri)):
                    return True
            except (StoreError, ValueError):
                continue
        return False

    def _look(self, accounts: Sequence[str], url: str, keys: DataKeys) -> tuple[str, _Seen]:
        try:
            uri = S3Uri.parse(url)
        except ValueError as error:
            raise ArtifactRefused(f"ModelDataUrl: {error}") from error
        for account in dict.fromkeys(accounts):
            try:
                with self._objects.of(account).acting(keys).open(uri) as file:
                    return account, self._of(file)
            except (KeyUnusable, ObjectDamaged) as error:
                raise ArtifactRefused(f"The archive {url} cannot be read: {error}") from error
            except (StoreError, ValueError):
                continue
        raise ArtifactRefused(f"Could not find model data at {url}: upload the archive first")

    def _of(self, file: BinaryIO) -> _Seen:
        key = _identity(file)
        with self._lock:
            seen = self._seen.get(key) if key is not None else None
        if seen is None:
            seen = _examine(file)
            # A file that was written to meanwhile would be remembered for what it no longer is.
            if key is not None and _identity(file) == key:
                with self._lock:
                    self._seen[key] = seen
                    if len(self._seen) > _REMEMBERED:
                        self._seen.popitem(last=False)
        return seen


def _identity(file: BinaryIO) -> tuple[int, ...] | None:
    try:
        found = os.fstat(file.fileno())
    except (OSError, AttributeError):  # not a file of its own: decrypted on the way
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _examine(file: BinaryIO) -> _Seen:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    file.seek(0)
    formats: tuple[str, ...] = ()
    refused: str | None = None
    try:
        files = look(file, max_files=MAX_FILES, max_bytes=MAX_BYTES)
        found = [refusal(each.name, each.head, each.tail) for each in files]
        refused = next((why for why in found if why is not None), None)
        names = (format_of(each.head) for each in files)
        formats = tuple(sorted({name for name in names if name is not None}))
    except ArchiveError as error:
        refused = str(error)
    return _Seen(sha256=digest.hexdigest(), size=size, formats=formats, refused=refused)
