"""Nothing answers without credentials, and nothing without a permission that names it.

What there is to ask is not listed here but found: the routes in the application's own table, the
operations in theirs, and the listening sockets in the system's tables of the server and all its
descendants. A route, a mount or a socket that is added is found, and must hold the same.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
import pytest
import urllib3
from botocore.exceptions import ClientError
from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from modelyard.api.dispatch import Door
from modelyard.api.mlflow.routes import ROUTES
from modelyard.app import build
from modelyard.compute.runtimes import best_runtime
from modelyard.console.pages import ROUTES as CONSOLE_ROUTES
from modelyard.home import Home
from modelyard.identity.credentials import bearer_token_of
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.operations.table import OperationTable
from modelyard.settings import Settings
from tests.live import LiveServer

ACCOUNT = "123456789012"
#: What a caller without credentials asks for them with: the token in the request is the proof.
PROVED_BY_TOKEN = {"sts:AssumeRoleWithWebIdentity"}
OPEN = "/healthz"  # the one answer that needs nothing

Ask = Callable[..., urllib3.BaseHTTPResponse]


def parts_of(app: object) -> list[object]:
    """Return every object of the doors that an application is made of, and the table behind."""
    found: list[object] = []
    seen: set[int] = set()
    waiting: list[object] = [app]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set):
            waiting += part
        elif type(part).__module__.startswith(("modelyard.api", "starlette")) or callable(part):
            found.append(part)
            waiting += vars(part).values() if hasattr(part, "__dict__") else []
            waiting.append(getattr(part, "__self__", None))
            for cell in getattr(part, "__closure__", None) or ():
                waiting.append(cell.cell_contents)
        elif isinstance(part, OperationTable):
            found.append(part)
    return found


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[object]]:
    """The parts of the application that a server is built with."""
    home = Home(tmp_path_factory.mktemp("walk") / "home")
    home.create()
    runtime = asyncio.run(best_runtime(home.run / "programs", hidden=[home.path], only="plain"))
    made = build(Settings(home=home.path), home, runtime, "http://127.0.0.1:8080")
    yield parts_of(made.asgi)
    asyncio.run(_dispose(made.steps))


async def _dispose(steps: Any) -> None:
    await steps[0].stop()


@pytest.fixture(scope="module")
def key(server: LiveServer) -> tuple[str, str]:
    """The access key of a user who has no persona."""
    iam = server.client("iam")
    iam.create_user(UserName="walker")
    made = iam.create_access_key(UserName="walker")["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


@pytest.fixture(scope="module")
def ask(server: LiveServer) -> Ask:
    pool = urllib3.PoolManager(retries=False)

    def asked(method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
        return pool.request(method, server.env["AWS_ENDPOINT_URL"] + path, **more)

    return asked


def concrete(path: str) -> str:
    """Return a route's path with its parameters filled in."""
    return re.sub(r"\{[^}]*\}", "abcdefghij", path)


def routes_of(parts: list[object]) -> list[BaseRoute]:
    return [part for part in parts if isinstance(part, BaseRoute)]


# --- the application's own table


def test_the_application_has_no_mounts_no_static_files_and_no_websockets(
    parts: list[object],
) -> None:
    others = [
        part for part in parts if isinstance(part, Mount | Host | WebSocketRoute | StaticFiles)
    ]
    assert others == []
    assert all(isinstance(route, Route) for route in routes_of(parts))
    assert {concrete(route.path) for route in routes_of(parts) if isinstance(route, Route)} >= {
        "/metrics",
        "/readyz",
        "/provisionpipeline",
    }


def test_the_walk_finds_what_is_added_anywhere() -> None:
    async def endpoint(*_: object) -> None: ...

    inner = Mount("/static", app=StaticFiles(directory=Path(__file__).parent))
    added = [Route("/new", endpoint), WebSocketRoute("/socket", endpoint), inner]

    class Wrapper:
        def __init__(self) -> None:
            self.doors = {"plain": [added]}

        async def __call__(self) -> None: ...

    found = parts_of(Wrapper())
    assert all(any(part is one for part in found) for one in added)
    assert any(isinstance(part, StaticFiles) for part in found)


