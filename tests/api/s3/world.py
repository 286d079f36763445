"""An S3 door with two accounts behind a real server, and the clients that speak to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from starlette.types import Receive, Scope, Send

from modelyard import clock
from modelyard.api.s3 import S3Door
from modelyard.api.state import RequestState, put_state
from modelyard.operations.context import Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.sigv4 import SignatureError
from modelyard.store.objects import Objects, ObjectStores
from modelyard.store.s3_server import S3Servers
from tests.api.servers import serving
from tests.policies import AllowAll

ACCOUNT, OTHER = "111111111111", "222222222222"
REGION = "eu-west-1"
SECRETS = {
    "AKIAONE": ("secret-of-one/+=", ACCOUNT),
    "AKIATWO": ("secret-of-two", OTHER),
    "ASIAONE": ("secret-of-a-session", ACCOUNT),
}
SESSION_TOKEN = "a-session's-token/+="


def lookup(access_key_id: str, session_token: str | None, /) -> tuple[str, Principal]:
    """Know the keys in `SECRETS`; the one that begins with ASIA comes with a token."""
    found = SECRETS.get(access_key_id)
    if found is None:
        raise SignatureError("InvalidClientTokenId", "nobody has this key")
    if access_key_id.startswith("ASIA") != (session_token is not None):
        raise SignatureError("InvalidToken", "the token is missing, or there should be none")
    if session_token is not None and session_token != SESSION_TOKEN:
        raise SignatureError("ExpiredToken", "the token has expired")
    secret, account = found
    return secret, Principal(account=account, arn=f"arn:aws:iam::{account}:root", user_id=account)


class Clock:
    """The door's clock; a test may put it forward."""

    def __init__(self) -> None:
        self.ahead = clock.now() - clock.now()

    def __call__(self) -> datetime:
        return clock.now() + self.ahead


@dataclass(frozen=True, kw_only=True)
class World:
    """A running door."""

    url: str
    home: Path
    stores: ObjectStores
    servers: S3Servers
    clock: Clock

    @property
    def objects(self) -> Objects:
        return self.stores.of(ACCOUNT)

    def pid(self) -> int:
        """Return the id of the embedded server's process."""
        pid = self.servers.of(ACCOUNT).pid
        if pid is None:
            raise RuntimeError("the embedded server does not run")
        return pid


def client(world: World, key: str = "AKIAONE", **options: Any) -> Any:
    """Return a boto3 client that tries once."""
    token = SESSION_TOKEN if key.startswith("ASIA") else None
    secret = options.pop("secret", SECRETS.get(key, ("unknown",))[0])
    return boto3.client(
        "s3",
        endpoint_url=world.url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=options.pop("token", token),
        config=Config(retries={"total_max_attempts": 1}, **options),
    )


def cli_environment(world: World, home: Path) -> dict[str, str]:
    """Return the environment of an aws CLI that knows nothing but this server."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "AWS_ENDPOINT_URL": world.url,
        "AWS_ACCESS_KEY_ID": "AKIAONE",
        "AWS_SECRET_ACCESS_KEY": SECRETS["AKIAONE"][0],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
    }


@contextmanager
def running(home: Path) -> Iterator[World]:
    """Run a door on a home."""
    stores = ObjectStores(home / "objects")
    servers = S3Servers(stores, home / "run")
    times = Clock()
    guard = OperationTable(Schema(), AllowAll())
    door = S3Door(guard.guard, lookup, stores, servers, now=times)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await door.close()
            await servers.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        put_state(scope, RequestState(request_id="request-1", source="test"))
        await door(scope, receive, send)

    with serving(app) as url:
        yield World(url=url, home=home, stores=stores, servers=servers, clock=times)
