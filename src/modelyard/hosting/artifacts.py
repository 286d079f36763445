"""Model archives, made ready to be served: found by content, extracted once, proven once.

A model lies in `<home>/models/<digest>/`, the digest being of the archive's bytes and the image's
name, so an archive that is replaced in its bucket changes nothing that serves, and two endpoints
of one model share it. The folder appears whole: everything is made aside and renamed.

A model whose archive is encrypted, or whose endpoint names a key, lies in memory instead, and on
the disk encrypted (`sealed_models`). Its digest is also of the key.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from modelyard.compute.archives import ArchiveError, extract
from modelyard.compute.images import Server
from modelyard.compute.memory import MemoryFolder
from modelyard.compute.runtime import Program, Runtime, RuntimeUnavailableError
from modelyard.hosting import sealed_models
from modelyard.store.durable_files import full_disk_told
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.encryption.vault import encryption_of_file
from modelyard.store.errors import KeyUnusable, StoreError
from modelyard.store.objects import ObjectStores, S3Uri

#: Caps on what an archive may hold; a served model lives in every worker's memory.
MAX_FILES = 10_000
MAX_BYTES = 8 * 2**30

#: In which a model must be read, converted and proven.
PREPARE_SECONDS = 600

_CHUNK_BYTES = 1 << 20

log = structlog.get_logger(__name__)


class ModelArtifactError(Exception):
    """The model cannot be served; the message says why, to the model's owner."""


@dataclass(frozen=True, kw_only=True)
class ReadyModel:
    """A model that can be served."""

    digest: str
    private: bool  # whether it lies in memory, and on the disk encrypted


