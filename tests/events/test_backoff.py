from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.events.backoff import Backoff

AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


@given(attempts=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_a_wait_is_between_the_half_and_the_whole_of_a_doubling_up_to_the_longest(
    attempts: int, chance: float
) -> None:
    backoff = Backoff(first_seconds=2, last_seconds=300, random=lambda: chance)
    longest = min(2.0 * 2.0 ** min(attempts - 1, 50), 300)
    assert longest / 2 <= backoff.seconds(attempts) <= longest


@pytest.mark.parametrize(
    ("policy", "attempts", "age", "again"),
    [
        ({}, 185, 0, True),
        ({}, 186, 0, False),
        ({"MaximumRetryAttempts": 0}, 1, 0, False),
        ({"MaximumRetryAttempts": 1}, 1, 0, True),
        ({}, 1, 86_400, False),
        ({"MaximumEventAgeInSeconds": 60}, 1, 59, False),
        ({"MaximumEventAgeInSeconds": 60}, 1, 50, True),
    ],
)
def test_a_policy_ends_by_attempts_or_by_age(
    policy: dict[str, int], attempts: int, age: int, again: bool
) -> None:
    due = Backoff(first_seconds=4, random=lambda: 1.0).due_at(
        policy, attempts=attempts, created_at=AT - timedelta(seconds=age), now=AT
    )
    assert (due is not None) is again
