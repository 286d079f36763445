"""Where a draft's facts come from: the platform's own descriptions, asked on the caller's behalf.

One name leads to the rest: an endpoint to its model, a model to its registry version, either to
the training job that made its artifact. What is named must be there; what is only inferred may be
missing, or closed to the caller, and the draft then says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.governance.cards.drafting.registry import artifact_of, containers_of
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError, UnknownOperation, ValidationError
from modelyard.operations.table import OperationTable
from modelyard.store.errors import KeyUnusable, NotFound, ObjectTooLarge
from modelyard.store.objects import Objects, S3Uri

Description = Mapping[str, Any]

MAX_REPORT_BYTES = 8 * 1024 * 1024
_OUTPUT = "/output/model.tar.gz"


@dataclass(kw_only=True)
class Found:
    """What was described, and what could not be looked at."""

    training_job: Description | None = None
    package: Description | None = None
    model: Description | None = None
    endpoint: Description | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a draft is asked about; at least one is given."""

    training_job: str | None = None  # a name or an ARN
    package: str | None = None  # an ARN, or a group's name and a version: `group/3`
    model: str | None = None  # a name or an ARN
    endpoint: str | None = None


class Sources:
    """Looks for one caller."""

    def __init__(
        self, context: Context, table: OperationTable, objects_of: Callable[[Context], Objects]
    ) -> None:
        self._context = context
        self._table = table
        self._objects = objects_of(context)

    def find(self, named: Named) -> Found:
        """Return what is named, and what that leads to.

        Raises:
            OperationError: something that is named does not exist, or is closed to the caller.
        """
        found = Found()
        model = named.model
        if named.endpoint is not None:
            found.endpoint = self._call("DescribeEndpoint", EndpointName=named.endpoint)
            model = model or self._model_behind(found.endpoint)
        if model is not None:
            found.model = self._call("DescribeModel", ModelName=_last(model))
        package = named.package or _package_of(found.model)
        if package is not None:
            found.package = self._call("DescribeModelPackage", ModelPackageName=package)
        if named.training_job is not None:
            name = _last(named.training_job)
            found.training_job = self._call("DescribeTrainingJob", TrainingJobName=name)
        else:
            found.training_job = self._maker_of(found)
        return found

    def report(self, uri: str) -> bytes:
        """Return a report's bytes.

        Raises:
            ValueError: it cannot be read, or not by the caller.
        """
        place = S3Uri.parse(uri)
        resource = f"arn:aws:s3:::{place.bucket}/{place.key}"
        try:
            with self._table.guard(self._context, "s3:GetObject", resource, {"Key": place.key}):
                return self._objects.get(place, max_bytes=MAX_REPORT_BYTES)
        except (OperationError, NotFound, ObjectTooLarge, KeyUnusable) as error:
            raise ValueError(str(error)) from error

    def _model_behind(self, endpoint: Description) -> str | None:
        config = self._call(
            "DescribeEndpointConfig", EndpointConfigName=endpoint["EndpointConfigName"]
        )
        models = [variant.get("ModelName") for variant in config["ProductionVariants"]]
        return models[0] if models else None

    def _maker_of(self, found: Found) -> Description | None:
        """Return the training job whose artifact a registry version or a model has, if one did.

        A job puts its artifact at `<its S3OutputPath>/<its name>/output/model.tar.gz`.
        """
        artifacts = {
            url
            for description in (found.package, found.model)
            for container in containers_of(description or {})
            if (url := artifact_of(container)) and url.endswith(_OUTPUT)
        }
        for artifact in sorted(artifacts):
            name = artifact.removesuffix(_OUTPUT).rpartition("/")[2]
            try:
                job = self._call("DescribeTrainingJob", TrainingJobName=name)
            except OperationError as error:
                found.notes.append(f"Training job {name!r} could not be looked at: {error.message}")
                continue
            if job["ModelArtifacts"]["S3ModelArtifacts"] == artifact:
                return job
        return None

    def _call(self, name: str, **request: Any) -> Description:
        try:
            return self._table.call(self._context, "sagemaker", name, request)
        except UnknownOperation as error:
            raise ValidationError(
                f"A card cannot be drafted from {', '.join(map(str, request.values()))}: "
                f"{error.message}"
            ) from error


def _package_of(model: Description | None) -> str | None:
    for container in containers_of(model or {}):
        if container.get("ModelPackageName"):
            return str(container["ModelPackageName"])
    return None


def _last(named: str) -> str:
    """Return the name in an ARN, or the name itself."""
    return named.rpartition("/")[2] if named.startswith("arn:") else named
