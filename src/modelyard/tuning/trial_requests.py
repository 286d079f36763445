"""The training job of a trial: its name, and the request that creates it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from modelyard.tuning.spec import Definition
from modelyard.tuning.trial import Choice

#: The hyperparameter that tells an algorithm which of its metrics is waited for.
OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
#: Members of a definition that a training job has by the same name.
_REPEATED = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "Environment",
    "RetryStrategy",
)
_RESOURCES = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


def job_name(tuning_job: str, study: str, choice: Choice) -> str:
    """Return `<tuning job>-<number from 001 on>-<8 hexadecimal digits>`.

    The same trial has the same name each time it is asked for, and no other tuning job's has, also
    not that of a later one of the same name: so a trial that was created just ahead of a crash is
    found again, and never created twice.

    Args:
        study: an id of the tuning job's own.
    """
    text = f"{study}/{choice.number}"
    digits = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{tuning_job}-{choice.number + 1:03d}-{digits}"


def request_of(
    definition: Definition,
    choice: Choice,
    *,
    name: str,
    folder: str,
    tells_objective: bool,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return a CreateTrainingJob request.

    Args:
        folder: below the definition's place for checkpoints, where this choice's are.
        tells_objective: whether the algorithm is told what its objective is.
    """
    given = definition.request
    request = {member: given[member] for member in _REPEATED if member in given}
    request |= {
        "TrainingJobName": name,
        "AlgorithmSpecification": dict(given["AlgorithmSpecification"]),
        "HyperParameters": hyperparameters_of(definition, choice, tells_objective),
        "ResourceConfig": resources_of(given),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if "CheckpointConfig" in given:
        uri = given["CheckpointConfig"]["S3Uri"].rstrip("/")
        request["CheckpointConfig"] = {**given["CheckpointConfig"], "S3Uri": f"{uri}/{folder}"}
    return request


def hyperparameters_of(
    definition: Definition, choice: Choice, tells_objective: bool
) -> dict[str, str]:
    """Return all hyperparameters of a trial."""
    found = {**definition.static, **choice.tuned}
    if choice.resource is not None and definition.resource is not None:
        found[definition.resource] = str(choice.resource)
    if tells_objective:
        found[OBJECTIVE_HYPERPARAMETER] = definition.objective.metric
    return found


def resources_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition's ResourceConfig, whichever of its two forms it is given in.

    Of several instance types the first is used, which is the one that is wanted the most.
    """
    if "ResourceConfig" in given:
        return dict(given["ResourceConfig"])
    config = given.get("HyperParameterTuningResourceConfig", {})
    found = {member: config[member] for member in _RESOURCES if member in config}
    if config.get("InstanceConfigs"):
        found |= config["InstanceConfigs"][0]
    return found
