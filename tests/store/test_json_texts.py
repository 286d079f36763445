from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.store import json_texts

_TEXTS = st.text(st.characters(codec=None), max_size=5)  # with halves of surrogate pairs
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
_DOCUMENTS = st.recursive(
    _SCALARS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(_DOCUMENTS)
def test_a_document_comes_back_as_it_was_written(document: Any) -> None:
    text = json_texts.written(document)
    assert repr(json_texts.read(text)) == repr(document)
    assert repr(json.loads(text)) == repr(document)  # it is JSON to others, too


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30])
def test_a_whole_number_stays_one_however_long(number: int) -> None:
    assert json_texts.read(json_texts.written({"n": number})) == {"n": number}


def test_what_an_earlier_release_wrote_is_read() -> None:
    assert json_texts.read('{"a": "\\u00e9\\ud800", "b": 1e+22}') == {"a": "é\ud800", "b": 1e22}
