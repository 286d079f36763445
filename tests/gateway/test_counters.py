from __future__ import annotations

import json

from modelyard.gateway.counters import BUCKET_SECONDS, Counters, Tally, total


def test_invocations_are_counted_by_what_the_model_answered() -> None:
    counters = Counters()
    for status in (200, 204, 400, 415, 500):
        counters.count(status, 0.003, 0.0001)
    tally = counters.snapshot()
    assert (tally.invocations, tally.errors_4xx, tally.errors_5xx) == (5, 2, 1)
    assert round(tally.model_seconds, 9) == 0.015
    assert tally.model_buckets[BUCKET_SECONDS.index(0.005)] == 5
    assert tally.overhead_buckets[0] == 5  # a bound belongs to its bucket


def test_what_is_slower_than_all_bounds_is_counted_last() -> None:
    counters = Counters()
    counters.count(200, 1e6, 0.0)
    assert counters.snapshot().model_buckets[-1] == 1


def test_tallies_travel_as_json_and_add_up() -> None:
    counters = Counters()
    counters.count(200, 0.003, 0.0001)
    tally = counters.snapshot()
    assert Tally.read(json.loads(json.dumps(tally._asdict()))) == tally
    doubled = total([tally, tally])
    assert doubled.invocations == 2
    assert sum(doubled.model_buckets) == 2
    assert total([]) == Tally()
