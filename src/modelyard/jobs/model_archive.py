"""The model's archive, in the folder where the job's program finds it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from modelyard.compute.archives import ArchiveError, extract
from modelyard.jobs.data_error import DataError
from modelyard.jobs.model import JobModel
from modelyard.jobs.staging import EncryptedInput
from modelyard.store.durable_files import full_disk_told
from modelyard.store.errors import NotFound
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri

#: Caps on what an archive may hold, as for models that are deployed.
MAX_FILES = 10_000
MAX_BYTES = 8 * 2**30

_CHUNK_BYTES = 1 << 20


def stage_model(
    model: JobModel, objects: Objects, targets: Sequence[Path], aside: Path, *, private: bool
) -> None:
    """Extract the model's archive to each of the new folders `targets`. Blocking.

    Args:
        objects: of the archive's account, as the model's role reads them.
        aside: a folder for the archive itself.
        private: whether the folders are in memory.

    Raises:
        DataError: there is no archive, it is not the registered one, or it is refused.
        EncryptedInput: it is encrypted, and the job is not private.
        KeyUnusable: the model's role may not use its key, or nobody may now.
        StorageFull: the disk is full or read-only.
    """
    uri = S3Uri.parse(model.archive)
    stage_archive(uri, objects, targets, aside, sha256=model.sha256, private=private)


def stage_archive(
    uri: S3Uri,
    objects: Objects,
    targets: Sequence[Path],
    aside: Path,
    *,
    private: bool,
    sha256: str | None = None,
) -> None:
    """Extract any archive; see `stage_model`.

    Args:
        sha256: what it must be; None: whatever it is.
    """
    if not private and objects.is_encrypted(uri):
        raise EncryptedInput
    archive = aside / "model.tar.gz"
    try:
        digest = _fetch(objects, uri, archive)
        if sha256 is not None and digest != sha256:
            raise DataError(
                f"the archive {uri} was changed after it was registered: its SHA-256 was "
                f"{sha256[:12]}… and is {digest[:12]}…; put the registered one back, or "
                "register this one as a version of its own"
            )
        for target in targets:
            with full_disk_told():
                extract(archive, target, max_files=MAX_FILES, max_bytes=MAX_BYTES)
    except NotFound as error:
        raise DataError(f"could not find model data at {uri}: {error}") from error
    except ArchiveError as error:
        raise DataError(f"the archive {uri} is refused: {error}") from error
    finally:
        archive.unlink(missing_ok=True)


def _fetch(objects: Objects, uri: S3Uri, target: Path) -> str:
    """Copy an archive aside and return its SHA-256."""
    digest = hashlib.sha256()
    with full_disk_told():
        target.parent.mkdir(parents=True, exist_ok=True)
        with objects.open(uri) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                sink.write(chunk)
    return digest.hexdigest()
