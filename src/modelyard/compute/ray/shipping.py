"""The node's end of what goes through S3: files come by a manifest, archives go to a URL.

Each URL opens one object, for a while, and is all that a node is given: it has no credentials.
"""

from __future__ import annotations

import json
import shutil
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3

from modelyard.compute.archives import ArchiveError, extract
from modelyard.compute.packing import pack_into

#: What one host may bring along, or leave behind.
MAX_FILES = 1_000_000
MAX_BYTES = 2**40

_AT_ONCE = 8
_CHUNK_BYTES = 1 << 20
_TRIES = urllib3.Retry(total=4, backoff_factor=0.5, redirect=False, status_forcelist=[502, 503])
_TIMEOUT = urllib3.Timeout(connect=20, read=300)
_SAID_CHARACTERS = 300


class ShippingError(Exception):
    """What is to go through S3 did not; the message says what, and why."""


class Shipping:
    """Fetches and delivers. Blocking: call it from a thread.

    Args:
        authority: PEM of the authority that vouches for the server, beside those that this machine
            trusts; empty: those alone.
    """

    def __init__(self, authority: str = "") -> None:
        context = ssl.create_default_context()
        if authority:
            context.load_verify_locations(cadata=authority)
        self._pool = urllib3.PoolManager(
            retries=_TRIES, timeout=_TIMEOUT, ssl_context=context, maxsize=_AT_ONCE
        )

    def close(self) -> None:
        """Close the connections; it can be used again."""
        self._pool.clear()

    def fetch(self, manifest_url: str, base: Path, staged: Path) -> list[str]:
        """Bring what a manifest lists: the folder /opt/ml, and what is mounted there.

        Args:
            base: an empty folder, which becomes /opt/ml.
            staged: an empty folder; each mount's files come to `staged/<mount>`.

        Returns:
            The mounts, below /opt/ml.

        Raises:
            ShippingError: not all of it came.
        """
        manifest = json.loads(self._get(manifest_url))
        with tempfile.NamedTemporaryFile(dir=base.parent, prefix="base-") as archive:
            self._download(manifest["base"], Path(archive.name))
            unpack(Path(archive.name), base)
        for folder in manifest["folders"]:
            (base / folder).mkdir(parents=True, exist_ok=True)
        for mount in manifest["mounts"]:
            (staged / mount).mkdir(parents=True)

        def bring(file: Mapping[str, Any]) -> None:
            target = staged / file["mount"] / file["name"]
            target.parent.mkdir(parents=True, exist_ok=True)
            self._download(file["url"], target)

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(bring, manifest["files"]):
                pass
        return list(manifest["mounts"])

    def deliver(self, base: Path, folder: str, url: str) -> None:
        """Pack a folder below `base` and upload it.

        Raises:
            ShippingError: it did not arrive.
        """
        with tempfile.TemporaryFile(dir=base.parent) as archive:
            pack_into(archive, [base], folder)
            size = archive.tell()
            archive.seek(0)
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            try:
                answer = self._pool.request("PUT", url, body=archive, headers=headers)
            except urllib3.exceptions.HTTPError as error:
                raise ShippingError(f"the outputs cannot be uploaded: {_reason(error)}") from error
            if answer.status != 200:
                said = answer.data.decode(errors="replace")[:_SAID_CHARACTERS]
                raise ShippingError(f"the outputs cannot be uploaded: {answer.status} {said}")

    def _get(self, url: str) -> bytes:
        with tempfile.NamedTemporaryFile() as file:
            self._download(url, Path(file.name))
            return Path(file.name).read_bytes()

    def _download(self, url: str, target: Path) -> None:
        name = url.partition("?")[0]
        try:
            answer = self._pool.request("GET", url, preload_content=False)
            try:
                if answer.status != 200:
                    said = answer.read(_SAID_CHARACTERS).decode(errors="replace")
                    raise ShippingError(f"{name} cannot be fetched: {answer.status} {said}")
                with target.open("wb") as file:
                    shutil.copyfileobj(answer, file, _CHUNK_BYTES)
                answer.release_conn()
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise ShippingError(f"{name} cannot be fetched: {_reason(error)}") from error


def unpack(archive: Path, target: Path) -> None:
    """Extract what the other end packed to the folder `target`, which is empty or not there.

    Raises:
        ShippingError: it is not such an archive.
    """
    if target.is_dir():
        target.rmdir()
    try:
        extract(archive, target, max_files=MAX_FILES, max_bytes=MAX_BYTES)
    except ArchiveError as error:
        raise ShippingError(f"what went through S3 cannot be unpacked: {error}") from error


def folders_of(base: Path) -> Sequence[str]:
    """Return all folders below `base`, which an archive of its files would not keep empty."""
    return sorted(
        str(path.relative_to(base))
        for path in base.rglob("*")
        if path.is_dir() and not path.is_symlink()
    )


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    # Its text names the URL, whose query is what opens the object.
    reason = getattr(error, "reason", None) or error
    return (
        f"{type(reason).__name__}; the nodes reach this server by the account's "
        "compute.ray.server_url"
    )
