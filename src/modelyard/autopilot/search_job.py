"""The training job that an Autopilot job has made: its name, its request, its row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from modelyard.autopilot.spec import AutopilotSpec, Channel
from modelyard.operations.context import Context
from modelyard.store.resources import Json, Resource, Store

KIND = "training-job"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
#: That also serves what the search finds.
IMAGE = "modelyard/autopilot:1"
#: Whose training job it is, in its observed state.
MARK = "autopilot"
_INSTANCE_TYPE = "ml.m5.large"
_VOLUME_GIB = 30
_LONGEST_SECONDS = 28 * 86_400
#: For reading, explaining and writing, beside the search, whose end the search itself knows.
_BESIDE_SECONDS = 3_600
_PARQUET = "application/x-parquet"


class TrainingDesk(Protocol):
    """What an Autopilot job needs of training, which lives on its own floor."""

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


@dataclass(frozen=True, kw_only=True)
class SearchJob:
    """The training job, as its row was read."""

    name: str
    arn: str
    status: str
    failure_reason: str | None
    model: str | None  # where the candidates' archives are: an S3 prefix that ends in a slash

    @property
    def has_ended(self) -> bool:
        return self.status in ("Completed", "Failed", "Stopped")


def job_name(autopilot_job: Resource) -> str:
    """Return the training job's name, the same each time, and no other job's.

    What stands between the job's name and the digits is what SageMaker's own jobs have there, and
    what rules on their events look for.
    """
    digits = hashlib.sha256(autopilot_job.observed["identity"].encode()).hexdigest()[:8]
    return f"{autopilot_job.name}-dpp0-{digits}"


def find(store: Store, autopilot_job: Resource) -> SearchJob | None:
    """Return the training job, None before it is made. Blocking."""
    with store.read() as snapshot:
        job = snapshot.find(autopilot_job.scope, KIND, job_name(autopilot_job))
    if job is None or job.observed.get(MARK, {}).get("arn") != autopilot_job.arn:
        return None
    return SearchJob(
        name=job.name,
        arn=job.arn,
        status=job.status,
        failure_reason=job.observed.get("failure_reason"),
        model=job.observed.get("model"),
    )


def request_of(
    spec: AutopilotSpec, *, name: str, deadline: float | None, tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return the CreateTrainingJob request.

    Args:
        deadline: of the search, in seconds since the epoch.
    """
    security = spec.security
    output = {
        "S3OutputPath": f"{spec.output['S3OutputPath'].rstrip('/')}/{spec.name}",
        # Each candidate is an archive of its own.
        "CompressionType": "NONE",
    }
    resources: dict[str, Any] = {
        "InstanceType": _INSTANCE_TYPE,
        "InstanceCount": 1,
        "VolumeSizeInGB": _VOLUME_GIB,
    }
    if spec.output.get("KmsKeyId"):
        output["KmsKeyId"] = spec.output["KmsKeyId"]
    if security.get("VolumeKmsKeyId"):
        resources["VolumeKmsKeyId"] = security["VolumeKmsKeyId"]
    runtime = spec.max_runtime_seconds
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters_of(spec, deadline),
        "RoleArn": spec.role,
        "InputDataConfig": _inputs(spec),
        "OutputDataConfig": output,
        "ResourceConfig": resources,
        "StoppingCondition": {
            "MaxRuntimeInSeconds": min(
                _LONGEST_SECONDS, (runtime or _LONGEST_SECONDS) + _BESIDE_SECONDS
            )
        },
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": security.get(
            "EnableInterContainerTrafficEncryption", False
        ),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if "VpcConfig" in security:
        request["VpcConfig"] = security["VpcConfig"]
    return request


def hyperparameters_of(spec: AutopilotSpec, deadline: float | None) -> dict[str, str]:
    """Return what the image is told."""
    given: dict[str, Any] = {
        "target": spec.target,
        "problem_type": spec.problem_type,
        "objective": spec.objective,
        "max_candidates": spec.max_candidates,
        "deadline": deadline,
        "max_seconds_per_candidate": spec.criteria.get("MaxRuntimePerTrainingJobInSeconds"),
        "algorithms": ",".join(spec.algorithms),
        "definitions_only": "true" if spec.definitions_only else "false",
        "validation_fraction": spec.validation_fraction,
        "sample_weight": spec.sample_weight,
        "candidate_prefix": spec.name,
        "data_uri": spec.training.source["S3Uri"],
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def _inputs(spec: AutopilotSpec) -> list[dict[str, Any]]:
    names = {"training": "train", "validation": "validation"}
    found = [_input(names[channel.kind], channel) for channel in spec.channels]
    if spec.specification is not None:
        source = {"S3DataType": "S3Prefix", "S3Uri": spec.specification}
        found.append(
            {
                "ChannelName": "specification",
                "ContentType": "application/json",
                "DataSource": {"S3DataSource": source},
            }
        )
    return found


def _input(name: str, channel: Channel) -> dict[str, Any]:
    is_parquet = "parquet" in channel.content_type.lower()
    return {
        "ChannelName": name,
        "ContentType": _PARQUET if is_parquet else "text/csv",
        "CompressionType": channel.compression,
        "DataSource": {
            "S3DataSource": {"S3DataDistributionType": "FullyReplicated", **channel.source}
        },
    }
