"""Endpoint configurations: which models serve, with what weights, and what is captured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from modelyard.arns import sagemaker_arn
from modelyard.hosting.model_operations import KIND as MODEL_KIND
from modelyard.hosting.model_operations import find_model
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError, ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.errors import AlreadyExists
from modelyard.store.objects import ObjectStores, S3Uri
from modelyard.store.resources import Resource, Scope, Snapshot, Store

KIND = "endpoint-config"

#: Members of the request, and of its variants, that mean a way of serving that is not offered.
_NOT_OFFERED = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")
_VARIANT_NOT_OFFERED = ("ServerlessConfig", "AcceleratorType", "ManagedInstanceScaling")

InstanceTypeCheck = Callable[[str], object]


class EndpointConfigOperations:
    """Create, describe, list and delete endpoint configurations.

    Args:
        require_instance_type: raises ValueError, naming near matches, for an unknown type.
        key_problem: why a role could not use a key in a scope, in a sentence; None: it could.
    """

    def __init__(
        self,
        store: Store,
        objects: ObjectStores,
        *,
        require_instance_type: InstanceTypeCheck,
        key_problem: Callable[[Scope, str, str], str | None],
    ) -> None:
        self._store = store
        self._objects = objects
        self._require_instance_type = require_instance_type
        self._key_problem = key_problem

    @operation(
        "sagemaker", "CreateEndpointConfig", on=named("endpoint-config", "EndpointConfigName")
    )
    def create_endpoint_config(self, context: Context, request: Request) -> Response:
        name = request["EndpointConfigName"]
        arn = _arn(context, name)
        with self._store.write() as transaction:
            problems = self._problems(transaction, context, request)
            if problems:
                raise ValidationError.of(problems)
            try:
                transaction.create(
                    scope_of(context),
                    KIND,
                    name,
                    arn=arn,
                    spec=spec_of(request),
                    status="Created",
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ValidationError(
                    f'Cannot create already existing endpoint configuration "{arn}".'
                ) from error
        return {"EndpointConfigArn": arn}

    @operation(
        "sagemaker", "DescribeEndpointConfig", on=named("endpoint-config", "EndpointConfigName")
    )
    def describe_endpoint_config(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            config = find_endpoint_config(snapshot, context, request["EndpointConfigName"])
        return {
            **config.spec,
            "EndpointConfigArn": config.arn,
            "CreationTime": config.created_at,
        }

    @operation("sagemaker", "ListEndpointConfigs", on=every("endpoint-config"))
    def list_endpoint_configs(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            page = snapshot.list(scope_of(context), KIND, listing_of(request))
        return {
            "EndpointConfigs": [
                {
                    "EndpointConfigName": config.name,
                    "EndpointConfigArn": config.arn,
                    "CreationTime": config.created_at,
                }
                for config in page.items
            ],
            "NextToken": page.token,
        }

    @operation(
        "sagemaker", "DeleteEndpointConfig", on=named("endpoint-config", "EndpointConfigName")
    )
    def delete_endpoint_config(self, context: Context, request: Request) -> Response:
        # An endpoint keeps what it was deployed from, so its configuration may go ahead of it,
        # which is the order in which clients delete.
        with self._store.write() as transaction:
            transaction.delete(
                find_endpoint_config(transaction, context, request["EndpointConfigName"])
            )
        return {}

    def _problems(self, snapshot: Snapshot, context: Context, request: Request) -> list[str]:
        problems = [
            f"{member} is not offered yet: leave it out"
            for member in _NOT_OFFERED
            if request.get(member)
        ]
        variants = request["ProductionVariants"]
        for name, count in Counter(variant["VariantName"] for variant in variants).items():
            if count > 1:
                problems.append(f"VariantName {name!r} is given {count} times: names are unique")
        for variant in variants:
            problems += self._variant_problems(snapshot, context, variant)
        weights = [variant.get("InitialVariantWeight", 1.0) for variant in variants]
        if variants and sum(weights) <= 0:
            problems.append(
                "The variants' weights sum to 0, so no traffic could be sent: give one at least"
                " a weight above 0"
            )
        problems += self._key_problems(snapshot, context, request)
        return problems + self._capture_problems(context, request.get("DataCaptureConfig"))

    def _key_problems(self, snapshot: Snapshot, context: Context, request: Request) -> list[str]:
        """Return why the models' roles could not use the keys; they are who does."""
        capture = request.get("DataCaptureConfig") or {}
        keys = {
            "KmsKeyId": request.get("KmsKeyId"),
            "DataCaptureConfig.KmsKeyId": capture.get("KmsKeyId"),
        }
        problems = []
        for variant in request["ProductionVariants"]:
            model = snapshot.find(scope_of(context), MODEL_KIND, variant.get("ModelName", ""))
            role = None if model is None else model.spec.get("ExecutionRoleArn")
            for member, key in keys.items():
                if not key or model is None:
                    continue
                problem = (
                    f"model {model.name!r} has no ExecutionRoleArn, which would use the key"
                    if role is None
                    else self._key_problem(scope_of(context), role, key)
                )
                if problem is not None:
                    problems.append(f"{member}: {problem}")
        return list(dict.fromkeys(problems))

    def _variant_problems(
        self, snapshot: Snapshot, context: Context, variant: Request
    ) -> list[str]:
        where = f"Variant {variant['VariantName']!r}"
        problems = [
            f"{where}: {member} is not offered yet: leave it out"
            for member in _VARIANT_NOT_OFFERED
            if variant.get(member)
        ]
        if "ModelName" not in variant:
            problems.append(f"{where}: ModelName is missing (inference components are not offered)")
        else:
            try:
                find_model(snapshot, context, variant["ModelName"])
            except OperationError as error:
                problems.append(f"{where}: {error.message}")
        if "InstanceType" not in variant:
            problems.append(f"{where}: InstanceType is missing")
        else:
            try:
                self._require_instance_type(variant["InstanceType"])
            except ValueError as error:
                problems.append(f"{where}: {error}")
        return problems

    def _capture_problems(self, context: Context, capture: Request | None) -> list[str]:
        if capture is None:
            return []
        problems: list[str] = []
        try:
            uri = S3Uri.parse(capture["DestinationS3Uri"])
        except ValueError as error:
            return [*problems, f"DataCaptureConfig.DestinationS3Uri: {error}"]
        if not self._objects.of(context.account).has_bucket(uri.bucket):
            problems.append(
                f"DataCaptureConfig.DestinationS3Uri: there is no bucket {uri.bucket!r} in account"
                f" {context.account}: create it first"
            )
        return problems


def _arn(context: Context, name: str) -> str:
    return sagemaker_arn(account=context.account, region=context.region, kind=KIND, name=name)


def find_endpoint_config(snapshot: Snapshot, context: Context, name: str) -> Resource:
    """Return an endpoint configuration of the caller's account and region.

    Raises:
        ValidationError: there is none; clients' waiters expect this code and wording.
    """
    config = snapshot.find(scope_of(context), KIND, name)
    if config is None:
        raise ValidationError(f'Could not find endpoint configuration "{_arn(context, name)}".')
    return config
