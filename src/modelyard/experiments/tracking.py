"""Jobs in MLflow: while they run, as far as that goes; at their end for certain.

While a job runs its metrics are sent every few seconds, and what fails is tried again. What counts
is the event of its end, which the outbox delivers at least once, also over a crash: then all that
is missing is sent, and the run is ended. No job waits for MLflow, but for one whose programs are
the user's own: it waits until it has a run to log to, for a minute at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from modelyard.experiments.errors import (
    ExperimentsNotInstalled,
    TrackingRefused,
    TrackingUnavailable,
)
from modelyard.experiments.facts import AUTOPILOT_JOB, TUNING_JOB, facts_of, parent_of
from modelyard.experiments.runs import JobRuns
from modelyard.experiments.servers import MlflowServers
from modelyard.experiments.tokens import JobTokens
from modelyard.jobs.metric_series import MetricSeries
from modelyard.jobs.progress import TERMINAL
from modelyard.jobs.tracking import Introduction
from modelyard.store.errors import NotFound, StoreError
from modelyard.store.outbox import Event
from modelyard.store.resources import Resource, Store

#: Jobs of these kinds are in MLflow always; of others those that were given a run to log to.
ALWAYS = frozenset({"training-job", TUNING_JOB, AUTOPILOT_JOB})
OWN_SERVER = "MLFLOW_TRACKING_URI"
#: Below /opt/ml: the certificates that vouch for the door, where it speaks TLS.
TRUST_FILE = "input/config/modelyard-trust.pem"

_WAIT_SECONDS = 60.0
_EVERY_SECONDS = 2.0
_AGAIN_SECONDS = 20.0
#: A short job does not share the machine with a server that starts only to be told of it.
_PATIENCE_SECONDS = 10.0

_TROUBLE = (ExperimentsNotInstalled, TrackingRefused, TrackingUnavailable, StoreError, OSError)

log = structlog.get_logger(__name__)


class JobTracking:
    """The `jobs.tracking.Tracker` that tells MLflow.

    Args:
        url: the server's, as its jobs reach it.
        trust: returns the certificates, in PEM, by which a program verifies a server with TLS.
    """

    def __init__(
        self,
        store: Store,
        servers: MlflowServers,
        series: MetricSeries,
        tokens: JobTokens,
        url: str,
        trust: Callable[[], bytes] | None = None,
    ) -> None:
        self._store = store
        self._servers = servers
        self._series = series
        self._tokens = tokens
        self._url = url
        self._trust = trust
        self._runs: dict[tuple[str, float], str] = {}
        self._finding = asyncio.Lock()

    def expect(self, job: Resource) -> None:
        self._servers.of(job.scope.account).wake()

    async def begin(self, job: Resource) -> Introduction:
        if OWN_SERVER in job.spec.get("Environment", {}):
            return Introduction()
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                run = await self._run_of(job)
            token = await asyncio.to_thread(self._tokens.issue, job)
            trust = None if self._trust is None else await asyncio.to_thread(self._trust)
        except (*_TROUBLE, TimeoutError) as error:
            log.warning("a job starts without MLflow", job=job.arn, why=str(error))
            return Introduction()
        environment = {
            OWN_SERVER: f"{self._url}/mlflow",
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_RUN_ID": run,
            "MLFLOW_EXPERIMENT_NAME": facts_of(job).experiment,
        }
        if trust is None:
            return Introduction(environment=environment)
        environment["MLFLOW_TRACKING_SERVER_CERT_PATH"] = f"/opt/ml/{TRUST_FILE}"
        return Introduction(environment=environment, files={TRUST_FILE: trust})

    async def follow(self, job: Resource) -> None:
        server = self._servers.of(job.scope.account)
        if not server.is_running:
            await asyncio.sleep(_PATIENCE_SECONDS)
        while True:
            try:
                series = await asyncio.to_thread(self._series.of, job)
                await JobRuns(server).log(await self._run_of(job), series)
            except _TROUBLE as error:
                log.warning("metrics did not reach MLflow yet", job=job.arn, why=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
            await asyncio.sleep(_EVERY_SECONDS)

    async def end(self, job: Resource) -> None:
        try:
            await asyncio.to_thread(self._tokens.take_back, job)
        except StoreError as error:
            log.warning("a job's token stays until it expires", job=job.arn, why=str(error))

    async def handle(self, event: Event) -> None:
        """Tell MLflow of a job that has ended.

        Raises:
            TrackingUnavailable, TrackingRefused: not now; ask again.
        """
        if event.status not in TERMINAL:
            return
        job = await asyncio.to_thread(self._read, event.arn)
        if job is None or job.status not in TERMINAL:
            return
        if job.kind not in ALWAYS and not job.observed.get("tracked"):
            return
        runs = JobRuns(self._servers.of(job.scope.account))
        run = await self._run_of(job)
        await runs.log(run, await asyncio.to_thread(self._series.of, job))
        await runs.end(run, job)
        self._runs.pop(_key(job), None)

    async def _run_of(self, job: Resource) -> str:
        async with self._finding:
            parent = await self._parent_run_of(job)
            return await self._found(job, parent)

    async def _parent_run_of(self, job: Resource) -> str | None:
        """Return the run of the job that made this one, made if it has none yet."""
        arn = parent_of(job)
        parent = None if arn is None else await asyncio.to_thread(self._read, arn)
        return None if parent is None else await self._found(parent, None)

    async def _found(self, job: Resource, parent: str | None) -> str:
        found = self._runs.get(_key(job))
        if found is None:
            runs = JobRuns(self._servers.of(job.scope.account))
            found = self._runs[_key(job)] = await runs.ensure(job, parent=parent)
        return found

    def _read(self, arn: str) -> Resource | None:
        with self._store.read() as snapshot:
            try:
                return snapshot.get_by_arn(arn)
            except NotFound:
                return None


def _key(job: Resource) -> tuple[str, float]:
    return job.arn, job.created_at.timestamp()
