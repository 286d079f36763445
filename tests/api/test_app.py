from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import prometheus_client
import pytest
import structlog
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.api import bodies
from modelyard.api.app import Rooms, build_app
from modelyard.api.authenticated import context_of
from modelyard.api.errors import RequestRefused
from modelyard.api.plain import PlainDoor
from modelyard.api.state import RequestState, put_state
from modelyard.operations.table import OperationTable
from tests.api.asgi import ask
from tests.api.world import SCHEMA, House, git_door, mlflow_door, orchestrator, s3
from tests.identity.world import ACCOUNT, World, world
from tests.policies import AllowAll


def test_only_healthz_answers_to_strangers(house: House) -> None:
    answer = house.send("GET", "/healthz", bearer="")
    assert (answer.status, json.loads(answer.data)) == (200, {"status": "ok"})


ROUTES = [
    *PlainDoor(
        None,  # type: ignore[arg-type]  # only listed
        {},
        orchestrator(),
        OperationTable(SCHEMA, AllowAll()).guard,
    ).router.routes,
    *orchestrator().routes,
]
PATHS = sorted(
    {
        *(str(getattr(route, "path", "")).replace("{name}", "n") for route in ROUTES),
        *("/", "/bucket/key", "/nothing", "/docs", "/openapi.json", "/endpoints/e/invocations"),
        *("//", "/%2e%2e/healthz", "/healthz/", "/healthz/../metrics", "/static/x", "/HEALTHZ"),
    }
)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
STRANGERS = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic cm9vdDpyb290"},
    {"X-Amz-Target": "SageMaker.ListModels"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"X-Modelyard-Region": "us-east-1", "X-Forwarded-For": "127.0.0.1"},
]


@pytest.mark.parametrize("path", PATHS)
def test_no_route_answers_without_credentials(house: House, path: str) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        for method in METHODS:
            for headers in STRANGERS:
                answer = pool.request(method, house.url + path, headers=headers, body=None)
                assert answer.status == 403, (method, headers, answer.data)
                assert "x-amzn-requestid" in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_healthz_answers_only_to_looks(house: House, method: str) -> None:
    assert house.send(method, "/healthz", bearer="").status == 403


def test_a_browser_on_a_foreign_name_learns_nothing(house: House) -> None:
    for host in ("evil.example.net", "localhost.evil.example.net", "127.0.0.1.nip.io", "1.2.3.4"):
        answer = house.send("GET", "/healthz", bearer="", Host=host)
        assert answer.status == 403
        assert "allowed_hosts" in answer.data.decode()


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.1.2.3", "[::1]:8080"),
        *("bucket.localhost", "models.example.com", "a.b.example.org:80"),
    ],
)
def test_the_servers_own_names_are_answered(house: House, host: str) -> None:
    assert house.send("GET", "/healthz", bearer="", Host=host).status == 200


def test_the_orchestrator_gets_authenticated_requests(house: House) -> None:
    # urllib and curl send forms unless they are told otherwise.
    answer = house.send(
        "POST",
        "/provisionpipeline",
        body=b"{}",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert json.loads(answer.data) == {"account": ACCOUNT, "region": "us-east-1"}


def test_a_signature_for_api_gateway_reaches_the_orchestrator(house: House) -> None:
    def status(service: str) -> int:
        request = AWSRequest(method="POST", url=f"{house.url}/pipelinestatus", data=b"{}")
        keys = Credentials(house.credentials.access_key_id, house.credentials.secret_access_key)
        SigV4Auth(keys, service, "eu-west-1").add_auth(request)
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                "POST", str(request.url), body=b"{}", headers=dict(request.headers)
            )
        return answer.status

    assert [status(name) for name in ("execute-api", "sagemaker", "lambda")] == [200, 200, 403]


def test_missing_credentials_are_worded_as_api_gateway_does(house: House) -> None:
    answer = house.send("POST", "/provisionpipeline", body=b"{}", bearer="")
    said = json.loads(answer.data)
    assert answer.status == 403
    assert said["message"] == "Missing Authentication Token"
    assert "Bearer" in said["detailedMessage"]


def test_plain_bodies_are_bounded_by_what_they_are_for(house: House) -> None:
    large = b"1" * (2 << 20)
    assert house.send("POST", "/provisionpipeline", body=large).status == 413
    answer = house.send("POST", "/pipelines/p/inference", body=large)
    assert json.loads(answer.data) == {"bytes": 2 << 20}


def test_a_bug_in_a_sub_application_is_an_internal_failure(house: House) -> None:
    answer = house.send("POST", "/provisionpipeline", body=b"bug")
    assert answer.status == 500
    assert b"secret" not in answer.data


def test_s3s_requests_go_to_its_own_door(house: House) -> None:
    client = house.client("s3")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "healthz"})
    assert house.send("GET", url.removeprefix(house.url), bearer="").data == b"<s3/>"
    assert client.head_bucket(Bucket="metrics")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_readiness_names_what_is_not_ready(house: House) -> None:
    assert json.loads(house.send("GET", "/readyz").data) == {
        "status": "ready",
        "checks": {"store": "ok"},
    }

    async def gateway() -> None:
        raise RuntimeError("no worker runs")

    house.readiness["gateway"] = gateway
    try:
        answer = house.send("GET", "/readyz")
    finally:
        del house.readiness["gateway"]
    assert answer.status == 503
    assert json.loads(answer.data)["checks"] == {"store": "ok", "gateway": "no worker runs"}


