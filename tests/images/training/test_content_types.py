from __future__ import annotations

import pytest

from modelyard.images.training.content_types import parse
from modelyard.images.training.errors import ClientError


@pytest.mark.parametrize(
    ("content_type", "format"),
    [
        ("csv", "csv"),
        ("text/csv", "csv"),
        ("Text/CSV; label_size=1", "csv"),
        ("text/csv;label_size = 1; charset=utf-8", "csv"),
        ("libsvm", "libsvm"),
        ("text/libsvm", "libsvm"),
        ("text/x-libsvm", "libsvm"),
        ("parquet", "parquet"),
        ("application/x-parquet", "parquet"),
        ("recordio-protobuf", "recordio-protobuf"),
        ("application/x-recordio-protobuf", "recordio-protobuf"),
    ],
)
def test_the_content_types_of_the_container_are_known(content_type: str, format: str) -> None:
    assert parse(content_type, channel="train") == format


@pytest.mark.parametrize("content_type", ["application/json", "csvv", "", "text/plain; csv"])
def test_another_content_type_is_refused_with_those_that_are_known(content_type: str) -> None:
    with pytest.raises(ClientError, match="must be one of csv, text/csv, libsvm"):
        parse(content_type, channel="train")


@pytest.mark.parametrize("size", ["0", "2", "10"])
def test_a_csv_has_one_label(size: str) -> None:
    with pytest.raises(ClientError, match="must have label_size=1, or none"):
        parse(f"text/csv; label_size={size}", channel="train")
