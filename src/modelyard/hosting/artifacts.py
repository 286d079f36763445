"""Model archives, made ready to be served: found by content, extracted once, proven once.

A model lies in `<home>/models/<digest>/`, the digest being of the archive's bytes and the image's
name, so an archive that is replaced in its bucket changes nothing that serves, and two endpoints
of one model share it. The folder appears whole: everything is made aside and renamed.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import structlog

from modelyard.compute.archives import ArchiveError, extract
from modelyard.compute.runtime import Program, Runtime
from modelyard.store.errors import StoreError
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


class ModelCache:
    """The models that are ready on this machine.

    Args:
        folder: `<home>/models`.
        runtime: runs the preparation, which parses what a user uploaded, away from the server.
    """

    def __init__(self, folder: Path, objects: ObjectStores, runtime: Runtime) -> None:
        self._folder = folder
        self._objects = objects
        self._runtime = runtime
        self._preparing = asyncio.Lock()

    def path(self, digest: str) -> Path:
        """Return the folder of a prepared model."""
        return self._folder / digest

    async def prepare(
        self, account: str, uri: S3Uri, image: str, *, sha256: str | None = None
    ) -> str:
        """Make a model ready and return its digest.

        Args:
            sha256: what the archive must be, if it is one that was registered.

        Raises:
            ModelArtifactError: there is no such archive, it is another than was registered, it is
                malicious or broken, or what it holds is no model that `image` serves.
        """
        async with self._preparing:
            self._folder.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=".preparing-", dir=self._folder))
            try:
                archive = aside / "model.tar.gz"
                digest, found = await asyncio.to_thread(self._fetch, account, uri, archive, image)
                if sha256 is not None and found != sha256:
                    raise ModelArtifactError(
                        f"The archive {uri} was changed after it was registered: its SHA-256 was "
                        f"{sha256[:12]}… and is {found[:12]}…; put the registered one back, or "
                        "register this one as a version of its own"
                    )
                if not self.path(digest).is_dir():
                    await self._make(aside, archive, uri, digest)
                return digest
            finally:
                await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    def sweep(self, used: Iterable[str]) -> None:
        """Remove the models whose digest is not in `used`, and what a crash left half made."""
        keep = set(used)
        if not self._folder.is_dir():
            return
        for child in self._folder.iterdir():
            if child.name not in keep:
                shutil.rmtree(child, ignore_errors=True)

    def _fetch(self, account: str, uri: S3Uri, target: Path, image: str) -> tuple[str, str]:
        """Copy an archive aside; return the digest of it with the image, and of it alone."""
        digest, alone = hashlib.sha256(image.encode() + b"\0"), hashlib.sha256()
        try:
            with self._objects.of(account).open(uri) as source, target.open("wb") as sink:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    alone.update(chunk)
                    sink.write(chunk)
        except StoreError as error:
            raise ModelArtifactError(f"Could not find model data at {uri}: {error}") from error
        return digest.hexdigest(), alone.hexdigest()

    async def _make(self, aside: Path, archive: Path, uri: S3Uri, digest: str) -> None:
        base = aside / "base"
        base.mkdir()
        try:
            await asyncio.to_thread(
                extract, archive, base / "model", max_files=MAX_FILES, max_bytes=MAX_BYTES
            )
        except ArchiveError as error:
            raise ModelArtifactError(f"The archive {uri} is refused: {error}") from error
        lines: list[str] = []
        process = await self._runtime.start(
            Program(
                identity=f"model/{digest}",
                argv=[sys.executable, "-m", "modelyard.gateway.prepare"],
                environment={},
                base=base,
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
        (base / "model").rename(self.path(digest))
        log.info("model prepared", archive=str(uri), digest=digest[:12])
