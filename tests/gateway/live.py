"""A gateway pool of real worker processes, run by an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import boto3
import botocore.config
import psutil

from modelyard.gateway.relay import Relay
from modelyard.gateway.routes import Capture, Endpoint, Keys, Model, Variant, Verdict
from modelyard.gateway.supervisor import GatewayPool

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY, SECRET, TOKEN = "AKIALIVE", "a-live-secret", "a-live-token"
SEALING_KEY = "A" * 43  # 32 zero bytes
RELAY = Relay.new()
WAIT_SECONDS = 30

T = TypeVar("T")

_SESSION = boto3.session.Session()  # which remembers the service's model

KEYS = Keys(
    secrets={KEY: (SECRET, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)},
    tokens={TOKEN: (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)},
    sealing_key=SEALING_KEY,
    default_region=REGION,
    relay_secret=RELAY.secret,
)


def key(name: str) -> str:
    """Return the key of one of this account's endpoints."""
    return f"{ACCOUNT}/{REGION}/{name}"


def variant(folder: Path, name: str = "AllTraffic", weight: float = 1.0, **env: str) -> Variant:
    """Return a variant that serves a prepared model."""
    model = Model(folder=str(folder), image="xgboost", environment=env)
    return Variant(name=name, weight=weight, model=model)


def capture(root: Path, endpoint: str, **changed: Any) -> Capture:
    """Return a capture of everything into the bucket `bucket` below `root`."""
    (root / "bucket").mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "folder": str(root),
        "bucket": "bucket",
        "prefix": f"captured/{endpoint}",
        "percentage": 100,
        "input": True,
        "output": True,
        "csv_content_types": ["text/csv"],
        "json_content_types": ["application/json"],
    }
    return Capture(**{**settings, **changed})


def captured(root: Path) -> list[dict[str, Any]]:
    """Return all records in the bucket below `root`."""
    files = sorted((root / "bucket").rglob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_bytes().splitlines()]


def until(condition: Callable[[], T], seconds: float = WAIT_SECONDS) -> T:
    """Return the first true value of `condition`, asked again and again."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return found


async def eventually(condition: Callable[[], object]) -> None:
    """Let the loop run until something is so."""
    while not condition():  # noqa: ASYNC110 - what is tested has no event for it
        await asyncio.sleep(0)


class LivePool:
    """A started pool, called from tests that are not coroutines."""

    def __init__(
        self, new_loop: Callable[[], Any] = asyncio.new_event_loop, **options: Any
    ) -> None:
        self._loop: asyncio.AbstractEventLoop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.pool = self.run(_made(options))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns in the pool's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS * 2)

    def start(self) -> LivePool:
        """Start the workers, with the keys that this module's clients use."""
        self.run(self.pool.set_keys(KEYS))
        self.run(self.pool.start())
        return self

    def apply(self, endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
        """Serve `endpoints`, by name, and return what failed."""
        routes = {key(name): endpoint for name, endpoint in endpoints.items()}
        return self.run(self.pool.apply(routes))

    def workers(self) -> list[psutil.Process]:
        """Return the living workers."""
        ready = {slot.pid for slot in self.pool._slots if slot.ready}
        return [child for child in psutil.Process().children() if child.pid in ready]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.pool.port}"

    def stop(self) -> None:
        """Stop the workers, and leave the loop running."""
        self.run(self.pool.stop())

    def close(self) -> None:
        """Stop all of it."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def client(self, **overrides: Any) -> Any:
        """Return a boto3 sagemaker-runtime client that tries once."""
        return client_of(self.url, **overrides)


def client_of(url: str, **overrides: Any) -> Any:
    """Return a boto3 sagemaker-runtime client of a gateway that tries once."""
    arguments = {
        "endpoint_url": url,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "region_name": REGION,
        "config": botocore.config.Config(retries={"total_max_attempts": 1}),
        **overrides,
    }
    return _SESSION.client("sagemaker-runtime", **arguments)


async def _made(options: dict[str, Any]) -> GatewayPool:
    return GatewayPool(**{"judge": allow, **options})


async def allow(question: Mapping[str, Any]) -> Verdict:
    """Let everybody invoke everything."""
    return Verdict(number=question["number"], allowed=True, policies=["all"])
