"""What a training job asks for, as values: read from the request that created it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from modelyard.compute.instance_types import InstanceType, instance_type
from modelyard.compute.job_files import BASE
from modelyard.jobs.placement import hosts_of
from modelyard.jobs.staging import Source
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.s3_uris import S3Uri

DEFAULT_MAX_RUNTIME_SECONDS = 86_400
DEFAULT_CHECKPOINT_PATH = f"{BASE}/checkpoints"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One named input."""

    name: str
    source: Source
    piped: bool  # whether it is read as a stream
    wrapped: bool  # whether each object becomes a RecordIO record of the stream
    request: Mapping[str, Any]  # as it was given

    @classmethod
    def of(cls, request: Mapping[str, Any], input_mode: str = "File") -> Self:
        """Return a channel of a request.

        Args:
            input_mode: of the job; a channel may have another.
        """
        source = request["DataSource"]["S3DataSource"]
        return cls(
            name=request["ChannelName"],
            source=Source(
                label=f"channel {request['ChannelName']!r}",
                uri=S3Uri.parse(source["S3Uri"]),
                data_type=source["S3DataType"],
                sharded=source.get("S3DataDistributionType") == "ShardedByS3Key",
                gzipped=request.get("CompressionType") == "Gzip",
                shuffle_seed=request.get("ShuffleConfig", {}).get("Seed"),
                attributes=source.get("AttributeNames", ()),
            ),
            piped=request.get("InputMode", input_mode) == "Pipe",
            wrapped=request.get("RecordWrapperType") == "RecordIO",
            request=request,
        )


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where checkpoints are kept, and the folder of the job that they are kept of."""

    uri: S3Uri
    folder: str  # below /opt/ml

    @classmethod
    def of(cls, request: Mapping[str, Any] | None) -> Self | None:
        if request is None:
            return None
        return cls(uri=S3Uri.parse(request["S3Uri"]), folder=checkpoint_folder(request))


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """A training job's request, known to be one that is offered (`checks.problems_of`)."""

    name: str
    image: str
    entrypoint: Sequence[str]
    arguments: Sequence[str]
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str]
    channels: Sequence[Channel]
    output: S3Uri
    output_key: str  # what the results are encrypted under; empty: as their bucket says
    volume_key: str  # of the job's volume, which then is in memory
    compressed: bool  # whether the results become archives
    instance_type: InstanceType
    instance_count: int
    volume_gib: int
    network: bool
    checkpoints: Checkpoints | None
    checkpoint_folder: str  # below /opt/ml; also where nothing is kept of it
    metric_definitions: Sequence[tuple[str, str]]
    max_runtime_seconds: int
    max_wait_seconds: int | None  # from creation on; spot jobs only
    max_pending_seconds: int | None
    spot: bool  # whether it may be preempted
    retries: int  # after failures of the server's
    keeps_warm: bool  # whether a warm pool is asked for

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        """Return the values of a CreateTrainingJob request that was checked."""
        algorithm = request["AlgorithmSpecification"]
        resources = request["ResourceConfig"]
        output = request["OutputDataConfig"]
        stopping = request["StoppingCondition"]
        checkpoint = request.get("CheckpointConfig")
        return cls(
            name=request["TrainingJobName"],
            image=algorithm["TrainingImage"],
            entrypoint=algorithm.get("ContainerEntrypoint", ()),
            arguments=algorithm.get("ContainerArguments", ()),
            hyperparameters=request.get("HyperParameters", {}),
            environment=request.get("Environment", {}),
            channels=[
                Channel.of(channel, algorithm["TrainingInputMode"])
                for channel in request.get("InputDataConfig", ())
            ],
            output=S3Uri.parse(output["S3OutputPath"]),
            output_key=output.get("KmsKeyId", ""),
            volume_key=resources.get("VolumeKmsKeyId", ""),
            compressed=output.get("CompressionType", "GZIP") == "GZIP",
            instance_type=instance_type(resources["InstanceType"]),
            instance_count=resources["InstanceCount"],
            volume_gib=resources.get("VolumeSizeInGB", 1),
            network=not request.get("EnableNetworkIsolation", False),
            checkpoints=Checkpoints.of(checkpoint),
            checkpoint_folder=checkpoint_folder(checkpoint or {}),
            metric_definitions=[
                (metric["Name"], metric["Regex"])
                for metric in algorithm.get("MetricDefinitions", ())
            ],
            max_runtime_seconds=stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS),
            max_wait_seconds=stopping.get("MaxWaitTimeInSeconds"),
            max_pending_seconds=stopping.get("MaxPendingTimeInSeconds"),
            spot=request.get("EnableManagedSpotTraining", False),
            keeps_warm=bool(resources.get("KeepAlivePeriodInSeconds")),
            retries=request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0),
        )

    @property
    def hosts(self) -> list[str]:
        """The job's hosts: algo-1, algo-2, …"""
        return hosts_of(self.instance_count)

    @property
    def submitted(self) -> S3Uri | None:
        """The archive of the user's code, in script mode; None where it is no object."""
        if not self.hyperparameters.get("sagemaker_program"):
            return None
        # Script mode's hyperparameters are JSON.
        text = self.hyperparameters.get("sagemaker_submit_directory", "").strip('"')
        return S3Uri.parse(text) if text.startswith("s3://") else None

    @property
    def encryption(self) -> Encryption | None:
        """How the results are encrypted; None: as their bucket says."""
        return Encryption(mode="aws:kms", key=self.output_key) if self.output_key else None

    @property
    def results(self) -> S3Uri:
        """Where the job's results go."""
        return self.output.child(self.name, "output")


def checkpoint_folder(request: Mapping[str, Any]) -> str:
    """Return the folder below /opt/ml that a CheckpointConfig's LocalPath means."""
    path = str(request.get("LocalPath", DEFAULT_CHECKPOINT_PATH))
    return path.rstrip("/").removeprefix(f"{BASE}/")
