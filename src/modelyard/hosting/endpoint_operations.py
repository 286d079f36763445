"""Endpoints: what can be asked of them. What then happens is `workflow.py`."""

from __future__ import annotations

from modelyard.arns import sagemaker_arn
from modelyard.hosting.endpoint_config_operations import find_endpoint_config
from modelyard.hosting.model_operations import artifact_of, container_of, find_model
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.errors import AlreadyExists, NotFound
from modelyard.store.resources import Json, Resource, Snapshot, Store
from modelyard.workflows.starter import WorkflowStarter

KIND = "endpoint"
WORKFLOW = "endpoint"

#: Where an endpoint can be updated or deleted from.
_SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")

_UPDATE_NOT_OFFERED = ("ExcludeRetainedVariantProperties",)


class EndpointOperations:
    """Create, describe, list, update and delete endpoints."""

    def __init__(self, store: Store, engine: WorkflowStarter) -> None:
        self._store = store
        self._engine = engine

    @operation("sagemaker", "CreateEndpoint", on=named("endpoint", "EndpointName"))
    def create_endpoint(self, context: Context, request: Request) -> Response:
        _refuse_deployment_policy(request)
        name = request["EndpointName"]
        arn = _arn(context, name)
        with self._store.write() as transaction:
            plan = plan_of(transaction, context, request["EndpointConfigName"])
            try:
                transaction.create(
                    scope_of(context),
                    KIND,
                    name,
                    arn=arn,
                    spec={"EndpointConfigName": request["EndpointConfigName"]},
                    status="Creating",
                    observed={"plan": plan},
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ValidationError(
                    f'Cannot create already existing endpoint "{arn}".'
                ) from error
            self._engine.start(transaction, WORKFLOW, arn)
        return {"EndpointArn": arn}

    @operation("sagemaker", "DescribeEndpoint", on=named("endpoint", "EndpointName"))
    def describe_endpoint(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            endpoint = find_endpoint(snapshot, context, request["EndpointName"])
        return description_of(endpoint)

    @operation("sagemaker", "ListEndpoints", on=every("endpoint"))
    def list_endpoints(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            page = snapshot.list(scope_of(context), KIND, listing_of(request))
        return {
            "Endpoints": [
                {
                    "EndpointName": endpoint.name,
                    "EndpointArn": endpoint.arn,
                    "CreationTime": endpoint.created_at,
                    "LastModifiedTime": endpoint.modified_at,
                    "EndpointStatus": endpoint.status,
                }
                for endpoint in page.items
            ],
            "NextToken": page.token,
        }

    @operation("sagemaker", "UpdateEndpoint", on=named("endpoint", "EndpointName"))
    def update_endpoint(self, context: Context, request: Request) -> Response:
        _refuse_deployment_policy(request)
        for member in _UPDATE_NOT_OFFERED:
            if request.get(member):
                raise ValidationError(f"{member} is not offered yet: leave it out")
        with self._store.write() as transaction:
            endpoint = find_endpoint(transaction, context, request["EndpointName"])
            _require_settled(endpoint, "update")
            plan = plan_of(transaction, context, request["EndpointConfigName"])
            if request.get("RetainAllVariantProperties"):
                plan = _retaining_weights(plan, endpoint)
            transaction.update(
                endpoint,
                status="Updating" if endpoint.observed.get("live") else "Creating",
                observed={"plan": plan, "failure_reason": None},
            )
            self._engine.start(transaction, WORKFLOW, endpoint.arn)
        return {"EndpointArn": endpoint.arn}

    @operation("sagemaker", "DeleteEndpoint", on=named("endpoint", "EndpointName"))
    def delete_endpoint(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            endpoint = find_endpoint(transaction, context, request["EndpointName"])
            if endpoint.status != "Deleting":
                _require_settled(endpoint, "delete")
                transaction.update(endpoint, status="Deleting")
                self._engine.start(transaction, WORKFLOW, endpoint.arn)
        return {}


def plan_of(snapshot: Snapshot, context: Context, config_name: str) -> Json:
    """Return what a configuration asks for, whole, with each variant's container.

    The plan is kept with the endpoint: neither its configuration nor its models need to outlive
    the call, as clients delete them in any order.

    Raises:
        ValidationError: the configuration, or a model that it names, does not exist.
    """
    config = find_endpoint_config(snapshot, context, config_name)
    variants: list[Json] = []
    for variant in config.spec["ProductionVariants"]:
        model = find_model(snapshot, context, variant["ModelName"])
        variants.append(
            {
                "name": variant["VariantName"],
                "weight": variant.get("InitialVariantWeight", 1.0),
                "instance_count": variant.get("InitialInstanceCount", 1),
                "instance_type": variant["InstanceType"],
                "model_name": variant["ModelName"],
                "role": model.spec.get("ExecutionRoleArn"),
                "container": dict(container_of(model)),
                "artifact": artifact_of(model),
                "isolated": model.spec.get("EnableNetworkIsolation", False),
                "start_seconds": variant.get("ContainerStartupHealthCheckTimeoutInSeconds"),
            }
        )
    return {
        "config_name": config_name,
        "capture": config.spec.get("DataCaptureConfig"),
        "key": config.spec.get("KmsKeyId", ""),
        "variants": variants,
    }


def description_of(endpoint: Resource) -> Response:
    """Return an endpoint as `DescribeEndpoint` shows it."""
    # What serves is shown for as long as it does; before the first deployment, what is to come.
    shown = endpoint.observed.get("live") or endpoint.observed["plan"]
    answer: Response = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": shown["config_name"],
        "EndpointStatus": endpoint.status,
        "CreationTime": endpoint.created_at,
        "LastModifiedTime": endpoint.modified_at,
        "ProductionVariants": [
            {
                "VariantName": variant["name"],
                "DeployedImages": [
                    {
                        "SpecifiedImage": variant["container"]["Image"],
                        "ResolvedImage": variant.get("pinned") or variant["container"]["Image"],
                        "ResolutionTime": endpoint.created_at,
                    }
                ],
                "CurrentWeight": variant["weight"],
                "DesiredWeight": variant["weight"],
                "CurrentInstanceCount": variant["instance_count"],
                "DesiredInstanceCount": variant["instance_count"],
            }
            for variant in shown["variants"]
        ],
    }
    if shown["capture"] is not None:
        answer["DataCaptureConfig"] = _capture_summary(shown["capture"], endpoint.status)
    if endpoint.observed.get("failure_reason"):
        answer["FailureReason"] = endpoint.observed["failure_reason"]
    return answer


def _capture_summary(capture: Json, status: str) -> Response:
    enabled = capture.get("EnableCapture", False)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled and status != "Creating" else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }


def _retaining_weights(plan: Json, endpoint: Resource) -> Json:
    live = endpoint.observed.get("live") or {"variants": []}
    weights = {variant["name"]: variant["weight"] for variant in live["variants"]}
    return {
        **plan,
        "variants": [
            {**variant, "weight": weights.get(variant["name"], variant["weight"])}
            for variant in plan["variants"]
        ],
    }


def _refuse_deployment_policy(request: Request) -> None:
    """Accept what an update here is, all at once with a drain, and nothing that it is not."""
    policy = request.get("DeploymentConfig") or {}
    routing = policy.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    wanted = routing.get("Type", "ALL_AT_ONCE")
    if wanted != "ALL_AT_ONCE" or policy.get("RollingUpdatePolicy"):
        raise ValidationError(
            f"DeploymentConfig: traffic routing {wanted} and rolling updates are not offered yet: "
            "use ALL_AT_ONCE, or leave DeploymentConfig out"
        )
    if policy.get("AutoRollbackConfiguration"):
        raise ValidationError(
            "DeploymentConfig.AutoRollbackConfiguration is not offered yet: leave it out"
        )


def _require_settled(endpoint: Resource, verb: str) -> None:
    if endpoint.status not in _SETTLED:
        raise ValidationError(
            f'Cannot {verb} in-progress endpoint "{endpoint.arn}": it is {endpoint.status}; wait '
            "until it is InService or Failed."
        )


def _arn(context: Context, name: str) -> str:
    # Endpoint names are looked up whatever their case, and their ARNs are in lower case.
    return sagemaker_arn(
        account=context.account, region=context.region, kind=KIND, name=name.lower()
    )


def find_endpoint(snapshot: Snapshot, context: Context, name: str) -> Resource:
    """Return an endpoint of the caller's account and region.

    Raises:
        ValidationError: there is none; clients' waiters expect this code and wording.
    """
    arn = _arn(context, name)
    try:
        return snapshot.get_by_arn(arn)
    except NotFound as error:
        raise ValidationError(f'Could not find endpoint "{arn}".') from error
