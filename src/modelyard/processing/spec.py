"""What a processing job asks for, as values: read from the request that created it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from modelyard.compute.instance_types import InstanceType, instance_type
from modelyard.compute.job_files import BASE
from modelyard.jobs.placement import hosts_of
from modelyard.jobs.staging import Source
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.s3_uris import S3Uri

FOLDER = f"{BASE}/processing"
DEFAULT_MAX_RUNTIME_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Input:
    """One named input, and where the program finds it."""

    name: str
    folder: str  # below /opt/ml
    source: Source

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        s3 = request["S3Input"]
        return cls(
            name=request["InputName"],
            folder=below_base(s3["LocalPath"]),
            source=Source(
                label=f"input {request['InputName']!r}",
                uri=S3Uri.parse(s3["S3Uri"]),
                data_type=s3["S3DataType"],
                sharded=s3.get("S3DataDistributionType") == "ShardedByS3Key",
                gzipped=s3.get("S3CompressionType") == "Gzip",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Output:
    """One named output, and where the program leaves it."""

    name: str
    folder: str  # below /opt/ml
    uri: S3Uri
    continuous: bool  # uploaded while the job runs, not only at its end

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        s3 = request["S3Output"]
        return cls(
            name=request["OutputName"],
            folder=below_base(s3["LocalPath"]),
            uri=S3Uri.parse(s3["S3Uri"]),
            continuous=s3["S3UploadMode"] == "Continuous",
        )


@dataclass(frozen=True, kw_only=True)
class ProcessingSpec:
    """A processing job's request, known to be one that is offered (`checks.problems_of`)."""

    image: str
    entrypoint: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    inputs: Sequence[Input]
    outputs: Sequence[Output]
    output_key: str  # what the outputs are encrypted under; empty: as their bucket says
    volume_key: str  # of the job's volume, which then is in memory
    instance_type: InstanceType
    instance_count: int
    volume_gib: int
    network: bool
    max_runtime_seconds: int

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        """Return the values of a CreateProcessingJob request that was checked."""
        program = request["AppSpecification"]
        cluster = request["ProcessingResources"]["ClusterConfig"]
        output = request.get("ProcessingOutputConfig", {})
        return cls(
            image=program["ImageUri"],
            entrypoint=program.get("ContainerEntrypoint", ()),
            arguments=program.get("ContainerArguments", ()),
            environment=request.get("Environment", {}),
            inputs=[Input.of(given) for given in request.get("ProcessingInputs", ())],
            outputs=[Output.of(given) for given in output.get("Outputs", ())],
            output_key=output.get("KmsKeyId", ""),
            volume_key=cluster.get("VolumeKmsKeyId", ""),
            instance_type=instance_type(cluster["InstanceType"]),
            instance_count=cluster["InstanceCount"],
            volume_gib=cluster["VolumeSizeInGB"],
            network=not request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
            max_runtime_seconds=request.get("StoppingCondition", {}).get(
                "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS
            ),
        )

    @property
    def encryption(self) -> Encryption | None:
        """How the outputs are encrypted; None: as their buckets say."""
        return Encryption(mode="aws:kms", key=self.output_key) if self.output_key else None

    @property
    def hosts(self) -> list[str]:
        """The job's hosts: algo-1, algo-2, …"""
        return hosts_of(self.instance_count)


def below_base(path: str) -> str:
    """Return what of a container's path lies below /opt/ml.

    Raises:
        ValueError: it is no folder below /opt/ml/processing.
    """
    whole = posixpath.normpath(path)
    if not path.startswith("/") or not whole.startswith(f"{FOLDER}/") or "\0" in path:
        raise ValueError(f"{path!r} is no folder below {FOLDER}: use one such as {FOLDER}/data")
    return whole.removeprefix(f"{BASE}/")
