"""What a transform job asks for, as values: read from the request that created it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from modelyard.batch.plan import Plan
from modelyard.compute.instance_types import InstanceType, instance_type
from modelyard.jobs.placement import hosts_of
from modelyard.jobs.staging import Source
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.s3_uris import S3Uri

#: How long a job may run; the API has no member for it.
MAX_RUNTIME_SECONDS = 5 * 86_400
#: The volume of an instance; the API has no member for it either.
VOLUME_GIB = 500


@dataclass(frozen=True, kw_only=True)
class Capture:
    """Where it is written down what was transformed."""

    uri: S3Uri
    key: str  # empty: as the bucket says
    gives_ids: bool  # whether each output record is to bear an inference id

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        return cls(
            uri=S3Uri.parse(request["DestinationS3Uri"]),
            key=request.get("KmsKeyId", ""),
            gives_ids=bool(request.get("GenerateInferenceId")),
        )


@dataclass(frozen=True, kw_only=True)
class TransformSpec:
    """A transform job's request, known to be one that is offered (`checks.problems_of`)."""

    source: Source
    plan: Plan
    output: S3Uri
    output_key: str  # what the outputs are encrypted under; empty: as their bucket says
    volume_key: str  # of the job's volume, which then is in memory
    capture: Capture | None
    environment: Mapping[str, str]
    instance_type: InstanceType
    instance_count: int

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        """Return the values of a CreateTransformJob request that was checked."""
        output, resources = request["TransformOutput"], request["TransformResources"]
        capture = request.get("DataCaptureConfig")
        return cls(
            source=_source(request),
            plan=plan_of(request),
            output=S3Uri.parse(output["S3OutputPath"]),
            output_key=output.get("KmsKeyId", ""),
            volume_key=resources.get("VolumeKmsKeyId", ""),
            capture=None if capture is None else Capture.of(capture),
            environment=request.get("Environment", {}),
            instance_type=instance_type(resources["InstanceType"]),
            instance_count=resources["InstanceCount"],
        )

    @property
    def hosts(self) -> list[str]:
        """The job's hosts: algo-1, algo-2, …"""
        return hosts_of(self.instance_count)

    @property
    def keys(self) -> list[str]:
        """The encryption keys that the job names."""
        capture = "" if self.capture is None else self.capture.key
        return [key for key in (self.volume_key, self.output_key, capture) if key]


def encryption_under(key: str) -> Encryption | None:
    """Return how to encrypt under a key; None: as the bucket says."""
    return Encryption(mode="aws:kms", key=key) if key else None


def plan_of(request: Mapping[str, Any]) -> Plan:
    """Return what a request asks of the job's program; who serves is the image's to say."""
    given, output = request["TransformInput"], request["TransformOutput"]
    processing = request.get("DataProcessing", {})
    client = request.get("ModelClientConfig", {})
    content_type = given.get("ContentType", "")
    gives_ids = bool(request.get("DataCaptureConfig", {}).get("GenerateInferenceId"))
    processed = processing.get("OutputFilter", "$") != "$" or _joins(processing) or gives_ids
    return Plan(
        content_type=content_type,
        # What is looked into must be of a known form, so the model is asked for it.
        accept=output.get("Accept", content_type if processed else ""),
        split=given.get("SplitType", "None"),
        strategy=request.get("BatchStrategy"),
        assembly=output.get("AssembleWith", "None"),
        max_payload_mib=request.get("MaxPayloadInMB"),
        concurrency=request.get("MaxConcurrentTransforms") or None,
        gzipped=given.get("CompressionType") == "Gzip",
        input_filter=processing.get("InputFilter", "$"),
        output_filter=processing.get("OutputFilter", "$"),
        join_input=_joins(processing),
        invocation_seconds=client.get("InvocationsTimeoutInSeconds", Plan.invocation_seconds),
        invocation_retries=client.get("InvocationsMaxRetries", Plan.invocation_retries),
    )


def _joins(processing: Mapping[str, Any]) -> bool:
    return bool(processing.get("JoinSource", "None") == "Input")


def _source(request: Mapping[str, Any]) -> Source:
    s3 = request["TransformInput"]["DataSource"]["S3DataSource"]
    return Source(
        label="TransformInput",
        uri=S3Uri.parse(s3["S3Uri"]),
        data_type=s3["S3DataType"],
        sharded=True,  # each object is transformed once, by one of the hosts
    )
