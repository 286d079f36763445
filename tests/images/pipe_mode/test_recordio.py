"""What is framed as RecordIO is read again as it was, by a reader that shares no code with it."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.pipe_mode.recordio import MAGIC, framed
from modelyard.images.xgboost.readers.recordio import records

CONTENT = st.lists(st.sampled_from([MAGIC, b"a", b"\0\0\0\0", b"long text", MAGIC[:2]])).map(
    b"".join
)


@given(st.lists(CONTENT, max_size=5))
def test_records_come_back_one_by_one_magic_numbers_within_included(contents: list[bytes]) -> None:
    file = b"".join(piece for content in contents for piece in framed(content))
    assert len(file) % 4 == 0
    assert list(records(io.BytesIO(file))) == contents
