"""The server's end of what goes through S3: what a host is to find, and what it has left.

Each account has a bucket for it, whose objects live no longer than the job. A file that a job was
given becomes an object by a link: nothing is copied. Nodes get URLs that open one object each.
"""

from __future__ import annotations

import errno
import filecmp
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from modelyard.compute.environments import MOUNT
from modelyard.compute.job_files import remove_tree, walk
from modelyard.compute.packing import pack_into
from modelyard.compute.ray.shipping import folders_of, unpack
from modelyard.compute.runtime import Program
from modelyard.store.durable_files import full_disk_told
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri

#: Gives a URL for `GET` or `PUT` of one object of an account.
Sign = Callable[[str, str, S3Uri], str]

_CANNOT_LINK = {errno.EXDEV, errno.EMLINK, errno.EPERM}


def bucket_of(account: str) -> str:
    """Return the bucket through which an account's jobs get to their nodes and back."""
    return f"modelyard-exchange-{account}"


class Exchange:
    """What goes to one host of a job in one start of it, and what comes back.

    Blocking: call it from a thread. It raises StoreError where the disk is full.

    Args:
        key: of all its objects, unique to this start: "<random>/algo-1".
    """

    def __init__(self, objects: Objects, account: str, key: str, sign: Sign) -> None:
        self._objects = objects
        self._account = account
        self._root = S3Uri(bucket_of(account), key)
        self._sign = sign
        if not objects.has_bucket(self._root.bucket):
            objects.create_bucket(self._root.bucket)

    def send(self, program: Program) -> str:
        """Make objects of what a host is to find; return the URL of the list of them."""
        files = []
        mounts = [mount for mount in program.inputs if mount != MOUNT]
        for mount in mounts:
            folder = program.inputs[mount]
            for position, found in enumerate(walk(folder, ".")):
                uri = self._root.child("in", mount.replace("/", "-"), str(position))
                self._link(folder / found.name, uri)
                files.append({"mount": mount, "name": found.name, "url": self._url("GET", uri)})
        base = self._root.child("base.tar.gz")
        with self._objects.writing(base) as sink:
            pack_into(sink, [program.base], ".")
        manifest = {
            "base": self._url("GET", base),
            "folders": [*folders_of(program.base), *mounts],
            "mounts": mounts,
            "files": files,
        }
        uri = self._root.child("manifest.json")
        self._objects.put_bytes(uri, json.dumps(manifest).encode())
        return self._url("GET", uri)

    def url_for(self, name: str) -> str:
        """Return the URL to which the node uploads an archive."""
        return self._url("PUT", self._root.child(name))

    def receive(self, name: str, base: Path, folder: str) -> None:
        """Bring the files of an archive that the node uploaded into a folder below `base`.

        What is the same stays untouched; what the archive does not have stays as well.

        Raises:
            ShippingError: it is no archive that may be unpacked.
        """
        uri = self._root.child(name)
        aside = Path(tempfile.mkdtemp(prefix="received-", dir=base.parent))
        try:
            path = self._objects.path_of(uri)
            if path is None:
                return
            with full_disk_told():
                unpack(path, aside / "content")
                for found in walk(aside / "content", "."):
                    _put(aside / "content" / found.name, base, folder, found.name)
            self._objects.delete(uri)
        finally:
            remove_tree(aside)

    def clear(self) -> None:
        """Remove all objects of it."""
        for info in list(self._objects.list(self._root.child(""))):
            self._objects.delete(S3Uri(self._root.bucket, info.key))

    def _link(self, file: Path, uri: S3Uri) -> None:
        aside = self._objects.aside()
        try:
            with full_disk_told():
                try:
                    os.link(file, aside, follow_symlinks=False)
                except OSError as error:
                    if error.errno not in _CANNOT_LINK:
                        raise
                    shutil.copyfile(file, aside, follow_symlinks=False)
            self._objects.publish(uri, aside)
        finally:
            aside.unlink(missing_ok=True)

    def _url(self, method: str, uri: S3Uri) -> str:
        return self._sign(self._account, method, uri)


def sweep(objects: Objects, account: str) -> None:
    """Remove what is left in an account's bucket of exchanges. Blocking."""
    bucket = bucket_of(account)
    if objects.has_bucket(bucket):
        for info in list(objects.list(S3Uri(bucket, ""))):
            objects.delete(S3Uri(bucket, info.key))


def _put(file: Path, base: Path, folder: str, name: str) -> None:
    target = base / folder / name
    if target.is_file() and not target.is_symlink() and filecmp.cmp(file, target, shallow=False):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        remove_tree(target)
    file.replace(target)
