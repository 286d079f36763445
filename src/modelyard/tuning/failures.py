"""Why a tuning job has no result, in the words of its owner's own log."""

from __future__ import annotations

from modelyard.jobs.outcome import client_error
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource
from modelyard.tuning.book import Book
from modelyard.tuning.metric_regexes import regexes_of
from modelyard.tuning.rooms import Rooms
from modelyard.tuning.spec import TuningSpec
from modelyard.tuning.trial import Trial

_LAST_LINES = 10


def why_no_result(rooms: Rooms, tuning_job: Resource, spec: TuningSpec, book: Book) -> str:
    """Return why none of the trials has a value of the objective. Blocking."""
    ended = [trial for trial in book.trials if not trial.is_active]
    if not ended:
        return client_error("no training job ended within the tuning job's time")
    silent = [trial for trial in ended if trial.status != "Failed"]
    if silent:
        return _silent(rooms, tuning_job, spec, silent[-1])
    last = ended[-1]
    return client_error(
        f"all {len(ended)} training jobs failed. {last.job_name}: {last.failure_reason}"
    )


def _silent(rooms: Rooms, tuning_job: Resource, spec: TuningSpec, trial: Trial) -> str:
    definition = spec.definitions[trial.choice.definition]
    metric = definition.objective.metric
    own, given = regexes_of(definition.request["AlgorithmSpecification"], rooms.image_of)
    found = [regexes[metric] for regexes in (given, own) if metric in regexes]
    try:
        lines = rooms.trials.last_lines(tuning_job, trial, _LAST_LINES)
    except StoreError:
        lines = []
    said = "\n".join(lines) or "(it has no log)"
    return client_error(
        f"no line of {trial.job_name}'s log has a number for the objective {metric!r}, by the "
        f"regular expression {' or '.join(found)}. The last lines are:\n{said}"
    )
