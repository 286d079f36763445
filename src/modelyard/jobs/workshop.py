"""What jobs are made with; one for all jobs of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.compute.capacity import Capacity
from modelyard.compute.environments import Environments
from modelyard.compute.images import Image
from modelyard.compute.memory import MemoryFolder
from modelyard.compute.runtime import Runtime
from modelyard.jobs.image_pull import Pull
from modelyard.jobs.metric_series import MetricSeries
from modelyard.jobs.sites import Site, ThisMachine
from modelyard.jobs.task import Task
from modelyard.jobs.tracking import NoTracker, Tracker
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.logs import LogStreams
from modelyard.store.objects import Objects, ObjectStores
from modelyard.store.resources import Resource, Store


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """The collaborators of every run, and its patience."""

    store: Store
    objects: ObjectStores
    runtime: Runtime
    capacity: Capacity
    logs: LogStreams
    jobs: Path  # <home>/jobs
    #: Where metrics are kept over time; None: only the last values are.
    series: MetricSeries | None = None
    tracker: Tracker = field(default_factory=NoTracker)
    #: For jobs of which nothing may reach a disk in clear; None: there are none.
    memory: MemoryFolder | None = None
    #: The keys as a job's role may use them.
    keys_of: Callable[[Resource], DataKeys] = lambda _job: NoKeys()
    #: Keeps what a monitor's job measured, given the job and the lines that it wrote.
    measured: Callable[[Resource, str], None] = lambda _job, _lines: None
    #: For scripts that bring a requirements.txt; None: there are none.
    environments: Environments | None = None
    #: The cluster that a job runs on; None: it runs on this machine.
    cluster_of: Callable[[Resource], Site | None] = lambda _job: None
    image_of: Callable[[str], Image]  # raises ValueError for a URI that means none
    #: For images of registries elsewhere; None: there are none.
    pull: Pull | None = None
    #: US dollars an hour by instance type, in place of those that its table has.
    prices: Mapping[str, float] = field(default_factory=dict)
    stop_grace_seconds: float = 120.0  # between SIGTERM and SIGKILL
    #: Of all jobs that are made with this; each kind's workflow adds its own.
    kinds: set[str] = field(default_factory=set)
    poll_seconds: float = 1.0  # how often a run looks whether it is to stop
    retry_seconds: float = 10.0  # ahead of trying again what failed for a reason of the server's
    checkpoint_seconds: float = 30.0  # how often checkpoints are uploaded
    #: A full disk may be freed by whoever filled it: how often, and after what time, to try again.
    upload_attempts: int = 6
    upload_again_seconds: float = 5.0

    def objects_of(self, job: Resource) -> Objects:
        """Return the objects of a job's account as its role reads and writes them."""
        return self.objects.of(job.scope.account).acting(self.keys_of(job))

    def site_of(self, job: Resource, task: Task, *, private: bool) -> tuple[Site, str]:
        """Return where a job's programs run, and why not where it was to run, if so."""
        here = ThisMachine(self.runtime, self.capacity)
        cluster = self.cluster_of(job)
        if cluster is None:
            return here, ""
        why = task.needs_this_machine
        if private:
            why = "what is under a key does not leave it in clear"
        return (here, f"runs on the server's machine: {why}") if why else (cluster, "")
