"""Strangers are written down, and a flood of them in a few records."""

from __future__ import annotations

import pytest

from modelyard.audit.refusals import MAX_KINDS, OTHERS, WINDOW_SECONDS, Refusals
from tests.audit.world import World


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refusals(world: World, clock: Clock) -> Refusals:
    return Refusals(world.writer, clock)


def come(refusals: Refusals, claimed: str = "AKIA", source: str = "192.0.2.7", n: int = 1) -> None:
    for number in range(n):
        refusals.refused(
            claimed=claimed,
            source=source,
            door="json",
            code="UnrecognizedClientException",
            reason="The security token included in the request is invalid.",
            request_id=f"r-{number}",
        )


def test_the_first_attempt_is_recorded_at_once(refusals: Refusals, world: World) -> None:
    come(refusals)
    (record,) = world.records()
    entry = record.entry
    assert (entry.account, entry.principal, entry.source) == ("", "AKIA", "192.0.2.7")
    assert (entry.action, entry.allowed) == ("modelyard:Authenticate", False)
    assert entry.outcome == "UnrecognizedClientException"
    assert "invalid" in entry.note


def test_a_flood_is_one_more_record_a_minute(
    refusals: Refusals, world: World, clock: Clock
) -> None:
    come(refusals, n=1000)
    refusals.settle()
    assert [record.entry.calls for record in world.records()] == [1]
    clock.now = WINDOW_SECONDS
    refusals.settle()
    refusals.settle()
    assert [record.entry.calls for record in world.records()] == [1, 999]
    assert world.records()[1].entry.request_id == "r-999"


def test_a_flood_of_many_names_is_summed_up_too(
    refusals: Refusals, world: World, clock: Clock
) -> None:
    for number in range(MAX_KINDS + 500):
        come(refusals, claimed=f"AKIA{number}")
    clock.now = WINDOW_SECONDS
    refusals.settle()
    records = [record.entry for record in world.records()]
    assert len(records) == MAX_KINDS + 2
    assert (records[-1].principal, records[-1].calls) == (OTHERS, 499)
    assert sum(record.calls for record in records) == MAX_KINDS + 500


def test_who_comes_back_after_a_quiet_minute_is_recorded_at_once(
    refusals: Refusals, world: World, clock: Clock
) -> None:
    come(refusals)
    clock.now = WINDOW_SECONDS
    refusals.settle()
    come(refusals)
    assert [record.entry.calls for record in world.records()] == [1, 1]


def test_stopping_records_what_was_summed_up(refusals: Refusals, world: World) -> None:
    come(refusals, n=5)
    refusals.settle(everything=True)
    assert [record.entry.calls for record in world.records()] == [1, 4]
