from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.operations.scalars import NotOfType, parsed


@given(st.binary())
def test_a_blob_is_base64_or_bytes(data: bytes) -> None:
    assert parsed("blob", base64.b64encode(data).decode()) == data
    assert parsed("blob", data) == data


@pytest.mark.parametrize("value", ["a", "a b=", "ä", 7, None])
def test_what_is_no_base64_is_refused(value: object) -> None:
    with pytest.raises(NotOfType, match="base64"):
        parsed("blob", value)


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=zones))  # noqa: DTZ001
def test_a_time_survives_iso_8601(moment: datetime) -> None:
    assert parsed("timestamp", moment.isoformat()) == parsed("timestamp", moment) == moment


@given(st.integers(min_value=-(2**31) + 1, max_value=2**31 - 1))
def test_a_whole_number_may_have_arrived_as_a_float(number: int) -> None:
    assert parsed("integer", float(number)) == number


@given(st.one_of(st.text(), st.booleans(), st.none(), st.lists(st.integers())))
def test_nothing_but_numbers_is_a_number(value: object) -> None:
    for type_name in ("integer", "long", "float", "double"):
        with pytest.raises(NotOfType):
            parsed(type_name, value)
