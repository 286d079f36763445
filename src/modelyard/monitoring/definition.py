"""What an execution does, whichever way it was written: a job definition, or within a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from modelyard.monitoring.types import TYPES, MonitorType
from modelyard.store.resources import Json


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A monitor's job, as values; an execution's row keeps it as JSON."""

    type: MonitorType
    name: str | None  # of the job definition; None: it stands within the schedule
    baseline: Json = field(default_factory=dict)  # ConstraintsResource, StatisticsResource
    app: Json  # ImageUri, …
    endpoint_input: Json | None
    batch_input: Json | None
    ground_truth: str | None  # an S3 URI
    output: Json  # an S3Output
    key: str  # of the outputs; empty: as their bucket says
    cluster: Json
    network: Json | None
    role: str
    max_runtime_seconds: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def input(self) -> Json:
        """The members that both kinds of input have."""
        return self.endpoint_input or self.batch_input or {}

    @property
    def endpoint(self) -> str | None:
        """The name of the endpoint that is watched."""
        return None if self.endpoint_input is None else str(self.endpoint_input["EndpointName"])

    @classmethod
    def of_request(cls, type_: MonitorType, request: Json) -> Self:
        """Return what a Create…JobDefinition request says."""
        given = request[type_.member("JobInput")]
        app = request[type_.member("AppSpecification")]
        outputs = request[type_.member("JobOutputConfig")]
        return cls(
            type=type_,
            name=request["JobDefinitionName"],
            baseline=request.get(type_.member("BaselineConfig"), {}),
            app=app,
            endpoint_input=given.get("EndpointInput"),
            batch_input=given.get("BatchTransformInput"),
            ground_truth=given.get("GroundTruthS3Input", {}).get("S3Uri"),
            output=outputs["MonitoringOutputs"][0]["S3Output"],
            key=outputs.get("KmsKeyId", ""),
            cluster=request["JobResources"]["ClusterConfig"],
            network=request.get("NetworkConfig"),
            role=request["RoleArn"],
            max_runtime_seconds=_max_runtime(type_, request),
            environment=app.get("Environment", {}),
        )

    @classmethod
    def of_inline(cls, type_: MonitorType, inline: Json) -> Self:
        """Return what a MonitoringJobDefinition within a schedule says."""
        given = inline["MonitoringInputs"][0]
        outputs = inline["MonitoringOutputConfig"]
        return cls(
            type=type_,
            name=None,
            baseline=inline.get("BaselineConfig", {}),
            app=inline["MonitoringAppSpecification"],
            endpoint_input=given.get("EndpointInput"),
            batch_input=given.get("BatchTransformInput"),
            ground_truth=None,
            output=outputs["MonitoringOutputs"][0]["S3Output"],
            key=outputs.get("KmsKeyId", ""),
            cluster=inline["MonitoringResources"]["ClusterConfig"],
            network=inline.get("NetworkConfig"),
            role=inline["RoleArn"],
            max_runtime_seconds=_max_runtime(type_, inline),
            environment=inline.get("Environment", {}),
        )

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "type": self.type.name}

    @classmethod
    def from_json(cls, kept: Json) -> Self:
        return cls(**{**kept, "type": TYPES[kept["type"]]})


def _max_runtime(type_: MonitorType, request: Json) -> int:
    given = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    return type_.hourly_runtime_seconds if given is None else int(given)
