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
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import xgboost

from bench.report import BenchUnavailable, Options, Report, Requirement
from bench.servers import _process, _ready, free_ports
from modelyard.operations.context import Context, Principal
from modelyard.registry import descriptions
from modelyard.registry.references import GROUP, VERSION
from modelyard.store.database import Database
from modelyard.store.resources import Scope, Store

ACCOUNT, REGION = "123456789012", "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
MLFLOW = Path(".venv-mlflow/bin/mlflow")
VERSIONS = 100_000
REGISTRATIONS = 500
SEARCHES = 20
PAGE = 100
GROUPS = 50
_MLFLOW_STARTS = 3  # minutes
_SCOPE = Scope(account=ACCOUNT, region=REGION)


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
    searches = {name: value for name, value in ours.items() if name != "register"}
    slowest = max(searches, key=lambda name: searches[name])
    rows = [["register a version", f"{ours['register']:.2f}", f"{theirs['register']:.2f}"]]
    rows += [
        [f"find by {name}", f"{value:.1f}", f"{theirs[name]:.1f}" if name in theirs else "–"]
        for name, value in searches.items()
    ]
    return Report(
        title="Model registry",
        method=(
            f"Median milliseconds of a call through the client, HTTP included (boto3 and "
            f"MlflowClient), both on SQLite: {registrations} registrations one after the other; "
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
    await asyncio.to_thread(fill, home / "modelyard.db", versions)
    port, gateway_port = free_ports(2)
    command = [sys.executable, "-m", "modelyard", "up", "--home", str(home), "--port", str(port)]
    command += ["--gateway-port", str(gateway_port)]
    async with _process(command, folder / "modelyard.log"):
        await _ready(f"http://127.0.0.1:{port}/healthz", folder / "modelyard.log")
        return await asyncio.to_thread(_ask_modelyard, home, registrations)


def client_of(service: str, env: Mapping[str, str]) -> Any:
    """Return a boto3 client of a server, by what `modelyard env` exports."""
    session = boto3.session.Session(
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    return session.client(service, endpoint_url=env["AWS_ENDPOINT_URL"])


def _ask_modelyard(home: Path, registrations: int) -> dict[str, float]:
    env = exports(home)
    bucket = env["MODELYARD_ASSETS_BUCKET"]
    client_of("s3", env).put_object(Bucket=bucket, Key="bench/model.tar.gz", Body=_archive())
    client = client_of("sagemaker", env)
    client.create_model_package_group(ModelPackageGroupName="bench")
    request = _request(f"s3://{bucket}/bench/model.tar.gz")
    client.create_model_package(ModelPackageGroupName="bench", **request)

    found = {
        "register": _milliseconds(
            partial(client.create_model_package, ModelPackageGroupName="bench", **request),
            registrations,
        )
    }
    for name, filters, more in _SEARCHES:
        search = partial(
            client.search,
            Resource="ModelPackage",
            SearchExpression={"Filters": filters},
            MaxResults=PAGE,
            **more,
        )
        found[name] = _milliseconds(search, SEARCHES)
    return found


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"Name": name, "Operator": operator, "Value": value}


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


def _request(url: str) -> dict[str, Any]:
    return {
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": url}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelPackageDescription": "made by a run",
        "CustomerMetadataProperties": {"run_id": "run-0", "auc": "0.97", "owner": "user-1"},
    }


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


def fill(file: Path, versions: int) -> None:
    """Put versions into a database that no server uses yet."""
    database = Database(f"sqlite:///{file}")
    database.migrate()
    store = Store(database)
    store.make_searchable(VERSION, descriptions.searched_version)
    store.make_searchable(GROUP, descriptions.describe_group)
    root = f"arn:aws:iam::{ACCOUNT}:root"
    principal = Principal(account=ACCOUNT, arn=root, user_id=ACCOUNT)
    by = descriptions.user_context(
        Context(account=ACCOUNT, region=REGION, principal=principal, request_id="", source="bench")
    )
    for first in range(0, versions, 1000):
        with store.write() as transaction:
            for number in range(first, min(first + 1000, versions)):
                group, version = f"group-{number % GROUPS}", number // GROUPS + 1
                name = f"{group}/{version}"
                arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{VERSION}/{name}"
                request = _request(f"s3://models/{number}/model.tar.gz")
                request["ModelPackageDescription"] = f"made by run {number}, of run {number}"
                request["CustomerMetadataProperties"] = {
                    "run_id": f"run-{number}",
                    "auc": f"{(number * 7919) % 100_000 / 100_000:.5f}",
                    "owner": f"user-{number % 1000}",
                }
                transaction.create(
                    _SCOPE,
                    VERSION,
                    name,
                    arn=arn,
                    spec={"ModelPackageGroupName": group, **request},
                    status="Completed",
                    observed={
                        "ModelPackageGroupName": group,
                        "ModelPackageVersion": version,
                        "ModelPackageArn": arn,
                        "ModelApprovalStatus": ("Approved", "Rejected")[number % 2],
                        "CreatedBy": by,
                        "LastModifiedBy": by,
                        "Author": root,
                        "Approvals": [],
                    },
                    tags={"team": f"team-{number % 20}"},
                )
    database.dispose()


async def _mlflow(folder: Path, versions: int, registrations: int) -> dict[str, float]:
    (port,) = free_ports(1)
    database = f"sqlite:///{folder}/mlflow.db"
    command = [str(MLFLOW), "server", "--backend-store-uri", database, "--port", str(port)]
    command += ["--workers", "1", "--artifacts-destination", str(folder / "mlflow-artifacts")]
    async with _process(command, folder / "mlflow.log"):
        for attempt in range(_MLFLOW_STARTS):  # its imports alone take it a minute on busy cores
            try:
                await _ready(f"http://127.0.0.1:{port}/health", folder / "mlflow.log")
                break
            except RuntimeError:
                if attempt == _MLFLOW_STARTS - 1:
                    raise
        return await asyncio.to_thread(
            _ask_mlflow, f"http://127.0.0.1:{port}", folder / "mlflow.db", versions, registrations
        )


def _ask_mlflow(url: str, database: Path, versions: int, registrations: int) -> dict[str, float]:
    script = Path(__file__).with_name("mlflow_registry.py")
    arguments = [url, str(database), str(versions), str(registrations), str(SEARCHES), str(PAGE)]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    python = shutil.which(str(MLFLOW.with_name("python"))) or "python"
    ran = subprocess.run(
        [python, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"the MLflow client failed:\n{ran.stdout}\n{ran.stderr}")
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def exports(home: Path) -> dict[str, str]:
    """Return what `modelyard env` exports."""
    command = [sys.executable, "-m", "modelyard", "env", "--home", str(home)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line[7:] for line in printed.splitlines() if line.startswith("export ")]
    return dict(line.split("=", 1) for line in lines)


def _milliseconds(call: Callable[[], object], times: int) -> float:
    """Return the median duration of a call."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)
