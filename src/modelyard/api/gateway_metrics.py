"""What the inference gateway counts, in Prometheus's form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from modelyard.gateway.counters import BUCKET_SECONDS, Tally

_LABELS = ("account", "region", "endpoint", "variant")

#: By endpoint key (`<account>/<region>/<name>`) and variant.
Tallies = Mapping[str, Mapping[str, Tally]]


class GatewayCollector(Collector):
    """Asked whenever `/metrics` is read.

    Args:
        tallies: returns the gateway's numbers as they are now.
    """

    def __init__(self, tallies: Callable[[], Tallies]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterable[Metric]:
        invocations = CounterMetricFamily(
            "modelyard_invocations", "Invocations of endpoints.", labels=_LABELS
        )
        errors = CounterMetricFamily(
            "modelyard_invocation_errors",
            "Invocations that were answered with an error.",
            labels=(*_LABELS, "kind"),
        )
        model = HistogramMetricFamily(
            "modelyard_model_latency_seconds", "Time in the model.", labels=_LABELS
        )
        overhead = HistogramMetricFamily(
            "modelyard_overhead_latency_seconds", "Time around the model.", labels=_LABELS
        )
        for key, variants in self._tallies().items():
            for variant, tally in variants.items():
                labels = [*key.split("/", 2), variant]
                invocations.add_metric(labels, tally.invocations)
                errors.add_metric([*labels, "4xx"], tally.errors_4xx)
                errors.add_metric([*labels, "5xx"], tally.errors_5xx)
                model.add_metric(labels, _cumulated(tally.model_buckets), tally.model_seconds)
                overhead.add_metric(
                    labels, _cumulated(tally.overhead_buckets), tally.overhead_seconds
                )
        return [invocations, errors, model, overhead]


def _cumulated(counts: Iterable[int]) -> list[tuple[str, float]]:
    """Return (upper bound, count up to it), which is how Prometheus has its buckets."""
    bounds = [*(str(bound) for bound in BUCKET_SECONDS), "+Inf"]
    found, sofar = [], 0
    for bound, count in zip(bounds, counts, strict=True):
        sofar += count
        found.append((bound, float(sofar)))
    return found
