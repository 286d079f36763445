"""Readers of the input formats, one file each. `read` picks the one of a format."""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.images.training.content_types import Format
from modelyard.images.training.readers._base import Reader, Reading, Rows, Source, Sparse

__all__ = ["Reading", "Rows", "Source", "Sparse", "read"]


def read(format: Format, source: Source, reading: Reading) -> Iterator[Rows]:
    """Read one file, a part at a time.

    Raises:
        ClientError: names the file and the place in it that is wrong.
    """
    return _reader(format)(source, reading)


def _reader(format: Format) -> Reader:
    # Each brings libraries of its own, of which a job needs one.
    match format:
        case "csv":
            from modelyard.images.training.readers import csv_text

            return csv_text.read
        case "libsvm":
            from modelyard.images.training.readers import libsvm_text

            return libsvm_text.read
        case "parquet":
            from modelyard.images.training.readers import parquet_table

            return parquet_table.read
        case "recordio-protobuf":
            from modelyard.images.training.readers import recordio_protobuf

            return recordio_protobuf.read
        case "text" | "json-lines":
            raise ValueError(f"{format} is no table")
