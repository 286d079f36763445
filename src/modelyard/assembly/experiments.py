"""Experiments: MLflow's servers, and what tells them of jobs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from modelyard.assembly.ground import Ground
from modelyard.assembly.steps import Step
from modelyard.compute.runtime import Runtime
from modelyard.experiments.servers import MlflowServers
from modelyard.experiments.tokens import JobTokens
from modelyard.experiments.tracking import ALWAYS, JobTracking
from modelyard.identity.known_callers import KnownCallers
from modelyard.jobs.metric_series import MetricSeries
from modelyard.jobs.tracking import NoTracker, Tracker
from modelyard.store.outbox import Outbox
from modelyard.store.schemas import schema_url
from modelyard.tls.trust import bundle, trusted_already

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Experiments:
    """What the other rooms get."""

    servers: MlflowServers
    tracking: JobTracking | None  # None: jobs are not told of

    @property
    def tracker(self) -> Tracker:
        return self.tracking or NoTracker()

    @property
    def step(self) -> Step:
        return Step(start=self.servers.start, stop=self.servers.stop)

    def subscribe(self, outbox: Outbox, kinds: Collection[str]) -> None:
        """Have the ends of jobs told of: of all `kinds` with programs, and of what makes others."""
        if self.tracking is not None:
            outbox.subscribe("experiments", self.tracking.handle, kinds={*kinds, *ALWAYS})


def experiments(
    ground: Ground,
    runtime: Runtime,
    series: MetricSeries,
    known: KnownCallers,
    ca_file: Path | None,
) -> Experiments:
    """Build the room.

    Args:
        ca_file: with TLS, what vouches for this server.
    """
    settings = ground.settings
    servers = MlflowServers(
        runtime,
        ground.home.mlflow,
        database_of=lambda account: schema_url(settings.database_url, f"mlflow_{account}"),
    )
    if not settings.experiments or not servers.installed:
        if settings.experiments:
            log.info(
                "jobs are not logged to MLflow: pip install 'modelyard[mlflow]' and start again"
            )
        return Experiments(servers=servers, tracking=None)
    tokens = JobTokens(ground.store, ground.credentials.sealing_key, known.refresh)
    tracking = JobTracking(
        ground.store,
        servers,
        series,
        tokens,
        ground.url,
        # Read anew for each job: a certificate of the user's may have been replaced.
        trust=None if ca_file is None else partial(bundle, ca_file, trusted_already({}, ca_file)),
    )
    return Experiments(servers=servers, tracking=tracking)
