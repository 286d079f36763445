"""One prediction per request: the gateway against MLServer, and against no prediction at all."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import servers, wrk
from bench.report import Options, Report, Requirement
from bench.wrk import Measurement, Post
from modelyard.gateway.engines import import_xgboost
from modelyard.gateway.prepare import prepare

TREES, DEPTH, FEATURES = 100, 6, 30
CONNECTIONS = (1, 16, 64)
SIGNED, BEARER = "Modelyard, SigV4", "Modelyard, bearer token"
MLSERVER, NOOP = "MLServer", "no-op ASGI app (uvicorn)"

Runs = dict[tuple[str, int], list[Measurement]]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is measured: where, and with what (made anew each time: signatures age)."""

    name: str
    server: servers.Running
    post: Callable[[], Post]
    score: Callable[[bytes], float] | None  # of an answer; None: it has none


def run(options: Options) -> Report:
    """Measure, and return what was found.

    Raises:
        BenchUnavailable: wrk or MLServer is missing.
    """
    wrk.require()
    return asyncio.run(_run(options))


async def _run(options: Options) -> Report:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        row, score = _train(folder)
        targets = await _start(stack, folder, row)
        for target in targets:
            await asyncio.to_thread(_check, target, score)
            await asyncio.to_thread(wrk.run, target.post(), connections=16, seconds=1)
        runs: Runs = {}
        for _ in range(options.rounds):
            for connections in CONNECTIONS:
                for target in targets:
                    measured = await asyncio.to_thread(
                        wrk.run, target.post(), connections=connections, seconds=options.seconds
                    )
                    runs.setdefault((target.name, connections), []).append(measured)
        memory = {target.name: target.server.memory_mib() for target in targets}
    medians = {key: _median(measured) for key, measured in runs.items()}
    return _report(options, medians, memory)


def _train(folder: Path) -> tuple[list[float], float]:
    """Write the model where the servers find it; return a row, and its prediction."""
    xgboost = import_xgboost()
    random = np.random.default_rng(0)
    rows = random.normal(size=(5000, FEATURES)).astype(np.float32)
    labels = rows[:, :5].sum(axis=1) + random.normal(size=len(rows)) > 0
    parameters = {"objective": "binary:logistic", "max_depth": DEPTH, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, labels), TREES)
    model = folder / "model"
    model.mkdir()
    booster.save_model(folder / "model.ubj")
    (model / "xgboost-model").write_bytes((folder / "model.ubj").read_bytes())
    prepare(model)
    row = [round(float(value), 6) for value in rows[0]]
    return row, float(booster.inplace_predict(np.array([row], dtype=np.float32))[0])


async def _start(stack: AsyncExitStack, folder: Path, row: list[float]) -> list[Target]:
    gateway = await stack.enter_async_context(servers.gateway(folder / "model"))
    mlserver = await stack.enter_async_context(servers.mlserver(folder, folder / "model.ubj"))
    noop = await stack.enter_async_context(servers.noop(folder))
    csv = ",".join(map(str, row))
    tensor = {"name": "x", "shape": [1, FEATURES], "datatype": "FP32", "data": row}
    v2 = json.dumps({"inputs": [tensor]})
    bearer = {"Content-Type": "text/csv", "Authorization": f"Bearer {servers.TOKEN}"}
    return [
        Target(name=SIGNED, server=gateway, post=lambda: _signed(gateway.url, csv), score=float),
        Target(
            name=BEARER,
            server=gateway,
            post=lambda: Post(url=gateway.url, headers=bearer, body=csv),
            score=float,
        ),
        Target(
            name=MLSERVER,
            server=mlserver,
            post=lambda: Post(
                url=mlserver.url, headers={"Content-Type": "application/json"}, body=v2
            ),
            score=lambda answer: float(json.loads(answer)["outputs"][0]["data"][0]),
        ),
        Target(
            name=NOOP,
            server=noop,
            post=lambda: Post(url=noop.url, headers=bearer, body=csv),
            score=None,
        ),
    ]


def _signed(url: str, body: str) -> Post:
    request = AWSRequest("POST", url, data=body.encode(), headers={"Content-Type": "text/csv"})
    credentials = Credentials(servers.ACCESS_KEY, servers.SECRET_KEY)
    SigV4Auth(credentials, "sagemaker", servers.REGION).add_auth(request)
    return Post(url=url, headers=dict(request.headers.items()), body=body)


def _check(target: Target, expected: float) -> None:
    """Make sure that what is about to be measured is the right answer."""
    post = target.post()
    asked = urllib.request.Request(post.url, post.body.encode(), dict(post.headers))
    with urllib.request.urlopen(asked) as response:
        answer = response.read()
    if target.score is not None and abs(target.score(answer) - expected) > 1e-6:
        raise RuntimeError(f"{target.name} answers {answer!r} instead of {expected}")


def _median(measured: list[Measurement]) -> Measurement:
    return Measurement(
        requests_per_second=statistics.median(m.requests_per_second for m in measured),
        p50_ms=statistics.median(m.p50_ms for m in measured),
        p99_ms=statistics.median(m.p99_ms for m in measured),
    )


def _report(
    options: Options,
    medians: dict[tuple[str, int], Measurement],
    memory: dict[str, float],
) -> Report:
    rows = []
    for (name, connections), found in medians.items():
        peer = medians[MLSERVER, connections]
        rows.append(
            [
                name,
                str(connections),
                f"{found.requests_per_second:,.0f}",
                f"{found.requests_per_second / peer.requests_per_second:.1f}",
                f"{found.p50_ms:.2f}",
                f"{found.p99_ms:.2f}",
                f"{memory[name]:,.0f}",
            ]
        )
    return Report(
        title="Inference: one row per request",
        method=(
            f"XGBoost, {TREES} trees of depth {DEPTH}, {FEATURES} features, one row per request; "
            f"{servers.WORKERS} gateway workers, each request authenticated, SigV4 verified every "
            "time. MLServer in the one process and thread it is fastest with, uvicorn with "
            f"{servers.WORKERS} workers. wrk, one thread, the servers in turn, "
            f"{options.rounds} rounds of {options.seconds} s; medians. `×` is the ratio of "
            "requests per second to MLServer's; latencies are in milliseconds, memory in MiB "
            "(all processes of a server, shared pages once)."
        ),
        columns=["server", "connections", "req/s", "×", "p50", "p99", "memory"],
        rows=rows,
        requirements=_requirements(medians),
    )


def _requirements(medians: dict[tuple[str, int], Measurement]) -> list[Requirement]:
    required = []
    for name, bound in ((SIGNED, 6), (BEARER, 10)):
        for connections in (16, 64):
            ours, peer = medians[name, connections], medians[MLSERVER, connections]
            required.append(
                Requirement(
                    text=f"{name}: req/s of MLServer's at {connections} connections",
                    found=ours.requests_per_second / peer.requests_per_second,
                    at_least=bound,
                )
            )
    for name in (SIGNED, BEARER):
        required.append(
            Requirement(
                text=f"{name}: p50 of MLServer's at 1 connection",
                found=medians[name, 1].p50_ms / medians[MLSERVER, 1].p50_ms,
                at_most=0.5,
            )
        )
    return required