class ModelCache:
    """The models that are ready on this machine.

    Args:
        folder: `<home>/models`.
        runtime: runs the preparation, which parses what a user uploaded, away from the server.
        memory: for models that are under a key; None: there are none.
    """

    def __init__(
        self,
        folder: Path,
        objects: ObjectStores,
        runtime: Runtime,
        memory: MemoryFolder | None = None,
    ) -> None:
        self._folder = folder
        self._objects = objects
        self._runtime = runtime
        self._memory = memory
        self._preparing = asyncio.Lock()

    def path(self, digest: str, private: bool = False) -> Path:
        """Return the folder of a prepared model."""
        if private and self._memory is not None:
            return self._memory.path / "models" / digest
        return self._folder / digest

    async def prepare(
        self,
        account: str,
        uri: S3Uri,
        image: str,
        *,
        server: Server = "gateway",
        sha256: str | None = None,
        key: str = "",
        keys: DataKeys | None = None,
    ) -> ReadyModel:
        """Make a model ready.

        Args:
            server: who will serve it: for the gateway it is converted, a program of the image's
                own gets what the archive holds.
            sha256: what the archive must be, if it is one that was registered.
            key: what the prepared model is to be encrypted under; empty: what its archive is.
            keys: act for the model's role.

        Raises:
            ModelArtifactError: there is no such archive, it is another than was registered, it is
                malicious or broken, or what it holds is no model that `image` serves; or its key
                cannot be used.
        """
        keys = keys or NoKeys()
        objects = self._objects.of(account).acting(keys)
        async with self._preparing:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                source = await asyncio.to_thread(objects.open_raw, uri)
                with source:
                    found = await asyncio.to_thread(encryption_of_file, source)
                    key = key or (found.key if found is not None else "")
                    private = bool(key)
                    aside = await asyncio.to_thread(self._aside, private)
                    try:
                        content = await asyncio.to_thread(objects.vault.opened, uri.bucket, source)
                        archive = aside / "model.tar.gz"
                        digest, alone = await asyncio.to_thread(
                            _fetch, content, archive, image, key
                        )
                        _check_registered(uri, sha256, alone)
                        if not self.path(digest, private=private).is_dir():
                            await self._make(
                                aside, archive, uri, digest, private=private, server=server
                            )
                        if private:
                            await asyncio.to_thread(self._keep, digest, key, keys)
                    finally:
                        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)
            except KeyUnusable as error:
                raise ModelArtifactError(str(error)) from error
            except StoreError as error:
                raise ModelArtifactError(f"Could not find model data at {uri}: {error}") from error
            except RuntimeUnavailableError as error:
                raise ModelArtifactError(str(error)) from error
            return ReadyModel(digest=digest, private=private)

    def put_back(self, digest: str, keys: DataKeys) -> None:
        """Put a model that is under a key into memory again. Blocking.

        Raises:
            KeyUnusable: its key cannot be used, or not by these.
            ValueError: its encrypted archive is gone or damaged.
            RuntimeUnavailableError: there is no folder in memory.
        """
        folder = self.path(digest, private=True)
        if folder.is_dir() or self._memory is None:
            return
        self._memory.require()
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        sealed_models.put_back(
            self._folder / f"{digest}{sealed_models.SUFFIX}",
            folder,
            keys,
            digest=digest,
            max_files=MAX_FILES,
            max_bytes=MAX_BYTES,
        )

    def sweep(self, used: Iterable[str]) -> None:
        """Remove the models whose digest is not in `used`, and what a crash left half made."""
        keep = set(used)
        keep |= {f"{digest}{sealed_models.SUFFIX}" for digest in keep}
        folders = [self._folder, self.path("", private=True)]
        for child in (child for folder in folders if folder.is_dir() for child in folder.iterdir()):
            if child.name in keep:
                continue
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child, ignore_errors=True)
            else:
                child.unlink(missing_ok=True)

    def _aside(self, private: bool) -> Path:
        folder = self._folder
        if private:
            if self._memory is None:
                raise RuntimeUnavailableError("models that are under a key are not served here")
            folder = self._memory.require() / "models"
            folder.mkdir(mode=0o700, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder))

    def _keep(self, digest: str, key: str, keys: DataKeys) -> None:
        archive = self._folder / f"{digest}{sealed_models.SUFFIX}"
        if not archive.exists():
            sealed_models.keep(self.path(digest, private=True), archive, key, keys, digest=digest)

    async def _make(
        self,
        aside: Path,
        archive: Path,
        uri: S3Uri,
        digest: str,
        *,
        private: bool,
        server: Server,
    ) -> None:
        base = aside / "base"
        base.mkdir()
        try:
            await asyncio.to_thread(
                extract, archive, base / "model", max_files=MAX_FILES, max_bytes=MAX_BYTES
            )
        except ArchiveError as error:
            raise ModelArtifactError(f"The archive {uri} is refused: {error}") from error
        if server == "gateway":
            await self._convert(aside, base, uri, digest, private=private)
        (base / "model").rename(self.path(digest, private=private))
        log.info("model prepared", archive=str(uri), digest=digest[:12])

    async def _convert(
        self, aside: Path, base: Path, uri: S3Uri, digest: str, *, private: bool
    ) -> None:
        """Have a model read, converted and proven in a sandbox, for the gateway."""
        lines: list[str] = []
        process = await self._runtime.start(
            Program(
                identity=f"model/{digest}",
                argv=[sys.executable, "-m", "modelyard.gateway.prepare"],
                environment={},
                base=base,
                temporary=aside / "temporary" if private else None,
                network=False,
            ),
            lines.append,
        )
        try:
            # A damaged file can make XGBoost abort or hang: here it takes nothing with it.
            code = await asyncio.wait_for(process.wait(), PREPARE_SECONDS)
        except TimeoutError as error:
            raise ModelArtifactError(
                f"The model in {uri} cannot be served: it was not read within {PREPARE_SECONDS} s"
            ) from error
        finally:
            process.kill()
        if code != 0:
            said = next((line for line in reversed(lines) if line.strip()), "the file is damaged")
            raise ModelArtifactError(
                f"The model in {uri} cannot be served: {said} (reading it ended with {code})"
            )


def _check_registered(uri: S3Uri, registered: str | None, found: str) -> None:
    if registered is not None and found != registered:
        raise ModelArtifactError(
            f"The archive {uri} was changed after it was registered: its SHA-256 was "
            f"{registered[:12]}… and is {found[:12]}…; put the registered one back, or "
            "register this one as a version of its own"
        )


def _fetch(source: BinaryIO, target: Path, image: str, key: str) -> tuple[str, str]:
    """Copy an archive aside; return the digest of it with image and key, and of it alone."""
    digest, alone = hashlib.sha256(image.encode() + b"\0"), hashlib.sha256()
    with source, full_disk_told(), target.open("wb") as sink:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            alone.update(chunk)
            sink.write(chunk)
    if key:
        # Endpoints under other keys do not share it: who may use theirs may not use this one.
        digest.update(b"\0" + key.encode())
    return digest.hexdigest(), alone.hexdigest()
