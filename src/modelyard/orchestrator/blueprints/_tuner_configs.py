"""`tuner_configs`: arguments of the sagemaker SDK's HyperparameterTuner, as the API takes them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from modelyard.orchestrator.blueprints._base import Problem

CONFIGS = "tuner_configs"
RANGES = "hyperparamaters_ranges"  # spelt as the API spells it


@dataclass(frozen=True, kw_only=True)
class TunerConfigs:
    """Arguments that are right each for itself; defaults are the SDK's."""

    objective: str
    objective_type: str = "Maximize"
    strategy: str = "Bayesian"
    strategy_config: Mapping[str, Any] | None = None
    max_jobs: int | None = None
    max_parallel_jobs: int = 1
    max_runtime_in_seconds: int | None = None
    early_stopping_type: str = "Off"
    random_seed: int | None = None
    base_name: str = ""
    metric_definitions: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def of(cls, text: str, problems: list[Problem]) -> Self | None:
        """Return the arguments of a JSON object; None, and `problems`, where one is wrong."""
        found = _problems(text)
        problems += (Problem(attribute=CONFIGS, text=problem) for problem in found)
        if found:
            return None
        given = {name: value for name, value in json.loads(text).items() if value is not None}
        metrics = given.pop("metric_definitions", [])
        return cls(
            objective=given.pop("objective_metric_name"),
            base_name=given.pop("base_tuning_job_name", ""),
            metric_definitions=tuple(metrics),
            **given,
        )

    def request(self, ranges: Mapping[str, Any]) -> dict[str, Any]:
        """Return HyperParameterTuningJobConfig."""
        limits: dict[str, Any] = {"MaxParallelTrainingJobs": self.max_parallel_jobs}
        if self.max_jobs is not None or self.strategy != "Grid":
            limits["MaxNumberOfTrainingJobs"] = self.max_jobs or 1
        if self.max_runtime_in_seconds is not None:
            limits["MaxRuntimeInSeconds"] = self.max_runtime_in_seconds
        config: dict[str, Any] = {
            "Strategy": self.strategy,
            "HyperParameterTuningJobObjective": {
                "Type": self.objective_type,
                "MetricName": self.objective,
            },
            "ResourceLimits": limits,
            "ParameterRanges": ranges,
            "TrainingJobEarlyStoppingType": self.early_stopping_type,
        }
        if self.strategy_config is not None:
            config["StrategyConfig"] = self.strategy_config
        if self.random_seed is not None:
            config["RandomSeed"] = self.random_seed
        return config


def _problems(text: str) -> list[str]:
    given: Any = json.loads(text) if text else None
    if not isinstance(given, dict):
        return ['must be a JSON object, such as {"objective_metric_name": "validation:auc"}']
    found = []
    if given.get("objective_metric_name") is None:
        found.append("objective_metric_name is missing: the metric that counts")
    for name, value in given.items():
        rule = _RULES.get(name)
        if rule is None:
            near = difflib.get_close_matches(name, _RULES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_RULES)}"
            found.append(f"{name} is no argument that is offered: {hint}")
        elif value is not None and not rule[0](value):
            found.append(f"{name} {json.dumps(value)[:100]} must be {rule[1]}")
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_one_of(*words: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in words), f"one of {', '.join(words)}"


def _is_integer(least: int) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: type(value) is int and value >= least), f"an integer >= {least}"


def _are_definitions(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict)
        and entry.keys() == {"Name", "Regex"}
        and all(_is_text(part) for part in entry.values())
        for entry in value
    )


def _is_band(value: Any) -> bool:
    band = value.get("HyperbandStrategyConfig") if isinstance(value, dict) else None
    return (
        isinstance(band, dict)
        and len(value) == 1
        and band.keys() <= {"MinResource", "MaxResource"}
        and all(type(end) is int and end >= 1 for end in band.values())
    )


#: By argument: whether a value is right, and what it must be.
_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "objective_metric_name": (_is_text, "the name of a metric"),
    "metric_definitions": (_are_definitions, 'a list of {"Name": "…", "Regex": "…"}'),
    "strategy": _is_one_of("Bayesian", "Random", "Grid", "Hyperband"),
    "objective_type": _is_one_of("Maximize", "Minimize"),
    "max_jobs": _is_integer(1),
    "max_parallel_jobs": _is_integer(1),
    "base_tuning_job_name": (_is_text, "the beginning of a name"),
    "early_stopping_type": _is_one_of("Off", "Auto"),
    "strategy_config": (_is_band, 'as {"HyperbandStrategyConfig": {"MaxResource": 9}}'),
    "max_runtime_in_seconds": _is_integer(120),
    "random_seed": _is_integer(0),
}
