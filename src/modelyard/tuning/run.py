"""One run of one tuning job: looks at its trials, and does what is to be done, until it is over.

Each look is complete in itself. It reads the trials' rows, and what follows from them, and from
nothing that the run remembers, is done: so a run that takes over from one that was killed need not
know how far that one had come.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from modelyard import clock
from modelyard.jobs.creator import context_of
from modelyard.jobs.outcome import client_error
from modelyard.jobs.progress import Progress
from modelyard.operations.errors import OperationError, ResourceInUse
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource
from modelyard.tuning.book import Book, Ending
from modelyard.tuning.early_stopping import Curve, is_worse
from modelyard.tuning.failures import why_no_result
from modelyard.tuning.metric_regexes import tells_objective
from modelyard.tuning.planning import Planner
from modelyard.tuning.rooms import Rooms
from modelyard.tuning.spec import TuningSpec
from modelyard.tuning.summaries import kept, summary_of
from modelyard.tuning.trial import Choice, Trial
from modelyard.tuning.trial_jobs import ParentTrials, mark_of
from modelyard.tuning.trial_requests import job_name, request_of

log = structlog.get_logger(__name__)


class TuningRun:
    """One run.

    Args:
        job: as the run found it.
        wake: set when a row is worth looking at; a hint, since the rows are the truth.
    """

    def __init__(
        self, rooms: Rooms, progress: Progress, job: Resource, wake: asyncio.Event
    ) -> None:
        self._rooms = rooms
        self._progress = progress
        self._job = job
        self._wake = wake
        self._spec = TuningSpec.of(job.spec)
        self._context = context_of(job)
        self._trials: dict[str, Trial] = {}
        self._parents: list[ParentTrials] = []
        self._planner: Planner | None = None
        self._curves: dict[str, Curve] = {}  # of the trials that ended

    async def carry_out(self) -> None:
        """Bring the tuning job to its end.

        Raises:
            Superseded: another run has it, or it is gone.
        """
        await asyncio.to_thread(self._remember)
        while not await self._look():
            try:
                await asyncio.wait_for(self._wake.wait(), self._rooms.poll_seconds)
            except TimeoutError:
                continue
            self._wake.clear()

    def _remember(self) -> None:
        """Find all that an earlier run has begun, and what is known of parents."""
        self._trials = {trial.job_name: trial for trial in self._rooms.trials.of(self._job)}
        if self._spec.warm_start is not None:
            parents = self._spec.warm_start.parents
            self._parents = self._rooms.trials.parents_of(self._job, parents)
        self._planner = Planner(self._spec, self._job.observed["seed"], self._parents)

    def abandon(self) -> None:
        """Stop what still runs, of a tuning job that cannot go on. Blocking."""
        self._stop([trial for trial in self._rooms.trials.of(self._job) if trial.is_active])

    async def _look(self) -> bool:
        """Do what is to be done now; return whether the tuning job is over."""
        self._job = await self._progress.read()
        await asyncio.to_thread(self._renew)
        book = self._book()
        await self._note(book)
        if self._job.status == "Stopping":
            return await self._wind_up(book, None)
        ending = await self._ending(book)
        if ending is not None:
            return await self._wind_up(book, ending)
        if self._spec.stops_early:
            await asyncio.to_thread(self._stop_the_worse, book)
        await self._begin_more()
        return False

    def _renew(self) -> None:
        active = [trial for trial in self._trials.values() if trial.is_active]
        for trial in active:
            del self._trials[trial.job_name]
        for trial in self._rooms.trials.renewed(active, self._spec):
            self._trials[trial.job_name] = trial

    def _book(self) -> Book:
        return Book(self._spec, self._trials.values())

    async def _note(self, book: Book) -> None:
        """Tell how far it is, where that has changed."""
        facts = self._facts(book)
        if any(self._job.observed.get(name) != fact for name, fact in facts.items()):
            self._job = await self._progress.note(**facts)

    def _facts(self, book: Book) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "TrainingJobStatusCounters": book.status_counters(),
            "ObjectiveStatusCounters": book.objective_counters(),
            "not_improving": book.not_improving,
        }
        if book.best is not None:
            facts["BestTrainingJob"] = kept(summary_of(book.best, self._spec))
        overall = self._overall_best(book)
        if overall is not None:
            facts["OverallBestTrainingJob"] = overall
        return facts

    def _overall_best(self, book: Book) -> dict[str, Any] | None:
        """Return the best trial of this tuning job and its parents, where they can be compared."""
        if self._spec.warm_start is None or self._spec.warm_start.transfers:
            return None
        found = [(book.score_of(book.best), book.best, self._spec)] if book.best else []
        for parent in self._parents:
            found += [
                (book.score_of(trial), trial, parent.spec)
                for trial, _ in parent.trials
                if trial.has_result
            ]
        if not found:
            return None
        _, trial, spec = max(found, key=lambda one: one[0])
        return kept(summary_of(trial, spec))

    async def _ending(self, book: Book) -> Ending | None:
        """Return why no more trials begin, once that was found also after that."""
        known = self._job.observed.get("ending")
        if known is not None:
            return Ending.from_json(known)
        ending = book.ending((clock.now() - self._job.created_at).total_seconds())
        return None if ending is None else await self._decide(ending)

    async def _decide(self, ending: Ending) -> Ending:
        self._job = await self._progress.note(ending=ending.to_json())
        return ending

    async def _wind_up(self, book: Book, ending: Ending | None) -> bool:
        """Stop what still runs; return whether nothing does, and the tuning job has ended."""
        if book.active:
            await asyncio.to_thread(self._stop, book.active)
            return False
        ended = clock.to_micros(clock.now())
        if ending is None:
            await self._progress.finish("Stopped", "Stopped", ended=ended)
            return True
        reason = ending.reason if ending.why == "CannotCreate" else None
        if reason is None and book.best is None:
            reason = await asyncio.to_thread(
                why_no_result, self._rooms, self._job, self._spec, book
            )
        status = "Completed" if reason is None else "Failed"
        await self._progress.finish(status, status, ended=ended, failure_reason=reason)
        return True

    def _stop(self, trials: list[Trial]) -> None:
        for trial in trials:
            if trial.status == "Stopping":
                continue
            try:
                self._rooms.training.stop(self._context, trial.job_name)
            except OperationError as error:  # it has just ended
                log.info("a trial is not stopped", job=trial.job_arn, why=error.message)

    def _stop_the_worse(self, book: Book) -> None:
        running = [trial for trial in book.active if trial.status == "InProgress"]
        ended = [trial for trial in book.trials if trial.status == "Completed"]
        worse = []
        for trial in running:
            others = [
                self._ended_curve(other)
                for other in ended
                if other.choice.definition == trial.choice.definition
            ]
            if others and is_worse(self._curve(trial), others):
                worse.append(trial)
        self._stop(worse)

    def _ended_curve(self, trial: Trial) -> Curve:
        if trial.job_name not in self._curves:
            self._curves[trial.job_name] = self._curve(trial)
        return self._curves[trial.job_name]

    def _curve(self, trial: Trial) -> Curve:
        objective = self._spec.definitions[trial.choice.definition].objective
        found = self._rooms.trials.curve(trial, objective.metric)
        return [(step, objective.turned(value)) for step, value in found]

    async def _begin_more(self) -> None:
        """Begin as many trials as there is room for."""
        try:
            while self._book().room() and await asyncio.to_thread(self._begin_one):
                await self._note(self._book())
        except OperationError as error:
            reason = client_error(f"a training job cannot be created: {error.message}")
            await self._decide(Ending(why="CannotCreate", reason=reason))
            self._wake.set()
        except StoreError as error:
            log.warning("no trial can be begun now", job=self._job.arn, why=str(error))

    def _begin_one(self) -> bool:
        """Begin the next trial; return whether there is one."""
        if self._planner is None:
            raise RuntimeError("the run was not begun")
        choice = self._planner.next(self._book())
        if choice is None:
            return False
        name = job_name(self._job.name, self._job.observed["study"], choice)
        try:
            self._create(name, choice)
        except ResourceInUse:
            # An earlier run created it, and was killed ahead of seeing it.
            if self._rooms.trials.find(self._job, name) is None:
                raise
        trial = self._rooms.trials.find(self._job, name)
        if trial is not None:
            self._trials[name] = trial
        return trial is not None

    def _create(self, name: str, choice: Choice) -> None:
        definition = self._spec.definitions[choice.definition]
        request = request_of(
            definition,
            choice,
            name=name,
            folder=self._checkpoint_folder(choice),
            tells_objective=tells_objective(
                definition.request["AlgorithmSpecification"],
                definition.objective.metric,
                self._rooms.image_of,
            ),
            tags=self._rooms.trials.tags_of(self._job),
        )
        self._rooms.training.create(self._context, request, mark_of(self._job, choice))

    def _checkpoint_folder(self, choice: Choice) -> str:
        """Return where a choice's checkpoints are: on its next rung it finds its own."""
        if choice.place:
            bracket, _, drawn = choice.place
            return f"{self._job.name}-{bracket}-{drawn}"
        return job_name(self._job.name, self._job.observed["study"], choice)
