"""What is framed as RecordIO is read again as it was, and as a framer of other code writes it."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.recordio.framing import frame, records
from tests.images.training.readers import framing as other

CONTENT = st.lists(
    st.sampled_from([other.MAGIC, b"a", b"\0\0\0\0", b"long text", other.MAGIC[:2]])
).map(b"".join)


@given(st.lists(CONTENT, max_size=5))
def test_records_come_back_one_by_one_magic_numbers_within_included(contents: list[bytes]) -> None:
    file = b"".join(map(frame, contents))
    assert len(file) % 4 == 0
    assert file == b"".join(map(other.frame, contents))
    assert list(records(io.BytesIO(file))) == contents
