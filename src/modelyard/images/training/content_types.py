"""Content types: which of the input formats a channel's ContentType means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from modelyard.images.training.errors import ClientError

#: The last two are no tables: their images read them themselves.
Format = Literal["csv", "libsvm", "parquet", "recordio-protobuf", "text", "json-lines"]

FORMATS: Mapping[str, Format] = {
    "csv": "csv",
    "text/csv": "csv",
    "libsvm": "libsvm",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "parquet": "parquet",
    "application/x-parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    "application/x-recordio-protobuf": "recordio-protobuf",
}

RECORDIO = "application/x-recordio-protobuf"
#: What AWS's own algorithms read.
FIRST_PARTY: Mapping[str, Format] = {"text/csv": "csv", RECORDIO: "recordio-protobuf"}


def parse(
    content_type: str,
    *,
    channel: str,
    formats: Mapping[str, Format] = FORMATS,
    label_sizes: Sequence[int] = (1,),
) -> Format:
    """Return the format that a ContentType means.

    A CSV's label is its first column: `text/csv; label_size=1` says so. Images that learn without
    labels also know `label_size=0`: there is none.

    Raises:
        ClientError: it is none that this image reads.
    """
    kind = content_type.lower().partition(";")[0].strip()
    if kind not in formats:
        known = ", ".join(formats)
        raise ClientError(
            f"channel '{channel}': ContentType {content_type!r} must be one of {known}"
        )
    if label_size(content_type) not in [str(size) for size in label_sizes]:
        sizes = " or ".join(f"label_size={size}" for size in label_sizes)
        raise ClientError(
            f"channel '{channel}': ContentType {content_type!r} must have {sizes}, or none: "
            f"the label is the first column"
        )
    return formats[kind]


def label_size(content_type: str) -> str:
    """Return how many columns of a CSV are the label, as its ContentType says: "1" by default."""
    for parameter in content_type.lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().startswith("label_size"):
            return value.strip()
    return "1"
