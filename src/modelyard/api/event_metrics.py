"""What the event bus delivered, and what waits, in Prometheus's form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from modelyard.store import target_deliveries
from modelyard.store.errors import StoreError
from modelyard.store.resources import Store


class DeliveryCollector(Collector):
    """Asked whenever `/metrics` is read.

    Args:
        counts: returns attempts by kind of target and outcome, since the start.
    """

    def __init__(self, counts: Callable[[], Mapping[tuple[str, str], int]], store: Store) -> None:
        self._counts = counts
        self._store = store

    def collect(self) -> Iterable[Metric]:
        attempts = CounterMetricFamily(
            "modelyard_event_deliveries",
            "Attempts to deliver events to targets, by outcome: delivered, retried, dead.",
            labels=("target", "outcome"),
        )
        for labels, count in self._counts().items():
            attempts.add_metric(labels, count)
        return [attempts, *self._waiting()]

    def _waiting(self) -> Iterable[Metric]:
        try:
            with self._store.database.read() as connection:
                waiting, dead = target_deliveries.counts(connection)
        except StoreError:
            return []  # the other metrics are worth more while the database is away
        return [
            GaugeMetricFamily(
                "modelyard_event_deliveries_waiting",
                "Events that wait for a target, for their first attempt or another.",
                value=waiting,
            ),
            GaugeMetricFamily(
                "modelyard_event_dead_letters",
                "Events that were given up, and wait to be replayed or deleted.",
                value=dead,
            ),
        ]
