"""What is peculiar to one kind of job; `run.JobRun` does the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelyard.compute.instance_types import InstanceType
from modelyard.compute.runtime import Program
from modelyard.jobs.outcome import Outcome
from modelyard.jobs.patience import Limits
from modelyard.jobs.progress import Wording
from modelyard.jobs.staging import Staging
from modelyard.store.objects import Objects
from modelyard.store.resources import Resource


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the jobs of one kind are called, and where they write."""

    name: str  # of the resource and the workflow: "training-job"
    log_group: str
    wording: Wording  # of every secondary status that a run enters
    working: str  # the secondary status while the programs run
    failure_file: str  # below /opt/ml: what a program says of its failure
    #: Whether nothing of a job may reach a disk in clear, by what it asks for.
    is_private: Callable[[Objects, Resource], bool] = lambda _objects, _job: False


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a job asks of the machine, and for how long."""

    hosts: Sequence[str]
    instance_type: InstanceType  # of each host
    volume_gib: int
    limits: Limits
    mounts: Sequence[str] = field(default=())  # below /opt/ml, read-only
    folders: Sequence[str] = field(default=())  # below /opt/ml, writable
    kept_folder: str = ""  # below /opt/ml, found again by a run after a crash
    preemptible: bool = False  # whether it may be stopped for a while, for one that is not
    retries: int = 0  # how often it is tried again when it failed for a reason of the server's

    @property
    def vcpus(self) -> int:
        """What all hosts ask for together."""
        return self.instance_type.vcpus * len(self.hosts)

    @property
    def memory_gib(self) -> float:
        """What all hosts ask for together."""
        return self.instance_type.memory_gib * len(self.hosts)


class Task(ABC):
    """One run's work. What blocks is called in a thread; `say` adds a line to the job's log."""

    demand: Demand
    #: Whether the programs are the user's own, and may call this server.
    speaks: bool = False
    #: Why its programs run on the server's machine, wherever others do; empty: they need not.
    needs_this_machine: str = ""

    @abstractmethod
    def stage(self, staging: Staging, say: Callable[[str], None]) -> None:
        """Fill the folders that the programs find. Blocking.

        Raises:
            DataError: the input is not as the job says.
            Interrupted: the staging was told to stop.
            StorageFull: the disk is full or read-only.
            EncryptedInput: some of it is encrypted, and the job is not private.
            KeyUnusable: the job's role may not use a key, or nobody may now.
        """

    async def furnish(self, say: Callable[[str], None]) -> None:  # noqa: B027 - most need nothing
        """Do what is left to do between staging and the programs' start, and takes programs.

        Raises:
            DataError: what the job brought along cannot be used.
            RuntimeUnavailableError: programs cannot be run here.
        """

    async def release(self) -> None:  # noqa: B027 - most need nothing
        """End what `furnish` began and left running; called whatever became of the programs."""

    @abstractmethod
    def program(self, host: str) -> Program:
        """Return the program of one host."""

    @abstractmethod
    def listen(self, line: str) -> None:
        """Take a line that a program wrote."""

    @abstractmethod
    async def accompany(self, say: Callable[[str], None]) -> None:
        """Do what is to be done while the programs run; cancelled when they have ended.

        Raises:
            DataError: what the programs were given along the way is of no use; that ends the job.
            KeyUnusable: a key that the job needs cannot be used any more; that ends the job.
        """

    def interrupted(  # noqa: B027 - most kinds are not preemptible
        self, say: Callable[[str], None]
    ) -> None:
        """Keep what the next start of the programs is to find, beside `Demand.kept_folder`.

        Blocking.

        Raises:
            StoreError: it cannot be kept.
        """

    @abstractmethod
    def found(self) -> dict[str, Any]:
        """Return what is known once the programs have ended, for the job's row."""

    @abstractmethod
    def upload(self, ended: Outcome, say: Callable[[str], None]) -> dict[str, Any]:
        """Upload the results; return what of them the job's row tells. Blocking, repeatable.

        Raises:
            StoreError, ValueError: they cannot be uploaded.
        """