def test_metrics_count_operations_by_name_and_status(house: House) -> None:
    extra = prometheus_client.Gauge("modelyard_toys", "Toys.", registry=None)
    extra.set(3)
    house.metrics.add(extra)
    house.client("sagemaker").list_models()
    for name in ("ListNonsense", "AlsoNonsense"):
        house.send("POST", "/", X_Amz_Target=f"SageMaker.{name}")
    answer = house.send("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {
        family.name: family for family in text_string_to_metric_families(answer.data.decode())
    }
    assert families["modelyard_toys"].samples[0].value == 3
    samples = families["modelyard_requests"].samples
    operations = {sample.labels["operation"] for sample in samples}
    assert "ListModels" in operations
    assert not any("Nonsense" in name for name in operations)
    assert any(
        sample.labels["operation"] == "ListModels" and sample.labels["status"] == "200"
        for sample in samples
    )


def test_the_aws_cli_works(house: House, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": house.url,
        "AWS_ACCESS_KEY_ID": house.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": house.credentials.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    aws = [sys.executable, str(Path(sys.executable).with_name("aws"))]
    for command, said in (
        (["sts", "get-caller-identity"], ACCOUNT),
        (["sagemaker", "list-models"], "ModelName"),
    ):
        done = subprocess.run(
            [*aws, *command], env=environment, capture_output=True, text=True, check=True
        )
        assert said in done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.database.dispose()


def application(home: World, s3_door: ASGIApp = s3) -> ASGIApp:
    """Return an application without a server around it."""
    return build_app(
        Rooms(
            table=home.table,
            schema=SCHEMA,
            authenticator=home.authenticator,
            s3=s3_door,
            mlflow=mlflow_door(home, home.authenticator),
            git=git_door(home, home.authenticator),
            orchestrator=orchestrator(),
            gateway_url=lambda: None,
            bound_host="127.0.0.1",
        )
    )


async def test_each_request_has_its_line_in_the_log_without_its_query(home: World) -> None:
    app = application(home)
    token = {"Authorization": f"Bearer {home.credentials.token}"}
    with structlog.testing.capture_logs() as logged:
        await ask(app, "GET", "/healthz?X-Amz-Signature=secret")
        await ask(app, "POST", "/", {**token, "X-Amz-Target": "SageMaker.ListModels"})
        await ask(app, "POST", "/provisionpipeline", {"Authorization": "Bearer wrong"})
    assert [line["status"] for line in logged] == [200, 400, 403]
    assert [line["door"] for line in logged] == ["health", "json", "plain"]
    assert {line["source"] for line in logged} == {"192.0.2.1"}
    assert logged[1]["operation"] == "ListModels"
    assert logged[1]["principal"].endswith(":root")
    assert logged[1]["error"] == "UnknownOperationException"
    assert logged[2]["principal"] is None
    assert "secret" not in str(logged)
    assert home.credentials.token not in str(logged)


async def test_a_bug_is_logged_under_the_requests_id(home: World) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a secret detail")

    credential = f"AWS4-HMAC-SHA256 Credential={'A' * 20}/20240101/us-east-1/s3/aws4_request"
    with structlog.testing.capture_logs() as logged:
        status, body = await ask(
            application(home, broken), "GET", "/bucket", {"Authorization": credential}
        )
    failed, line = logged
    assert status == 500
    assert failed["request_id"] == line["request_id"]
    assert failed["request_id"] in body.decode()
    assert "a secret detail" in str(failed["exc_info"])
    assert b"secret" not in body


async def test_who_goes_away_is_not_an_error(home: World) -> None:
    token = {"Authorization": f"Bearer {home.credentials.token}"}
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in token.items()],
    }
    scope["headers"] += [(b"host", b"localhost"), (b"x-amz-target", b"SageMaker.ListModels")]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    with structlog.testing.capture_logs() as logged:
        await application(home)(scope, receive, send)
    assert sent == []
    assert [line["status"] for line in logged] == [499]


async def test_a_websocket_is_turned_away(home: World) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(home)({"type": "websocket", "path": "/metrics"}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(home: World) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("a secret detail")

    credential = f"AWS4-HMAC-SHA256 Credential={'A' * 20}/20240101/us-east-1/s3/aws4_request"
    with structlog.testing.capture_logs(), pytest.raises(RuntimeError):
        await ask(application(home, broken), "GET", "/b", {"Authorization": credential})


async def test_who_sends_too_slowly_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_READ_SECONDS", 0)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(RequestRefused) as caught:
        await bodies.read_body(receive, 10)
    assert caught.value.status == 408


async def test_a_door_cannot_be_reached_around_its_guard() -> None:
    with pytest.raises(RuntimeError, match="around the application"):
        context_of({"type": "http"})
    scope: Scope = {"type": "http"}
    put_state(scope, RequestState(request_id="r", source="s"))
    with pytest.raises(RuntimeError, match="around its authentication"):
        context_of(scope)


async def test_one_host_is_needed(home: World) -> None:
    with structlog.testing.capture_logs():
        status, body = await ask(application(home), "GET", "/healthz", {"host": ""})
    assert status == 403
    assert b"does not answer to the name" in body
