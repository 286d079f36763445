"""What a job leaves behind: the model and the other results, in its output location."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from modelyard.compute.job_files import JobFile, walk
from modelyard.compute.packing import pack_into
from modelyard.store.durable_files import copy_stream
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri
from modelyard.training.spec import TrainingSpec


class Artifacts:
    """Uploads the results of one job. Blocking: call it from a thread.

    Doing it again does no harm: the same files make the same objects.

    Args:
        bases: what each host saw as /opt/ml, the first host's first. Of two files of one name the
            first host's is taken.
        say: takes a line for the job's log.
    """

    def __init__(
        self,
        objects: Objects,
        spec: TrainingSpec,
        bases: Sequence[Path],
        say: Callable[[str], None],
    ) -> None:
        self._objects = objects
        self._spec = spec
        self._bases = bases
        self._say = say

    def upload_model(self) -> S3Uri:
        """Upload /opt/ml/model, also where it is empty; return where it is now.

        Raises:
            StoreError: the bucket is gone, or the disk is full.
        """
        return self._upload("model", "model")

    def upload_output(self) -> None:
        """Upload /opt/ml/output/data, where there is anything.

        Raises:
            StoreError: the bucket is gone, or the disk is full.
        """
        if any(True for base in self._bases for _ in walk(base, "output/data")):
            self._upload("output/data", "output" if self._spec.compressed else "data")

    def _upload(self, relative: str, name: str) -> S3Uri:
        if self._spec.compressed:
            return self._upload_archive(relative, self._spec.results.child(f"{name}.tar.gz"))
        return self._upload_files(relative, self._spec.results.child(name))

    def _upload_archive(self, relative: str, uri: S3Uri) -> S3Uri:
        with self._objects.writing(uri, self._spec.encryption) as sink:
            packed = pack_into(sink, self._bases, relative)
        self._tell_left_out(relative, packed.left_out)
        return uri

    def _upload_files(self, relative: str, folder: S3Uri) -> S3Uri:
        taken: set[str] = set()
        left_out: list[str] = []
        for base in self._bases:
            for found in walk(base, relative, left_out=left_out):
                if found.name in taken:
                    left_out.append(found.name)
                    continue
                taken.add(found.name)
                self._upload_file(found, folder.child(*found.name.split("/")))
        self._tell_left_out(relative, left_out)
        return folder.child("")

    def _upload_file(self, found: JobFile, uri: S3Uri) -> None:
        try:
            with (
                found.open() as source,
                self._objects.writing(uri, self._spec.encryption) as target,
            ):
                copy_stream(source, target)
        except ValueError as error:
            self._say(f"{found.name!r} was not uploaded: {error}")

    def _tell_left_out(self, relative: str, names: Sequence[str]) -> None:
        for name in names:
            self._say(
                f"/opt/ml/{relative}/{name} was not uploaded: it is no regular file of the job, "
                "or another host has one of its name"
            )
