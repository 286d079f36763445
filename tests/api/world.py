"""A small house with all its doors: toy operations, a toy gateway, toy sub-applications."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from modelyard.api.app import Rooms, build_app
from modelyard.api.authenticated import context_of, head_of
from modelyard.api.git.door import GitDoor
from modelyard.api.metrics import Metrics
from modelyard.api.mlflow.door import MlflowDoor
from modelyard.compute.runtime import Process, Program, RuntimeUnavailableError
from modelyard.experiments.servers import MlflowServers
from modelyard.gateway.relay import Relay
from modelyard.identity.authentication import Authenticator
from modelyard.identity.credentials import Credentials
from modelyard.identity.http_authentication import HttpAuthenticator
from modelyard.operations import errors
from modelyard.operations import table as operation_table
from modelyard.operations.context import Context
from modelyard.operations.schema import Schema
from modelyard.operations.table import operation
from modelyard.operations.targets import caller, every, named
from modelyard.sigv4 import SignatureError
from modelyard.store.errors import BadPageToken, StorageFull
from tests.api.servers import serving
from tests.identity.world import ACCOUNT, World
from tests.identity.world import world as identity_world

SCHEMA = Schema()
RELAY = Relay.new()
CREATED = datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)

#: What the toy operation fails with, by the model's name.
FAILURES: dict[str, Exception] = {
    "invalid": errors.ValidationError("m"),
    "missing": errors.ResourceNotFound("m"),
    "in-use": errors.ResourceInUse("m"),
    "limit": errors.ResourceLimitExceeded("m"),
    "conflict": errors.Conflict("m"),
    "denied": errors.AccessDenied("m"),
    "full": StorageFull("m"),
    "token": BadPageToken("m"),
    "bug": RuntimeError("a secret detail"),
}


class ToyOperations:
    """Answers that show what arrived, and every failure."""

    def __init__(self) -> None:
        self.requests: list[tuple[Context, operation_table.Request]] = []

    @operation("sagemaker", "ListModels", on=every("thing"))
    def list_models(
        self, context: Context, request: operation_table.Request
    ) -> operation_table.Response:
        self.requests.append((context, request))
        model = {"ModelName": "m", "ModelArn": "a" * 20, "CreationTime": CREATED, "NotInTheApi": 1}
        return {"Models": [model], "NextToken": None, "AlsoNot": 1}

    @operation("sagemaker", "ListTags", on=every("thing"))
    def list_tags(
        self, context: Context, request: operation_table.Request
    ) -> operation_table.Response:
        return {"Tags": []}

    @operation("sagemaker", "DeleteModel", on=named("model", "ModelName"))
    def delete_model(
        self, context: Context, request: operation_table.Request
    ) -> operation_table.Response:
        return {}

    @operation("sagemaker", "DescribeModel", on=named("model", "ModelName"))
    def describe_model(
        self, context: Context, request: operation_table.Request
    ) -> operation_table.Response:
        raise FAILURES[request["ModelName"]]

    @operation("logs", "DescribeLogStreams", on=caller)
    def describe_log_streams(
        self, context: Context, request: operation_table.Request
    ) -> operation_table.Response:
        raise errors.LogsResourceNotFound("m")

    @operation("cloudformation", "DescribeStacks", on=caller)
    def describe_stacks(
        self, context: Context, request: operation_table.Request
    ) -> operation_table.Response:
        raise FAILURES[request["StackName"]]

    @operation("cloudformation", "CreateStack", on=caller)
    def create_stack(
        self, context: Context, request: operation_table.Request
    ) -> operation_table.Response:
        self.requests.append((context, request))
        return {"StackId": "<&'\"\x00>"}


@dataclass
class ToyGateway:
    """Verifies each invocation itself, as the real one does, and tells what it got."""

    authenticator: Authenticator
    url: str | None = None
    seen: list[dict[str, str]] = field(default_factory=list)

    def application(self) -> Starlette:
        route = Route("/endpoints/{name}/invocations", self.invoke, methods=["POST"])
        return Starlette(routes=[route])

    async def invoke(self, request: Request) -> Response:
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in request.stream():
                digest.update(chunk)
                size += len(chunk)
        except ClientDisconnect:
            return Response(status_code=400)
        head = head_of(request.scope)
        self.seen.append(dict(head.headers))
        try:
            self.authenticator.authenticate(head, digest.hexdigest())
        except SignatureError as error:
            return JSONResponse(
                {"message": error.message}, 403, headers={"x-amzn-errortype": error.code}
            )
        if request.path_params["name"] == "model-error":
            body = {"Message": "m", "OriginalStatusCode": 400, "OriginalMessage": "bad row"}
            return JSONResponse(body, 424, headers={"x-amzn-errortype": "ModelError"})

        async def answer() -> Any:
            yield str(size).encode()
            yield b" bytes"

        return StreamingResponse(
            answer(),
            media_type="text/csv",
            headers={"x-Amzn-Invoked-Production-Variant": "AllTraffic"},
        )


def orchestrator() -> Starlette:
    """Return a sub-application that tells who calls it."""

    async def provision(request: Request) -> Response:
        context = context_of(request.scope)
        if (await request.body()) == b"bug":
            raise RuntimeError("a secret detail")
        return JSONResponse({"account": context.account, "region": context.region})

    async def infer(request: Request) -> Response:
        return JSONResponse({"bytes": len(await request.body())})

    return Starlette(
        routes=[
            Route("/provisionpipeline", provision, methods=["POST"]),
            Route("/pipelinestatus", provision, methods=["POST"]),
            Route("/pipelines/{name}/inference", infer, methods=["POST"]),
        ]
    )


async def s3(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand for the S3 door, which verifies its requests itself."""
    await Response("<s3/>", media_type="application/xml")(scope, receive, send)


