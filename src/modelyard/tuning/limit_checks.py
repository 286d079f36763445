"""What stands against a tuning job's limits: how many training jobs, how long, until when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.tuning.spec import RESOURCES, Definition, TuningSpec

#: So many rows are looked at with each page that is listed.
MOST_TRIALS = 10_000
MOST_PARALLEL = 100


def limit_problems(request: Mapping[str, Any]) -> Iterator[str]:
    """Look at the limits of a request whose ranges are right."""
    config = request["HyperParameterTuningJobConfig"]
    spec = TuningSpec.of(request)
    if len({definition.objective.maximize for definition in spec.definitions}) > 1:
        yield (
            "the definitions' objectives are both maximized and minimized, and then no training "
            "job is the best: give all the same Type"
        )
    if (
        config.get("TuningJobCompletionCriteria", {})
        .get("ConvergenceDetected", {})
        .get("CompleteOnConvergence")
        == "Enabled"
    ):
        yield "ConvergenceDetected is not offered: use BestObjectiveNotImproving"
    yield from _counts(spec)
    if spec.strategy == "Hyperband":
        yield from _hyperband(spec)
    elif config.get("StrategyConfig"):
        yield f"StrategyConfig is for Strategy Hyperband, not for {spec.strategy}: leave it out"
    if spec.warm_start is not None and spec.strategy not in ("Bayesian", "Random"):
        yield f"WarmStartConfig is for Strategy Bayesian and Random, not for {spec.strategy}"
    if spec.warm_start is not None and len(spec.definitions) > 1:
        yield "WarmStartConfig is for tuning jobs with one definition of training jobs"


def _counts(spec: TuningSpec) -> Iterator[str]:
    total, parallel = spec.total, spec.max_parallel
    if spec.strategy == "Grid" and spec.max_jobs not in (None, total):
        yield (
            f"MaxNumberOfTrainingJobs is {spec.max_jobs}, and the grid has {total} combinations: "
            f"give {total}, or leave it out"
        )
    elif total is None and spec.max_runtime_seconds is None and spec.max_not_improving is None:
        yield (
            "nothing limits the tuning job: give MaxNumberOfTrainingJobs (or MaxRuntimeInSeconds, "
            "or BestObjectiveNotImproving)"
        )
    if total is not None and total > MOST_TRIALS:
        yield f"there would be {total} training jobs: at most {MOST_TRIALS} are offered"
    if parallel > MOST_PARALLEL:
        yield f"MaxParallelTrainingJobs is {parallel}: at most {MOST_PARALLEL} are offered"
    if total is not None and parallel > total:
        yield (
            f"MaxParallelTrainingJobs {parallel} is more than the {total} training jobs that there "
            f"are to be: give at most {total}"
        )


def _hyperband(spec: TuningSpec) -> Iterator[str]:
    if spec.stops_early:
        yield (
            "TrainingJobEarlyStoppingType Auto does not go with Strategy Hyperband, which stops "
            "bad choices itself: use Off"
        )
    for definition in spec.definitions:
        yield from _resource(spec, definition)


def _resource(spec: TuningSpec, definition: Definition) -> Iterator[str]:
    name = definition.resource
    if name is None:
        yield (
            "Strategy Hyperband gives training jobs more or less of a resource: put one of "
            f"{', '.join(RESOURCES)} into StaticHyperParameters, and no range for it"
        )
        return
    least, most, text = spec.least_resource, spec.most_resource, definition.static[name]
    if most is None:
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            yield f"{name}={text} is no number of rounds or epochs: give MaxResource"
            return
        most = int(text)
    if least > most:
        yield f"MinResource {least} is greater than MaxResource {most}: exchange them"
