"""How a trial is shown: HyperParameterTrainingJobSummary, also as a tuning job's row keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from modelyard import clock
from modelyard.tuning.spec import TuningSpec
from modelyard.tuning.trial import Trial

_TIMES = ("CreationTime", "TrainingStartTime", "TrainingEndTime")


def summary_of(trial: Trial, spec: TuningSpec) -> dict[str, Any]:
    """Return a trial's summary; what is not known yet is left out."""
    definition = spec.definitions[trial.choice.definition]
    tuned = dict(trial.choice.tuned)
    if trial.choice.resource is not None and definition.resource is not None:
        tuned[definition.resource] = str(trial.choice.resource)
    found: dict[str, Any] = {
        "TrainingJobDefinitionName": definition.name,
        "TrainingJobName": trial.job_name,
        "TrainingJobArn": trial.job_arn,
        "TuningJobName": spec.name,
        "CreationTime": trial.created_at,
        "TrainingStartTime": trial.started_at,
        "TrainingEndTime": trial.ended_at,
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": tuned,
        "FailureReason": trial.failure_reason,
        "ObjectiveStatus": trial.objective_status,
    }
    if trial.value is not None:
        found["FinalHyperParameterTuningJobObjectiveMetric"] = {
            "Type": "Maximize" if definition.objective.maximize else "Minimize",
            "MetricName": definition.objective.metric,
            "Value": trial.value,
        }
    return {name: value for name, value in found.items() if value is not None}


def kept(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary as a row keeps it: times are microseconds since the epoch."""
    return {
        name: clock.to_micros(value) if isinstance(value, datetime) else value
        for name, value in summary.items()
    }


def shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary that `kept` returned as it was."""
    return {
        name: clock.from_micros(value) if name in _TIMES else value for name, value in found.items()
    }
