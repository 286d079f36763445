"""The training jobs of a tuning job: found by their rows, made, stopped, looked into.

Their rows are the only memory of a tuning job's trials. Each has, beside what every training job's
has, what was chosen for it: `observed["tuning"]`, written in the transaction that creates it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from modelyard import clock
from modelyard.jobs.metric_series import MetricSeries
from modelyard.operations.context import Context
from modelyard.store.listing import Listing
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Json, Resource, Snapshot, Store
from modelyard.tuning.early_stopping import Curve
from modelyard.tuning.spec import Objective, TuningSpec
from modelyard.tuning.trial import Choice, Trial

_KIND = "training-job"
_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
#: What was chosen for a training job, in its observed state.
MARK = "tuning"
_PAGE = 100


class TrainingDesk(Protocol):
    """What a tuning job needs of training, which lives on its own floor."""

    def create(self, context: Context, request: Mapping[str, Any], observed: Json) -> None:
        """Create a training job as its caller would, and keep `observed` in its row.

        Raises:
            OperationError: it cannot be created, or the caller may not.
        """

    def stop(self, context: Context, name: str) -> None:
        """Have a training job stop.

        Raises:
            OperationError: there is none of that name, or it has ended.
        """

    def problems(self, context: Context, request: Mapping[str, Any]) -> list[str]:
        """Return what stands against a CreateTrainingJob request."""


class TrialJobs:
    """The trials of tuning jobs. All methods block; safe to use from any thread."""

    def __init__(self, store: Store, series: MetricSeries, logs: LogStreams) -> None:
        self._store = store
        self._series = series
        self._logs = logs

    def of(self, tuning_job: Resource) -> list[Trial]:
        """Return all trials of a tuning job, oldest first, as far as their rows are there."""
        spec = TuningSpec.of(tuning_job.spec)
        with self._store.read() as snapshot:
            return [trial_of(job, spec) for job in self._jobs(snapshot, tuning_job)]

    def find(self, tuning_job: Resource, name: str) -> Trial | None:
        """Return the trial whose training job has that name; None: it is none of this one's."""
        with self._store.read() as snapshot:
            job = snapshot.find(tuning_job.scope, _KIND, name)
        if job is None or not _is_of(job, tuning_job):
            return None
        return trial_of(job, TuningSpec.of(tuning_job.spec))

    def renewed(self, trials: Sequence[Trial], spec: TuningSpec) -> list[Trial]:
        """Return trials as their rows are now; those whose row is gone are left out."""
        with self._store.read() as snapshot:
            found = [snapshot.find_by_arn(trial.job_arn) for trial in trials]
        return [trial_of(job, spec) for job in found if job is not None]

    def tags_of(self, tuning_job: Resource) -> Mapping[str, str]:
        """Return a tuning job's tags, which its training jobs are given too."""
        with self._store.read() as snapshot:
            return snapshot.tags(tuning_job)

    def parents_of(self, tuning_job: Resource, parents: Sequence[str]) -> list[ParentTrials]:
        """Return the trials of a tuning job's parents, by parent; those that are gone have none."""
        with self._store.read() as snapshot:
            found = [
                parent
                for name in parents
                if (parent := snapshot.find(tuning_job.scope, tuning_job.kind, name)) is not None
            ]
            return [ParentTrials(parent, self._jobs(snapshot, parent)) for parent in found]

    def curve(self, trial: Trial, metric: str) -> Curve:
        """Return a trial's objective by step, as far as it has come."""
        with self._store.read() as snapshot:
            job = snapshot.find_by_arn(trial.job_arn)
        if job is None:
            return []
        return [(point.step, point.value) for point in self._series.of(job).get(metric, [])]

    def last_lines(self, tuning_job: Resource, trial: Trial, count: int) -> list[str]:
        """Return the last lines of a trial's log."""
        scope = tuning_job.scope
        where = (scope.account, scope.region, _LOG_GROUP)
        lines: list[str] = []
        for stream in self._logs.streams(*where, prefix=f"{trial.job_name}/"):
            page = self._logs.events(*where, stream.name, limit=count)
            lines += [event.message for event in page.events]
        return lines[-count:]

    def _jobs(self, snapshot: Snapshot, tuning_job: Resource) -> Iterator[Resource]:
        token: str | None = None
        while True:
            page = snapshot.list(
                tuning_job.scope,
                _KIND,
                Listing(limit=_PAGE, token=token, name_prefix=f"{tuning_job.name}-"),
            )
            for job in page.items:
                if _is_of(job, tuning_job):
                    yield job
            token = page.token
            if token is None:
                return


class ParentTrials:
    """The trials of one parent, with all of their hyperparameters."""

    def __init__(self, parent: Resource, jobs: Iterator[Resource]) -> None:
        self.spec = spec = TuningSpec.of(parent.spec)
        self.trials = [
            (trial_of(job, spec), dict(job.spec.get("HyperParameters", {}))) for job in jobs
        ]


def mark_of(tuning_job: Resource, choice: Choice) -> Json:
    """Return what a trial's row keeps of its choice."""
    study = tuning_job.observed["study"]
    return {MARK: {"arn": tuning_job.arn, "study": study, **choice.to_json()}}


def trial_of(job: Resource, spec: TuningSpec) -> Trial:
    """Return the trial that a training job's row tells of."""
    observed = job.observed
    choice = Choice.from_json(observed[MARK])
    objective = spec.definitions[choice.definition].objective
    started, ended = observed.get("started"), observed.get("ended")
    return Trial(
        choice=choice,
        job_name=job.name,
        job_arn=job.arn,
        status=job.status,
        created_at=job.created_at,
        started_at=None if started is None else clock.from_micros(started),
        ended_at=None if ended is None else clock.from_micros(ended),
        value=_value(observed.get("metrics") or [], objective),
        failure_reason=observed.get("failure_reason"),
    )


def _is_of(job: Resource, tuning_job: Resource) -> bool:
    study: str = tuning_job.observed["study"]
    mark: Mapping[str, Any] = job.observed.get(MARK, {})
    return study == str(mark.get("study"))


def _value(metrics: Sequence[Mapping[str, Any]], objective: Objective) -> float | None:
    return next(
        (metric["Value"] for metric in metrics if metric["MetricName"] == objective.metric), None
    )
