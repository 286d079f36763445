"""RegisterModelFrom: a version made from an MLflow run's model, or from a model file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.registry.references import members_of_group
from modelyard.registry.registration import Registration
from modelyard.registry.sources import Found, Memory, find
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.objects import ObjectStores

_METADATA_VALUE = 256  # characters that the API allows
_XGBOOST = ("ubjson", "json", "archive")


def no_memory() -> Path:
    """Refuse to work with a model that is under a key.

    Raises:
        RuntimeUnavailableError: always.
    """
    raise RuntimeUnavailableError("models that are under a key are not repacked here")


class SourceOperations:
    """What registers models from elsewhere.

    Args:
        default_image: the URI of the image that serves XGBoost's models.
        keys_of: gives the keys that act for who calls; models are read and written with them.
        memory: gives the folder where a model that is under a key is worked with.
    """

    def __init__(
        self,
        objects: ObjectStores,
        registration: Registration,
        *,
        default_image: Callable[[str], str],
        keys_of: Callable[[Context], DataKeys] = lambda _context: NoKeys(),
        memory: Memory = no_memory,
    ) -> None:
        self._objects = objects
        self._registration = registration
        self._default_image = default_image
        self._keys_of = keys_of
        self._memory = memory

    @operation("modelyard", "RegisterModelFrom", on=members_of_group)
    def register_model_from(self, context: Context, request: Request) -> Response:
        objects = self._objects.of(context.account).acting(self._keys_of(context))
        found = find(objects, request["SourceUri"], self._memory)
        version = self._registration.register(
            context, self._package(context, request, found), source=found.told
        )
        artifact = version.observed["Artifacts"][0]
        return {
            "ModelPackageArn": version.arn,
            "ModelDataUrl": artifact["Url"],
            "Sha256": artifact["Sha256"],
        }

    def _package(self, context: Context, request: Request, found: Found) -> dict[str, Any]:
        image = request.get("Image")
        if image is None:
            if found.format not in _XGBOOST:
                raise ValidationError(
                    f"Image is missing: {request['SourceUri']} is {found.format}, so say which "
                    "image serves it"
                )
            image = self._default_image(context.region)
        package: dict[str, Any] = {
            "ModelPackageGroupName": request["ModelPackageGroupName"],
            "InferenceSpecification": {
                "Containers": [{"Image": image, "ModelDataUrl": found.url}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "SourceUri": request["SourceUri"],
        }
        for member, name in (
            ("Description", "ModelPackageDescription"),
            ("ClientToken", "ClientToken"),
            ("Tags", "Tags"),
        ):
            if member in request:
                package[name] = request[member]
        if "ModelQualityStatisticsS3Uri" in request:
            report = {
                "ContentType": "application/json",
                "S3Uri": request["ModelQualityStatisticsS3Uri"],
            }
            package["ModelMetrics"] = {"ModelQuality": {"Statistics": report}}
        metadata = _metadata(request, found)
        if metadata:
            package["CustomerMetadataProperties"] = metadata
        return package


def _metadata(request: Request, found: Found) -> dict[str, str]:
    """Return what a person may want to find the version by."""
    run = request.get("RunId", found.told.get("RunId"))
    metadata = {f"metric.{name}": value for name, value in request.get("Metrics", {}).items()}
    if run is not None:
        metadata["run_id"] = run
    if "Flavor" in found.told:
        metadata["flavor"] = found.told["Flavor"]
    return {key: str(value)[:_METADATA_VALUE] for key, value in metadata.items()}
