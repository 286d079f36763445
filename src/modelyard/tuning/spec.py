"""What a tuning job asks for, as values: read from the request that created it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from modelyard.tuning.ranges import Range, ranges_of
from modelyard.tuning.strategies import grid_size

#: The hyperparameters that say how long a job trains, in the order in which they are looked for.
RESOURCES = ("num_round", "epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is to be made as large, or as small, as it can be."""

    metric: str
    maximize: bool

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        return cls(metric=request["MetricName"], maximize=request["Type"] == "Maximize")

    def turned(self, value: float) -> float:
        """Return a value of the metric so that more is better; or such a one as the metric's."""
        return value if self.maximize else -value


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One definition of training jobs."""

    index: int
    name: str | None
    objective: Objective
    ranges: Sequence[Range]
    static: Mapping[str, str]
    request: Mapping[str, Any]  # as it was given

    @property
    def image(self) -> str:
        return str(self.request["AlgorithmSpecification"]["TrainingImage"])

    @property
    def resource(self) -> str | None:
        """The hyperparameter that says how long it trains; None: there is none."""
        return next((name for name in RESOURCES if name in self.static), None)


@dataclass(frozen=True, kw_only=True)
class WarmStart:
    """The tuning jobs whose trials are known from the beginning."""

    parents: Sequence[str]
    transfers: bool  # whether their data or algorithm is another one


@dataclass(frozen=True, kw_only=True)
class TuningSpec:
    """A tuning job's request, known to be one that is offered (`checks.problems_of`)."""

    name: str
    strategy: str
    definitions: Sequence[Definition]
    max_jobs: int | None
    max_parallel: int
    max_runtime_seconds: int | None
    stops_early: bool
    target: float | None
    max_not_improving: int | None
    seed: int | None
    least_resource: int
    most_resource: int | None
    warm_start: WarmStart | None

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        """Return the values of a CreateHyperParameterTuningJob request that was checked."""
        config = request["HyperParameterTuningJobConfig"]
        limits = config["ResourceLimits"]
        criteria = config.get("TuningJobCompletionCriteria", {})
        band = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
        return cls(
            name=request["HyperParameterTuningJobName"],
            strategy=config["Strategy"],
            definitions=definitions_of(request),
            max_jobs=limits.get("MaxNumberOfTrainingJobs"),
            max_parallel=limits["MaxParallelTrainingJobs"],
            max_runtime_seconds=limits.get("MaxRuntimeInSeconds"),
            stops_early=config.get("TrainingJobEarlyStoppingType") == "Auto",
            target=criteria.get("TargetObjectiveMetricValue"),
            max_not_improving=criteria.get("BestObjectiveNotImproving", {}).get(
                "MaxNumberOfTrainingJobsNotImproving"
            ),
            seed=config.get("RandomSeed"),
            least_resource=band.get("MinResource", 1),
            most_resource=band.get("MaxResource"),
            warm_start=_warm_start(request.get("WarmStartConfig")),
        )

    @property
    def objective(self) -> Objective:
        """The objective; of several definitions the first one's, whose direction all have."""
        return self.definitions[0].objective

    @property
    def total(self) -> int | None:
        """How many trials there are to be; None: until another limit is reached."""
        if self.strategy == "Grid":
            return sum(grid_size(definition.ranges) for definition in self.definitions)
        return self.max_jobs

    def most_of(self, definition: Definition) -> int:
        """Return the most of its resource that one trial of Hyperband's may use."""
        if self.most_resource is not None:
            return self.most_resource
        return int(definition.static[definition.resource or ""])


def definitions_of(request: Mapping[str, Any]) -> list[Definition]:
    """Return the definitions of a request whose ranges were checked."""
    config = request["HyperParameterTuningJobConfig"]
    return [
        Definition(
            index=index,
            name=given.get("DefinitionName"),
            objective=Objective.of(
                given.get("TuningObjective") or config["HyperParameterTuningJobObjective"]
            ),
            ranges=ranges_of(given.get("HyperParameterRanges") or config.get("ParameterRanges")),
            static=given.get("StaticHyperParameters", {}),
            request=given,
        )
        for index, given in enumerate(given_definitions(request))
    ]


def given_definitions(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the definitions of training jobs as they were given: one, or a list of them."""
    if "TrainingJobDefinition" in request:
        return [request["TrainingJobDefinition"]]
    found: Sequence[Mapping[str, Any]] = request.get("TrainingJobDefinitions", ())
    return found


def _warm_start(given: Mapping[str, Any] | None) -> WarmStart | None:
    if given is None:
        return None
    return WarmStart(
        parents=[
            parent.get("HyperParameterTuningJobName", "")
            for parent in given["ParentHyperParameterTuningJobs"]
        ],
        transfers=given["WarmStartType"] == "TransferLearning",
    )
