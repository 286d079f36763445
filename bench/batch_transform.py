"""Batch transform of a large CSV, beside a hand-written stream of read, predict and write.

The job is a whole one: a server runs it, sandbox and all, from CreateTransformJob to Completed.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import polars as pl
import psutil
import xgboost

from bench.registry import IMAGE, REGION, exports
from bench.report import Options, Report, Requirement
from bench.servers import _process, _ready, free_ports

ROWS, FEATURES = 2_000_000, 30
TREES, DEPTH = 100, 6
ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"
_STREAM = Path(__file__).with_name("batch_stream.py")
_DRAWN_ROWS = 100_000  # at a time
_SAMPLE_SECONDS = 0.2
_MAX_SECONDS = 1800


def run(options: Options, *, rows: int = ROWS) -> Report:
    """Measure both, interleaved, and return what was found."""
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as folder:
        files = _Files(Path(folder), rows)
        ours, theirs = asyncio.run(_measure(files, options.rounds))
    seconds = {
        name: statistics.median(one.seconds for one in runs) for name, runs in (ours, theirs)
    }
    memory = {name: max(one.mib for one in runs) for name, runs in (ours, theirs)}
    times = seconds[ours[0]] / seconds[theirs[0]]
    return Report(
        title="Batch transform",
        method=(
            f"{rows:,} rows of {FEATURES} features, a CSV of {files.size / 2**20:.0f} MiB, scored "
            f"by {TREES} trees of depth {DEPTH}. The job is measured from CreateTransformJob to "
            "its end, with its sandbox, its model's preparation and its upload; the stream is a "
            "script of twenty lines (bench/batch_stream.py), from its start to its end. Memory is "
            "the most that the job's program, or the script, had at once. The medians of "
            f"{options.rounds} interleaved rounds; the predictions are the same."
        ),
        columns=["", "seconds", "rows/s", "MiB"],
        rows=[
            [name, f"{seconds[name]:.1f}", f"{rows / seconds[name]:,.0f}", f"{memory[name]:.0f}"]
            for name in seconds
        ],
        requirements=[
            Requirement(text="wall time: times the stream's", found=times, at_most=1.25),
            Requirement(text="memory, MiB", found=memory[ours[0]], at_most=1024),
        ],
    )


class _Run:
    def __init__(self, seconds: float, mib: float) -> None:
        self.seconds = seconds
        self.mib = mib


class _Files:
    """What both read."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder = folder
        self.rows = folder / "rows.csv"
        self.model = folder / "xgboost-model"
        random = np.random.default_rng(0)
        with self.rows.open("wb") as file:
            for start in range(0, rows, _DRAWN_ROWS):
                drawn = random.normal(size=(min(_DRAWN_ROWS, rows - start), FEATURES))
                text = pl.DataFrame(drawn).write_csv(include_header=False, float_precision=5)
                file.write(text.encode())
        self.size = self.rows.stat().st_size
        features = random.normal(size=(5000, FEATURES)).astype(np.float32)
        labels = features[:, :5].sum(axis=1) + random.normal(size=5000) > 0
        parameters = {"objective": "binary:logistic", "max_depth": DEPTH, "nthread": 1}
        booster = xgboost.train(parameters, xgboost.DMatrix(features, labels), TREES)
        self.model.write_bytes(bytes(booster.save_raw("ubj")))

    def archive(self) -> bytes:
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w:gz") as tar:
            tar.add(self.model, self.model.name)
        return target.getvalue()


_Runs = tuple[str, list[_Run]]


async def _measure(files: _Files, rounds: int) -> tuple[_Runs, _Runs]:
    ours: _Runs = ("Modelyard, transform job", [])
    theirs: _Runs = ("hand-written stream", [])
    home = files.folder / "home"
    port, gateway_port = free_ports(2)
    command = [sys.executable, "-m", "modelyard", "up", "--home", str(home), "--port", str(port)]
    command += ["--gateway-port", str(gateway_port)]
    async with _process(command, files.folder / "modelyard.log"):
        await _ready(f"http://127.0.0.1:{port}/healthz", files.folder / "modelyard.log")
        client = await asyncio.to_thread(_Client, home, files)
        for number in range(rounds):
            theirs[1].append(await asyncio.to_thread(_stream, files))
            ours[1].append(await asyncio.to_thread(client.transform, f"bench-{number}"))
            await asyncio.to_thread(client.compare, f"bench-{number}", files)
    return ours, theirs


class _Client:
    def __init__(self, home: Path, files: _Files) -> None:
        env = exports(home)
        session = boto3.session.Session(
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        self._bucket = bucket = env["MODELYARD_ASSETS_BUCKET"]
        self._s3 = session.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"])
        self._sagemaker = session.client("sagemaker", endpoint_url=env["AWS_ENDPOINT_URL"])
        self._s3.put_object(Bucket=bucket, Key="bench/model.tar.gz", Body=files.archive())
        self._s3.upload_file(str(files.rows), bucket, "bench/rows.csv")
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/bench/model.tar.gz"}
        self._sagemaker.create_model(
            ModelName="bench", ExecutionRoleArn=ROLE, PrimaryContainer=container
        )

    def transform(self, name: str) -> _Run:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self._bucket}/bench/rows.csv"}
        with _Memory("modelyard.batch") as memory:
            self._sagemaker.create_transform_job(
                TransformJobName=name,
                ModelName="bench",
                TransformInput={
                    "DataSource": {"S3DataSource": source},
                    "ContentType": "text/csv",
                    "SplitType": "Line",
                },
                TransformOutput={
                    "S3OutputPath": f"s3://{self._bucket}/{name}",
                    "AssembleWith": "Line",
                },
                TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            )
            job = self._await(name)
        taken = (job["TransformEndTime"] - job["CreationTime"]).total_seconds()
        return _Run(taken, memory.mib)

    def compare(self, name: str, files: _Files) -> None:
        """Make sure that both said the same."""
        output = files.folder / f"{name}.out"
        self._s3.download_file(self._bucket, f"{name}/rows.csv.out", str(output))
        if not np.array_equal(_scores(output), _scores(files.folder / "stream.out")):
            raise RuntimeError("the job and the stream predict differently")
        output.unlink()

    def _await(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + _MAX_SECONDS
        while time.monotonic() < deadline:
            job: dict[str, Any] = self._sagemaker.describe_transform_job(TransformJobName=name)
            if job["TransformJobStatus"] == "Completed":
                return job
            if job["TransformJobStatus"] == "Failed":
                raise RuntimeError(f"the transform job failed: {job['FailureReason']}")
            time.sleep(0.1)
        raise RuntimeError(f"the transform job was not done within {_MAX_SECONDS} s")


def _scores(path: Path) -> np.ndarray[Any, Any]:
    return pl.read_csv(path, has_header=False).to_numpy()


def _stream(files: _Files) -> _Run:
    arguments = [files.model, files.rows, FEATURES, files.folder / "stream.out"]
    with _Memory(_STREAM.name) as memory:
        started = time.perf_counter()
        subprocess.run([sys.executable, _STREAM, *map(str, arguments)], check=True)
        taken = time.perf_counter() - started
    return _Run(taken, memory.mib)


class _Memory:
    """The most memory that the programs with a word in their arguments had together."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.mib = 0.0

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self.mib = max(self.mib, sum(self._look()) / 2**20)

    def _look(self) -> Iterator[int]:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if any(self._word in part for part in process.cmdline()):
                    yield process.memory_info().rss
