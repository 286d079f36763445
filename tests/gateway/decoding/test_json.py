from __future__ import annotations

import json as stdlib_json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.gateway.decoding import json, jsonlines
from modelyard.gateway.errors import ModelRefusal

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(-9, 9), st.none()
)
ROWS = st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=10)

FORMS: list[Callable[[list[Any]], Any]] = [
    lambda row: row,
    lambda row: {"features": row},
    lambda row: {"data": {"features": {"values": row}}},
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["instances", "features", "data", "values"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def refusal(decode: Callable[[bytes, int], Any], value: Any) -> str:
    body = value if isinstance(value, bytes) else stdlib_json.dumps(value).encode()
    with pytest.raises(ModelRefusal) as caught:
        decode(body, 2)
    assert caught.value.status == 400
    return caught.value.message


@given(ROWS, st.sampled_from(FORMS), st.booleans())
def test_rows_are_read_in_every_form_and_null_is_missing(
    rows: list[list[Any]], form: Callable[[list[Any]], Any], wrapped: bool
) -> None:
    body: Any = [form(row) for row in rows]
    found = json.decode(stdlib_json.dumps({"instances": body} if wrapped else body).encode(), 2)
    np.testing.assert_array_equal(found, np.array(rows, dtype=np.float32))


@given(ROWS, st.sampled_from(FORMS))
def test_json_lines_hold_a_row_each(
    rows: list[list[Any]], form: Callable[[list[Any]], Any]
) -> None:
    body = "\n".join(stdlib_json.dumps(form(row)) for row in rows) + "\n"
    found = jsonlines.decode(body.encode(), 2)
    np.testing.assert_array_equal(found, np.array(rows, dtype=np.float32))


@given(ANYTHING)
def test_any_json_is_rows_or_refused_with_400(value: Any) -> None:
    for decode in (json.decode, jsonlines.decode):
        try:
            found = decode(stdlib_json.dumps(value).encode(), 2)
        except ModelRefusal as error:
            assert error.status == 400
        else:
            assert found.shape[1] == 2


def test_one_row_alone_is_one_instance() -> None:
    np.testing.assert_array_equal(json.decode(b"[1, 2]", 2), [[1, 2]])
    np.testing.assert_array_equal(json.decode(b'{"features": [1, 2]}', 2), [[1, 2]])


@pytest.mark.parametrize("value", ["NaN", True, "1", [], {}])
def test_a_feature_that_is_no_number_is_refused_with_its_place(value: Any) -> None:
    message = refusal(json.decode, {"instances": [[1, 2], [1, value]]})
    assert message.startswith(f"instance 2, feature 2: {value!r} is not a number")


def test_nan_as_a_literal_is_not_json() -> None:
    assert "the body is not JSON" in refusal(json.decode, b"[1, NaN]")


def test_the_wrong_width_names_both_widths() -> None:
    message = refusal(json.decode, [[1, 2, 3]])
    assert "instance 1 has 3 features" in message
    assert "the 2 features of the trained model" in message


def test_numbers_beyond_float32_are_refused() -> None:
    assert "instance 1, feature 2: 1e+39 is beyond" in refusal(json.decode, [[1, 1e39]])


def test_all_problems_are_told_at_once() -> None:
    message = refusal(json.decode, {"instances": [[1], "x", [None, "y"]]})
    assert "instance 1 has 1 features" in message
    assert "instance 2: 'x' is neither" in message
    assert "instance 3, feature 2: 'y'" in message


def test_no_instances_are_refused() -> None:
    assert refusal(json.decode, {"instances": []}) == "the body holds no rows"
    assert '"instances" is 7' in refusal(json.decode, {"instances": 7})


def test_a_broken_line_is_named() -> None:
    message = refusal(jsonlines.decode, b"[1,2]\n[1,2\n[1,2],[3,4]")
    assert "line 2 is not JSON" in message
    assert "line 3 is not JSON" in message
