"""botocore's service model as the schema: what a request must look like.

`botocore.validate.ParamValidator` leaves enum, pattern and maximum length unchecked, and words its
report for the client's side. This walks the same shapes and reports every violation at once.

What Modelyard offers beyond AWS is the service `modelyard`, described in the same form: one file
per area in `models/`, each with the `operations` and `shapes` of its own.

A service's model is read from disk when it is first asked for (SageMaker's takes a fifth of a
second); `Schema.warm` does that ahead of time, in a thread of its own.
"""

from __future__ import annotations

import difflib
import json
import threading
from collections.abc import Mapping
from importlib import resources
from typing import Any

import botocore.loaders
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel, StructureShape

from modelyard.operations import patterns
from modelyard.operations.conversion import converted
from modelyard.operations.errors import ValidationError
from modelyard.operations.validation import violations

OWN_SERVICE = "modelyard"


class Schema:
    """The models of all services, each loaded at its first use. Safe to use from any thread."""

    def __init__(self) -> None:
        self._loader = botocore.loaders.Loader()
        self._models: dict[str, ServiceModel | None] = {}
        self._operations: dict[tuple[str, str], OperationModel] = {}
        self._lock = threading.RLock()

    def warm(self, *services: str) -> threading.Thread:
        """Load the models of `services` in a background thread, and return it."""

        def load() -> None:
            for service in services:
                self._model(service)
            patterns.warm()

        thread = threading.Thread(target=load, name="schema-warm", daemon=True)
        thread.start()
        return thread

    def knows(self, service: str, name: str) -> bool:
        """Return whether the API has an operation `name`, offered here or not."""
        model = self._model(service)
        return model is not None and name in model.operation_names

    def similar(self, service: str, name: str) -> list[str]:
        """Return the names of the API's operations that `name` may have meant, best first."""
        model = self._model(service)
        names = [] if model is None else list(model.operation_names)
        return difflib.get_close_matches(name, names, n=3, cutoff=0.7)

    def validate(self, service: str, name: str, request: Mapping[str, Any]) -> None:
        """Check a request against the operation's input.

        Raises:
            ValidationError: it breaks the model; the message lists all violations.
            KeyError: there is no such operation.
        """
        problems = violations(self.input_shape(service, name), request)
        if problems:
            raise ValidationError.of(problems)

    def convert(self, service: str, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return a valid request with Python's own types, and without members that are null.

        Timestamps (epoch seconds, ISO 8601) become aware datetimes in UTC, blobs (base64) bytes,
        and whole numbers that arrived as `5.0` integers. What has these types already stays.

        Raises:
            KeyError: there is no such operation.
        """
        result = converted(self.input_shape(service, name), request)
        return dict(result)

    def service(self, service: str) -> ServiceModel:
        """Return the model of a service: its protocol, its names on the wire.

        Raises:
            KeyError: botocore knows no such service.
        """
        model = self._model(service)
        if model is None:
            raise KeyError(f"there is no service {service!r}")
        return model

    def operation(self, service: str, name: str) -> OperationModel:
        """Return the model of an operation.

        Raises:
            KeyError: there is no such operation.
        """
        with self._lock:
            found = self._operations.get((service, name))
            if found is None:
                if not self.knows(service, name):
                    raise KeyError(f"there is no operation {service}:{name}")
                found = self.service(service).operation_model(name)
                self._operations[service, name] = found
            return found

    def input_shape(self, service: str, name: str) -> StructureShape | None:
        """Return the shape of an operation's request, None where it takes no members.

        Raises:
            KeyError: there is no such operation.
        """
        return _structure(self.operation(service, name).input_shape)

    def output_shape(self, service: str, name: str) -> StructureShape | None:
        """Return the shape of an operation's response, None where it has no members.

        Raises:
            KeyError: there is no such operation.
        """
        return _structure(self.operation(service, name).output_shape)

    def _model(self, service: str) -> ServiceModel | None:
        with self._lock:
            if service not in self._models:
                self._models[service] = self._load(service)
            return self._models[service]

    def _load(self, service: str) -> ServiceModel | None:
        if service == OWN_SERVICE:
            return ServiceModel(_own_description(), service)
        try:
            description = self._loader.load_service_model(service, "service-2")
        except UnknownServiceError:
            return None
        return ServiceModel(description, service)


def _own_description() -> dict[str, Any]:
    """Return the service `modelyard` as botocore would find it, put together from its areas."""
    operations: dict[str, Any] = {}
    shapes: dict[str, Any] = {}
    areas = resources.files("modelyard.operations").joinpath("models")
    for area in sorted(areas.iterdir(), key=lambda file: file.name):
        part = json.loads(area.read_text())
        twice = (operations.keys() & part["operations"]) | (shapes.keys() & part["shapes"])
        if twice:
            raise ValueError(f"{area.name} describes again: {', '.join(sorted(twice))}")
        operations |= part["operations"]
        shapes |= part["shapes"]
    return {
        "metadata": {
            "apiVersion": "2026-11-21",
            "endpointPrefix": OWN_SERVICE,
            "jsonVersion": "1.1",
            "protocol": "json",
            "serviceFullName": "Modelyard",
            "serviceId": "Modelyard",
            "signatureVersion": "v4",
            "signingName": OWN_SERVICE,
            "targetPrefix": "Modelyard",
        },
        "operations": operations,
        "shapes": shapes,
    }


def _structure(shape: object) -> StructureShape | None:
    return shape if isinstance(shape, StructureShape) else None
