"""Content types: which of the four input formats a channel's ContentType means."""

from __future__ import annotations

from typing import Literal

from modelyard.images.xgboost.errors import ClientError

Format = Literal["csv", "libsvm", "parquet", "recordio-protobuf"]

DEFAULT: Format = "libsvm"
_FORMATS: dict[str, Format] = {
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


def parse(content_type: str, *, channel: str) -> Format:
    """Return the format that a ContentType means.

    A CSV's label is its first column: `text/csv; label_size=1` says so, and no other size is known.

    Raises:
        ClientError: it is none that this image reads.
    """
    kind, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if kind not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise ClientError(
            f"channel '{channel}': ContentType {content_type!r} must be one of {known}"
        )
    sizes = [value for value in parameters if value.startswith("label_size")]
    if any(value.replace(" ", "") != "label_size=1" for value in sizes):
        raise ClientError(
            f"channel '{channel}': ContentType {content_type!r} must have label_size=1, or none: "
            f"the label is the first column"
        )
    return _FORMATS[kind]
