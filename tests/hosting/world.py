"""A small world for hosting: a real store, real objects, a gateway that keeps what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard.compute.images import find_image
from modelyard.compute.instance_types import instance_type
from modelyard.gateway.routes import Endpoint
from modelyard.hosting.endpoint_config_operations import EndpointConfigOperations
from modelyard.hosting.endpoint_operations import EndpointOperations
from modelyard.hosting.model_operations import ModelOperations
from modelyard.operations.context import Context, Principal
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.objects import ObjectStores, S3Uri
from modelyard.store.resources import Snapshot, Store, Transaction

ACCOUNT, REGION = "123456789012", "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"


def context(account: str = ACCOUNT, region: str = REGION) -> Context:
    return Context(
        account=account,
        region=region,
        principal=Principal(account=account, arn=f"arn:aws:iam::{account}:root", user_id=account),
        request_id="r-1",
        source="test",
    )


class KeptWorkflows:
    """Stands where the engine does and keeps what was started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []

    def start(self, _transaction: Transaction, workflow: str, argument: str) -> None:
        self.started.append((workflow, argument))


class KeptRoutes:
    """Stands where the gateway does; endpoints whose key is in `broken` fail to load."""

    def __init__(self) -> None:
        self.serving: Mapping[str, Endpoint] = {}
        self.broken: dict[str, str] = {}

    async def apply(self, endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
        failed = {key: why for key, why in self.broken.items() if key in endpoints}
        self.serving = {
            key: endpoint if key not in failed else self.serving[key]
            for key, endpoint in endpoints.items()
            if key not in failed or key in self.serving
        }
        return failed


class World:
    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/m.db")
        tables.metadata.create_all(self.database.engine)
        self.store = Store(self.database)
        self.objects = ObjectStores(folder / "objects")
        self.objects.of(ACCOUNT).create_bucket("assets")
        self.engine = KeptWorkflows()
        self.models = ModelOperations(
            self.store, self.objects, require_role=_any_role, require_image=find_image
        )
        self.configs = EndpointConfigOperations(
            self.store,
            self.objects,
            require_instance_type=instance_type,
            key_problem=lambda _scope, _role, key: f"there is no key {key}",
        )
        self.endpoints = EndpointOperations(self.store, self.engine)

    def put(self, key: str, data: bytes) -> str:
        self.objects.of(ACCOUNT).put_bytes(S3Uri(bucket="assets", key=key), data)
        return f"s3://assets/{key}"

    def model(self, name: str = "m", data: bytes = b"archive") -> None:
        uri = self.put(f"{name}.tar.gz", data)
        self.models.create_model(
            context(),
            {
                "ModelName": name,
                "ExecutionRoleArn": ROLE,
                "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": uri},
            },
        )

    def config(self, name: str = "c", **variant: Any) -> None:
        self.configs.create_endpoint_config(context(), config_request(name, **variant))

    def endpoint(self, name: str = "e", config: str = "c") -> str:
        request = {"EndpointName": name, "EndpointConfigName": config}
        return str(self.endpoints.create_endpoint(context(), request)["EndpointArn"])


def config_request(name: str = "c", **variant: Any) -> dict[str, Any]:
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": "m",
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
                **variant,
            }
        ],
    }


def _any_role(_snapshot: Snapshot, _account: str, _arn: str) -> None:
    """Every role exists here."""