def test_no_route_answers_a_stranger_or_who_has_no_permission(
    server: LiveServer, parts: list[object], ask: Ask, key: tuple[str, str]
) -> None:
    token = bearer_token_of(*key)
    routes = [route for route in routes_of(parts) if isinstance(route, Route)]
    assert routes
    for route in routes:
        for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
            path = concrete(route.path)
            stranger = ask(method, path, body=b"{}")
            assert stranger.status == 403, (method, path, stranger.data)
            assert b"Missing Authentication Token" in stranger.data
            headers = {"Authorization": f"Bearer {token}"}
            refused = ask(method, path, headers=headers, body=b"{}")
            assert refused.status == 403, (method, path, refused.data)
            # That a guard decided, and on an action of its own, the audit log tells.
            request_id = refused.headers["x-amzn-requestid"]
            printed = server.cli("audit", "--json", "--request-id", request_id).stdout
            (record,) = [json.loads(line) for line in printed.splitlines()]
            assert (record["Allowed"], record["Principal"]) == (
                False,
                f"arn:aws:iam::{ACCOUNT}:user/walker",
            )


def test_every_door_turns_away_who_has_no_permission(
    server: LiveServer, ask: Ask, key: tuple[str, str]
) -> None:
    arguments = {"aws_access_key_id": key[0], "aws_secret_access_key": key[1]}
    calls: dict[Door, Callable[[], Any]] = {
        Door.JSON: lambda: server.client("sagemaker", **arguments).list_models(),
        Door.QUERY: lambda: server.client("sts", **arguments).get_caller_identity(),
        Door.S3: lambda: server.client("s3", **arguments).list_buckets(),
        Door.RUNTIME: lambda: server.client("sagemaker-runtime", **arguments).invoke_endpoint(
            EndpointName="e", Body=b"1"
        ),
    }
    # The plain door is its routes, above; MLflow's are in test_mlflow, git's in test_git, the
    # console's pages below; /healthz is the open one.
    elsewhere = {Door.PLAIN, Door.MLFLOW, Door.GIT, Door.CONSOLE, Door.HEALTH}
    assert set(calls) | elsewhere == set(Door)
    for door, call in calls.items():
        with pytest.raises(ClientError) as caught:
            call()
        assert "AccessDenied" in caught.value.response["Error"]["Code"], door
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, door


def test_no_page_and_no_form_of_the_console_is_open(
    server: LiveServer, ask: Ask, key: tuple[str, str]
) -> None:
    form = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": server.env["AWS_ENDPOINT_URL"],
    }
    for route in CONSOLE_ROUTES:
        path = f"/console/{concrete(route.pattern)}".removesuffix("/")
        if route.act is None:
            shown = ask("GET", path, redirect=False)
            assert shown.status == 303, path
            assert shown.headers["Location"].startswith("/console/sign-in"), path
        else:
            assert ask("POST", path, headers=form, body=b"a=b").status == 401, path
    body = urlencode({"access_key_id": key[0], "secret_access_key": key[1]})
    refused = ask("POST", "/console/sign-in", headers=form, body=body)
    assert refused.status == 403  # who has no persona learns nothing, not even who they are
    assert "Set-Cookie" not in refused.headers


def test_no_route_of_mlflow_is_open(server: LiveServer, ask: Ask, key: tuple[str, str]) -> None:
    headers = {"Authorization": f"Bearer {bearer_token_of(*key)}"}
    for route in ROUTES:
        pattern = re.sub(r"\(\?:([^()|]*)[^()]*\)\??", r"\1", route.pattern.pattern)
        path = re.sub(r"\[[^\]]*\](\{[^}]*\}|\+)?|\.\+", "2", pattern).replace("\\", "")
        path = path.replace("(?:", "").replace(")?", "")
        assert route.pattern.fullmatch(path), (route.pattern.pattern, path)
        stranger = ask(route.method, f"/mlflow{path}", body=b"{}")
        assert stranger.status == 401, (path, stranger.data)
        refused = ask(route.method, f"/mlflow{path}", headers=headers, body=b"{}")
        assert refused.status == 403, (path, refused.data)


