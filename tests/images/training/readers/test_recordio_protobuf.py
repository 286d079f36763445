from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.recordio.message import Record
from modelyard.images.training.errors import ClientError
from modelyard.images.training.readers import recordio_protobuf
from tests.images.training.readers.framing import frame, record
from tests.images.training.readers.reading import dense, read_all

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("kind", ["float32_tensor", "float64_tensor", "int32_tensor"])
def test_dense_records_of_each_kind_of_number_are_read(tmp_path: Path, kind: str) -> None:
    content = record([1, 2], 1, kind=kind) + record([3, -4], 0, kind=kind)
    (rows,) = read_all(tmp_path, "recordio-protobuf", content)
    assert (rows.labels.tolist(), dense(rows)) == ([1, 0], [[1, 2], [3, -4]])


def test_sparse_records_name_their_features(tmp_path: Path) -> None:
    content = record([5, 6], 1, keys=[0, 3], shape=[5]) + record([], 0, shape=[5])
    (rows,) = read_all(tmp_path, "recordio-protobuf", content)
    assert dense(rows) == [[5, None, None, 6, None], [None] * 5]


def test_sparse_records_without_a_shape_are_as_wide_as_the_widest(tmp_path: Path) -> None:
    content = record([5], keys=[0]) + record([6], keys=[2])
    (rows,) = read_all(tmp_path, "recordio-protobuf", content)
    assert dense(rows) == [[5, None, None], [None, None, 6]]


def test_a_large_file_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordio_protobuf, "_RECORDS_AT_ONCE", 3)
    content = b"".join(record([1], label) for label in range(7))
    parts = read_all(tmp_path, "recordio-protobuf", content)
    assert [part.labels.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    with pytest.raises(ClientError, match="record 8: "):
        read_all(tmp_path, "recordio-protobuf", content + record([1, 2]))


def unlabelled() -> bytes:
    message = Record()
    message.features["values"].float32_tensor.values.append(1)
    return frame(message.SerializeToString())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (record([1, 2]) + record([1]), "record 2: a dense record of 1 features"),
        (record([1, 2]) + record([1], keys=[0]), "record 2: a sparse record"),
        (record([1, 2], keys=[0]), "record 1: 1 keys, but 2 values"),
        (record([1], keys=[7], shape=[5]), "record 1: key 7 is outside of the shape [5]"),
        (record([1], keys=[2**40]), "features are too many"),
        (record([1e300], kind="float64_tensor"), "record 1: feature 0 (counted from 0) is inf"),
        (record([1])[:-4], "record 1: the file ends within a record"),
        (record([1]) + b"12345678", "record 2: magic number"),
        (frame(b"\xff\xff\xff"), "record 1: this is not an aialgs.data.Record"),
        (frame(Record().SerializeToString()), "record 1: no features under the key 'values'"),
        (unlabelled(), "record 1: no label under the key 'values'"),
        (b"1,2,3\n", "record 1: the file ends within a record's header"),
        (b"", "the file is empty"),
    ],
)
def test_what_is_wrong_is_named_with_its_record(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ClientError) as caught:
        read_all(tmp_path, "recordio-protobuf", content)
    assert words in str(caught.value)


@given(
    st.lists(
        st.tuples(st.dictionaries(st.integers(0, 9), NUMBERS, max_size=4), NUMBERS), min_size=1
    )
)
def test_sparse_records_are_read_as_they_were_written(
    table: list[tuple[dict[int, float], float]],
) -> None:
    content = b"".join(
        record(list(row.values()), label, keys=list(row), shape=[10]) for row, label in table
    )
    with tempfile.TemporaryDirectory() as folder:
        (rows,) = read_all(Path(folder), "recordio-protobuf", content)
    assert rows.labels.tolist() == [label for _, label in table]
    assert [{k: v for k, v in enumerate(row) if v is not None} for row in dense(rows)] == [
        row for row, _ in table
    ]
