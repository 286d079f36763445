"""Registering and finding model versions: Modelyard's registry and MLflow's, by their clients.

Both servers run on this machine with SQLite, one after the other so that neither takes the other's
cores. Each registers one after the other over HTTP and one connection, as a training pipeline does.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import xgboost

from bench.filled import REGION, filled, request_of
from bench.processor import processor_seconds
from bench.report import BenchUnavailable, Options, Report, Requirement
from bench.servers import _process, _ready, free_ports

MLFLOW = Path(".venv-mlflow/bin/mlflow")
VERSIONS = 100_000
REGISTRATIONS = 500
SEARCHES = 20
PAGE = 100
#: For each thing that is measured: on a busy machine it is done fewer times than was asked for.
MOST_SECONDS = 60
_MLFLOW_STARTS = 3  # minutes
_MLFLOW_SECONDS = 600  # for all that is asked of it


def run(
    _options: Options, *, versions: int = VERSIONS, registrations: int = REGISTRATIONS
) -> Report:
    """Measure both registries, and return what was found.

    Raises:
        BenchUnavailable: MLflow is not installed.
    """
    if not MLFLOW.exists():
        raise BenchUnavailable("MLflow is missing: get it with 'make .venv-mlflow/.ready'")
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as folder:
        ours = asyncio.run(_modelyard(Path(folder), versions, registrations))
        theirs = asyncio.run(_mlflow(Path(folder), versions, registrations))
    times = theirs["register"] / ours["register"]
    kept = ("register", _PROCESSOR)
    searches = {name: value for name, value in ours.items() if name not in kept}
    slowest = max(searches, key=lambda name: searches[name])
    rows = [[name, f"{ours[name]:.2f}", f"{theirs[name]:.2f}"] for name in kept]
    rows += [
        [f"find by {name}", f"{value:.1f}", f"{theirs[name]:.1f}" if name in theirs else "–"]
        for name, value in searches.items()
    ]
    return Report(
        title="Model registry",
        method=(
            f"Median milliseconds of a call through the client, HTTP included (boto3 and "
            f"MlflowClient), both on SQLite: {registrations} registrations one after the other, "
            "with the processor time that each costs the server, behind its answer included; "
            f"{SEARCHES} searches each for the first page of {PAGE} among {versions:,} versions. A "
            "registration of ours also reads the archive's digest and checks its format (the "
            "archive is the same each time); MLflow's does not look at the artifact. – means that "
            "MLflow cannot search by that field."
        ),
        columns=["milliseconds", "Modelyard", "MLflow"],
        rows=rows,
        requirements=[
            Requirement(text="registering: times as fast as MLflow", found=times, at_least=3),
            Requirement(
                text=f"slowest first page (by {slowest}), ms",
                found=searches[slowest],
                at_most=50,
            ),
        ],
    )


async def _modelyard(folder: Path, versions: int, registrations: int) -> dict[str, float]:
    home = folder / "home"
    home.mkdir(mode=0o700)
    await asyncio.to_thread(filled, home / "modelyard.db", versions)
    port, gateway_port = free_ports(2)
    command = [sys.executable, "-m", "modelyard", "up", "--home", str(home), "--port", str(port)]
    command += ["--gateway-port", str(gateway_port)]
    async with _process(command, folder / "modelyard.log") as processes:
        await _ready(f"http://127.0.0.1:{port}/healthz", folder / "modelyard.log")
        pids = [process.pid for process in processes()]
        return await asyncio.to_thread(_ask_modelyard, home, registrations, pids)


def client_of(service: str, env: Mapping[str, str]) -> Any:
    """Return a boto3 client of a server, by what `modelyard env` exports."""
    session = boto3.session.Session(
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    return session.client(service, endpoint_url=env["AWS_ENDPOINT_URL"])


def _ask_modelyard(home: Path, registrations: int, pids: Sequence[int]) -> dict[str, float]:
    env = exports(home)
    bucket = env["MODELYARD_ASSETS_BUCKET"]
    client_of("s3", env).put_object(Bucket=bucket, Key="bench/model.tar.gz", Body=_archive())
    client = client_of("sagemaker", env)
    client.create_model_package_group(ModelPackageGroupName="bench")
    request = request_of(f"s3://{bucket}/bench/model.tar.gz")
    client.create_model_package(ModelPackageGroupName="bench", **request)

    register = partial(client.create_model_package, ModelPackageGroupName="bench", **request)

    before = processor_seconds(pids)
    taken = _milliseconds(register, registrations)
    found = {
        "register": statistics.median(taken),
        _PROCESSOR: (processor_seconds(pids) - before) / len(taken) * 1000,
    }
    for name, filters, more in _SEARCHES:
        search = partial(
            client.search,
            Resource="ModelPackage",
            SearchExpression={"Filters": filters},
            MaxResults=PAGE,
            **more,
        )
        found[name] = statistics.median(_milliseconds(search, SEARCHES))
    return found


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"Name": name, "Operator": operator, "Value": value}


_PROCESSOR = "register, of the server's processor"
_AUC = "CustomerMetadataProperties.auc"
#: What is searched for: its name in the report, its filters, its order.
_SEARCHES: list[tuple[str, list[dict[str, str]], dict[str, str]]] = [
    ("group", [_filter("ModelPackageGroupName", "Equals", "group-7")], {}),
    ("run", [_filter("CustomerMetadataProperties.run_id", "Equals", "run-777")], {}),
    ("status, which all have", [_filter("ModelPackageStatus", "Equals", "Completed")], {}),
    ("metric above", [_filter(_AUC, "GreaterThan", "0.9")], {}),
    ("metric above, best first", [_filter(_AUC, "GreaterThan", "0.9")], {"SortBy": _AUC}),
    ("part of the description", [_filter("ModelPackageDescription", "Contains", "of run 777")], {}),
    (
        "approval and owner",
        [
            _filter("ModelApprovalStatus", "NotEquals", "Rejected"),
            _filter("CustomerMetadataProperties.owner", "Equals", "user-3"),
        ],
        {},
    ),
]


def _archive() -> bytes:
    rows = np.random.default_rng(7).normal(size=(200, 5))
    matrix = xgboost.DMatrix(rows, label=(rows[:, 0] > 0).astype(int))
    model = bytes(xgboost.train({"objective": "binary:logistic"}, matrix, 5).save_raw("ubj"))
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(model)
        tar.addfile(entry, io.BytesIO(model))
    return target.getvalue()


async def _mlflow(folder: Path, versions: int, registrations: int) -> dict[str, float]:
    (port,) = free_ports(1)
    database = f"sqlite:///{folder}/mlflow.db"
    command = [str(MLFLOW), "server", "--backend-store-uri", database, "--port", str(port)]
    command += ["--workers", "1", "--artifacts-destination", str(folder / "mlflow-artifacts")]
    async with _process(command, folder / "mlflow.log") as processes:
        for attempt in range(_MLFLOW_STARTS):  # its imports alone take it a minute on busy cores
            try:
                await _ready(f"http://127.0.0.1:{port}/health", folder / "mlflow.log")
                break
            except RuntimeError:
                if attempt == _MLFLOW_STARTS - 1:
                    raise
        pids = [process.pid for process in processes()]
        url = f"http://127.0.0.1:{port}"
        return await asyncio.to_thread(
            _ask_mlflow, url, folder / "mlflow.db", versions, registrations, pids
        )


def _ask_mlflow(
    url: str, database: Path, versions: int, registrations: int, pids: Sequence[int]
) -> dict[str, float]:
    script = Path(__file__).with_name("mlflow_registry.py")
    numbers = (versions, registrations, SEARCHES, PAGE, MOST_SECONDS, *pids)
    arguments = [url, str(database), *map(str, numbers)]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    python = shutil.which(str(MLFLOW.with_name("python"))) or "python"
    ran = subprocess.run(
        [python, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=_MLFLOW_SECONDS,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"the MLflow client failed:\n{ran.stdout}\n{ran.stderr}")
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return {_PROCESSOR if name == "processor" else name: value for name, value in found.items()}


def exports(home: Path) -> dict[str, str]:
    """Return what `modelyard env` exports."""
    command = [sys.executable, "-m", "modelyard", "env", "--home", str(home)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line[7:] for line in printed.splitlines() if line.startswith("export ")]
    return dict(line.split("=", 1) for line in lines)


def _milliseconds(call: Callable[[], object], times: int) -> list[float]:
    """Return how long a call took, each time."""
    taken: list[float] = []
    began = time.perf_counter()
    while len(taken) < times and time.perf_counter() - began < MOST_SECONDS:
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return taken