def test_no_operation_is_open_to_who_has_no_permission(parts: list[object]) -> None:
    (table,) = {part for part in parts if isinstance(part, OperationTable)}
    principal = Principal(
        account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:user/walker", user_id="AIDAWALKER"
    )
    context = Context(
        account=ACCOUNT,
        region="us-east-1",
        principal=principal,
        request_id="walk",
        source="192.0.2.7",
    )
    stranger = replace(principal, arn="arn:aws:sts::123456789012:assumed-role/none/session")
    operations = table.operations()
    assert len(operations) > 50
    for caller in (context, replace(context, principal=stranger)):
        for entry in operations:
            if f"{entry.service}:{entry.name}" in PROVED_BY_TOKEN:
                with pytest.raises((AccessDenied, ValidationError)):
                    table.call(caller, entry.service, entry.name, {})
                continue
            with pytest.raises(AccessDenied):
                table.call(caller, entry.service, entry.name, {})


def test_an_upgrade_to_a_websocket_is_not_offered(server: LiveServer) -> None:
    address = urlsplit(server.env["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.request(
        "GET",
        "/",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        },
    )
    assert connection.getresponse().status == 403
    connection.close()


# --- the system's tables


def listening(server: LiveServer) -> tuple[set[tuple[str, int]], set[str]]:
    """Return what the server and all its descendants listen at: TCP addresses, socket files."""
    assert server.process is not None
    family = [psutil.Process(server.process.pid), *server.family()]
    tcp = {
        (one.laddr.ip, one.laddr.port)
        for process in family
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN or one.type == socket.SOCK_DGRAM
    }
    # psutil does not say which Unix sockets listen; the kernel's own table does, by their inode.
    inodes = {
        link.removeprefix("socket:[").removesuffix("]")
        for process in family
        for link in _descriptors(process.pid)
        if link.startswith("socket:[")
    }
    accepting = 0x10000  # __SO_ACCEPTCON
    files = set()
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[3], 16) & accepting and fields[6] in inodes:
            files.add(fields[7] if len(fields) > 7 else "")
    return tcp, files


def _descriptors(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(entry.readlink())
        except OSError:
            continue  # closed this instant


def test_every_socket_that_listens_is_known_and_turns_strangers_away(server: LiveServer) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket=server.bucket, Key="walk/a", Body=b"a")  # so that the S3 child is there
    tcp, files = listening(server)
    assert server.process is not None
    told = json.loads((server.home / "server.json").read_text())
    known = {urlsplit(told["url"]).port, urlsplit(told["gateway_url"]).port}
    assert {port for _, port in tcp} == known
    assert {ip for ip, _ in tcp} == {"127.0.0.1"}
    for ip, port in sorted(tcp):
        for method, path in (
            ("GET", "/"),
            ("GET", "/metrics"),
            ("POST", "/endpoints/e/invocations"),
            ("POST", "/"),
        ):
            assert _asked(http.client.HTTPConnection(ip, port, timeout=60), method, path) == 403
        assert _asked(http.client.HTTPConnection(ip, port, timeout=60), "GET", OPEN) == 200
    assert files
    for file in files:
        place = Path(file)
        assert place.is_relative_to(server.home), file
        # No other user can reach it, and whoever does has no key to it.
        assert place.parent.stat().st_mode & 0o077 == 0, file
        for method, path in (("GET", "/"), ("GET", f"/{server.bucket}/walk/a"), ("PUT", "/b/c")):
            # 400 is what rclone says to who signs nothing (UnsupportedAlgorithm).
            assert _asked(_OverFile(file), method, path) in (400, 403), (file, method, path)


class _OverFile(http.client.HTTPConnection):
    def __init__(self, file: str) -> None:
        super().__init__("localhost", timeout=60)
        self._file = file

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._file)


def _asked(connection: http.client.HTTPConnection, method: str, path: str) -> int:
    try:
        connection.request(method, path, body=b"1" if method == "POST" else None)
        return connection.getresponse().status
    finally:
        connection.close()
