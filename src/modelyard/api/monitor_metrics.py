"""What monitors measured last, and which alerts are raised, in Prometheus's form."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from modelyard.monitoring.alerts import IN_ALERT, KIND, OK
from modelyard.store import measures
from modelyard.store.errors import StoreError
from modelyard.store.measures import Measure
from modelyard.store.resources import Store

_NAMESPACE = "aws/sagemaker/"
_OWN = ("Endpoint", "MonitoringSchedule")


class MonitorCollector(Collector):
    """Asked whenever `/metrics` is read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        try:
            return [self._measured(), self._alerts()]
        except StoreError:
            return []  # the other metrics are worth more while the database is away

    def _measured(self) -> Metric:
        family = GaugeMetricFamily(
            "modelyard_monitor_metric",
            "What a monitor's newest execution measured; the average where there are many samples.",
            labels=(
                *("account", "region", "namespace", "metric"),
                *("endpoint", "schedule", "dimensions"),
            ),
        )
        with self._store.read() as snapshot:
            for measure, newest in measures.newest(snapshot.connection, _NAMESPACE):
                if newest.count:
                    family.add_metric(_labels(measure), newest.sum / newest.count)
        return family

    def _alerts(self) -> Metric:
        family = GaugeMetricFamily(
            "modelyard_monitoring_alert",
            "Whether the alert of a monitoring schedule is raised: 1, or 0.",
            labels=("account", "region", "schedule"),
        )
        with self._store.read() as snapshot:
            for alert in snapshot.with_status(KIND, OK, IN_ALERT):
                labels = (alert.scope.account, alert.scope.region, alert.name)
                family.add_metric(labels, float(alert.status == IN_ALERT))
        return family


def _labels(measure: Measure) -> list[str]:
    others = sorted(item for item in measure.dimensions.items() if item[0] not in _OWN)
    return [
        measure.scope.account,
        measure.scope.region,
        measure.namespace,
        measure.name,
        *(measure.dimensions.get(name, "") for name in _OWN),
        ",".join(f"{name}={value}" for name, value in others),
    ]
