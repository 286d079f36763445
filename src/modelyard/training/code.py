"""The code that a user submits for script mode: fetched, and unpacked by the one extractor."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from modelyard.compute.archives import ArchiveError, extract
from modelyard.jobs.data_error import DataError
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.staging import EncryptedInput
from modelyard.store.durable_files import full_disk_told
from modelyard.store.errors import NotFound
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri

#: Caps on what an archive of code may hold.
MAX_FILES = 10_000
MAX_BYTES = 2**30


def stage_code(objects: Objects, uri: S3Uri, targets: Sequence[Path], folder: JobFolder) -> None:
    """Unpack the archive into each of the (empty) folders.

    Raises:
        DataError: it is not there, or it is malicious or broken.
        EncryptedInput: it is encrypted, and the job is not private.
        KeyUnusable: the job's role may not use its key.
        StorageFull: the disk is full or read-only.
    """
    archive = folder.aside / "code.tar.gz"
    folder.aside.mkdir(parents=True, exist_ok=True)
    try:
        if not folder.private and objects.is_encrypted(uri):
            raise EncryptedInput
        with full_disk_told(), objects.open(uri) as source, archive.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        with full_disk_told():
            for target in targets:
                target.rmdir()
                extract(archive, target, max_files=MAX_FILES, max_bytes=MAX_BYTES)
    except NotFound as error:
        raise DataError(
            f"sagemaker_submit_directory: there is no {uri}: upload the code first"
        ) from error
    except ArchiveError as error:
        raise DataError(f"sagemaker_submit_directory: {uri} is refused: {error}") from error
    finally:
        archive.unlink(missing_ok=True)