@dataclass
class House:
    """A running server, and what to reach it with."""

    url: str
    credentials: Credentials
    toys: ToyOperations
    gateway: ToyGateway
    metrics: Metrics
    readiness: dict[str, Any]
    now: datetime  # the server's, for which no time passes

    def client(self, service: str, **overrides: Any) -> Any:
        arguments = {
            "endpoint_url": self.url,
            "aws_access_key_id": self.credentials.access_key_id,
            "aws_secret_access_key": self.credentials.secret_access_key,
            "region_name": "us-east-1",
            "config": Config(retries={"max_attempts": 0}),
            **overrides,
        }
        return boto3.session.Session().client(service, **arguments)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        bearer: str | None = None,
        **headers: str,
    ) -> urllib3.BaseHTTPResponse:
        """Send a plain request; `bearer=None` sends the right token, "" none."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        token = self.credentials.token if bearer is None else bearer
        if token:
            named["Authorization"] = f"Bearer {token}"
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request(method, self.url + path, body=body, headers=named)


def mlflow_door(home: World, authenticator: Authenticator) -> MlflowDoor:
    """Return the door of a server that is installed without MLflow."""
    return MlflowDoor(
        HttpAuthenticator(authenticator, home.credentials.sealing_key),
        home.table.guard,
        home.table.decide,
        MlflowServers(NoRuntime(), Path("/nowhere"), installed=lambda: False),
    )


def git_door(home: World, authenticator: Authenticator) -> GitDoor:
    """Return the door of a server that has no configuration repository."""
    return GitDoor(
        HttpAuthenticator(authenticator, home.credentials.sealing_key),
        home.table.guard,
        home.store,
        None,
        account=ACCOUNT,
        region="us-east-1",
    )


class NoRuntime:
    """Runs nothing."""

    name = "none"

    async def start(self, program: Program, on_line: Callable[[str], None]) -> Process:
        raise RuntimeUnavailableError(program.identity)

    async def end(self, identity: str) -> None: ...


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """Run a server with all doors."""
    home = identity_world(folder)
    home.clock.moment = datetime.now(UTC)
    toys, metrics, readiness = ToyOperations(), Metrics(), {"store": lambda: None}
    authenticator = Authenticator(home.credentials, account=ACCOUNT, default_region="us-east-1")
    home.table.add(toys)
    gateway = ToyGateway(authenticator)
    rooms = Rooms(
        table=home.table,
        schema=SCHEMA,
        authenticator=authenticator,
        s3=s3,
        mlflow=mlflow_door(home, authenticator),
        git=git_door(home, authenticator),
        orchestrator=orchestrator(),
        gateway_url=lambda: gateway.url,
        relay=RELAY,
        bound_host="127.0.0.1",
        allowed_hosts=["models.example.com", "*.example.org"],
        readiness=readiness,
        metrics=metrics,
    )
    with serving(gateway.application()) as gateway_url, serving(build_app(rooms)) as url:
        gateway.url = gateway_url
        yield House(
            url=url,
            credentials=home.credentials,
            toys=toys,
            gateway=gateway,
            metrics=metrics,
            readiness=readiness,
            now=home.clock.moment,
        )
    home.database.dispose()
