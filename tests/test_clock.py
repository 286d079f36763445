from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard import clock

ZONES = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
MOMENTS = st.datetimes(timezones=ZONES).filter(lambda moment: 1 < moment.year < 9999)


@given(MOMENTS)
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    back = clock.from_micros(clock.to_micros(moment))
    assert back == moment
    assert back.tzinfo is UTC


@given(MOMENTS, MOMENTS)
def test_microseconds_sort_as_moments_do(one: datetime, other: datetime) -> None:
    assert (clock.to_micros(one) < clock.to_micros(other)) == (one < other)


def test_the_epoch_is_zero() -> None:
    assert clock.to_micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert clock.to_micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="is naive: give it a time zone"):
        clock.to_micros(datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is tested


def test_now_is_in_utc() -> None:
    assert clock.now().tzinfo is UTC
