"""An input's output: written aside, and there under its name once it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from modelyard.batch.plan import OUTPUT_FOLDER, PART_FOLDER, SUFFIX, Assembly


class Output:
    """The output of one input file.

    Args:
        base: what the job sees as /opt/ml.
        name: of the input, relative to the folder of all inputs.
        source: the input.
    """

    def __init__(self, base: Path, name: str, source: Path, assembly: Assembly) -> None:
        self._path = base / OUTPUT_FOLDER / f"{name}{SUFFIX}"
        self._part = base / PART_FOLDER / f"{name}{SUFFIX}"
        self._source = source
        self._lines = assembly == "Line"
        self._file: BinaryIO | None = None

    @property
    def is_whole(self) -> bool:
        """Whether an earlier run has written it, from the very same input."""
        try:
            return self._path.stat().st_mtime_ns == self._source.stat().st_mtime_ns
        except FileNotFoundError:
            return False

    def write(self, answer: bytes) -> None:
        """Add the answer to the next payload."""
        file = self._opened()
        file.write(answer)
        if self._lines and not answer.endswith(b"\n"):
            file.write(b"\n")

    def finish(self) -> None:
        """Give it its name."""
        with self._opened() as file:
            file.flush()
            os.fsync(file.fileno())
        # An output has its input's time, by which a run after a crash knows it.
        moment = self._source.stat().st_mtime_ns
        os.utime(self._part, ns=(moment, moment))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._part.replace(self._path)

    def discard(self) -> None:
        """Leave nothing of it."""
        if self._file is not None:
            self._file.close()
        self._part.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")
        return self._file
