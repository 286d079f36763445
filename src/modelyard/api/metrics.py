"""What Prometheus is told, in a registry of the server's own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from modelyard.api.state import RequestState

_BUCKETS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)


class Metrics:
    """Counts and latencies of requests, and whatever other rooms add."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "modelyard_requests",
            "Requests, by door, operation and HTTP status.",
            ["door", "service", "operation", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "modelyard_request_duration_seconds",
            "From a request's head to its answer's end, by door and operation.",
            ["door", "service", "operation"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def add(self, collector: Collector) -> None:
        """Have `collector` asked, in a thread, whenever the metrics are read."""
        self.registry.register(collector)

    def observe(self, state: RequestState, status: int, seconds: float) -> None:
        """Count one answered request."""
        labels = (state.door, state.service or "", state.operation or "")
        self._requests.labels(*labels, str(status)).inc()
        self._seconds.labels(*labels).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)
