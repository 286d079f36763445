"""The data quality monitor beside its floor, whylogs and TensorFlow Data Validation.

Every side is a process of its own that is timed as a whole, imports and all, one after the other
on the same cores; rounds are interleaved. The floor is reading the file with Polars and feeding KLL
sketches. The file has 30 columns: 8 of whole numbers, 18 of fractions, 4 of categories.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from bench.report import BenchUnavailable, Options, Report, Requirement

ROWS = int(os.environ.get("BENCH_ROWS", "2000000"))
MEBIBYTES = 1024.0
_FORMATS = {"csv": '{"csv": {"header": true}}', "parquet": '{"parquet": {}}'}
_PEERS = {"whylogs": 8.0, "tfdv": 4.0}
_NAMES = {"whylogs": "whylogs", "tfdv": "TensorFlow Data Validation"}


@dataclass
class Side:
    """One side's seconds, a number for each round, and the most memory it took."""

    seconds: list[float] = field(default_factory=list)
    mebibytes: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def run(options: Options) -> Report:
    """Measure, and report seconds and ratios."""
    sides: dict[str, Side] = {}
    with tempfile.TemporaryDirectory(prefix="bench-data-quality-") as folder:
        data = {name: Path(folder, name, f"data.{name}") for name in _FORMATS}
        # A child's memory is counted from its fork on, when it is a copy of this process: what
        # making the data takes is therefore taken elsewhere.
        making = multiprocessing.get_context("spawn").Process(target=_make, args=(data,))
        making.start()
        making.join()
        if making.exitcode:
            raise BenchUnavailable(f"the data could not be made: exit code {making.exitcode}")
        for _ in range(options.rounds):
            for name, path in data.items():
                _measure(sides, f"floor {name}", _floor(path))
                _measure(sides, f"baseline {name}", *_monitor(path, Path(folder), name))
                _measure(sides, f"check {name}", *_monitor(path, Path(folder), name, check=True))
        for peer in filter(_installed, _PEERS):
            _measure(sides, peer, [str(_python(peer)), *_PEER, peer, str(data["csv"])])
    return _report(sides)


_PEER = ["-W", "ignore", str(Path(__file__).with_name("data_quality_peer.py"))]


def _python(peer: str) -> Path:
    return Path(f".venv-{peer}") / "bin" / "python"


def _installed(peer: str) -> bool:
    """Whether the peer is there; `make .venv-<peer>/.ready` gets it."""
    return Path(f".venv-{peer}", ".ready").exists()


def _make(paths: dict[str, Path]) -> None:
    random = np.random.default_rng(0)
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    frame = pl.DataFrame(
        {f"whole_{i}": random.integers(0, 1000, ROWS) for i in range(8)}
        | {f"fraction_{i}": (random.normal(size=ROWS) * (i + 1)).round(6) for i in range(18)}
        | {f"word_{i}": random.choice(words, ROWS) for i in range(4)}
    )
    for path in paths.values():
        path.parent.mkdir()
    frame.write_csv(paths["csv"])
    frame.write_parquet(paths["parquet"])


def _floor(path: Path) -> list[str]:
    return [sys.executable, "-m", "bench.data_quality_floor", str(path)]


def _monitor(
    path: Path, folder: Path, name: str, *, check: bool = False
) -> tuple[list[str], dict[str, str]]:
    baseline = folder / f"baseline-{name}"
    environment = {
        "SAGEMAKER_BASE_DIR": str(folder / "job"),
        "dataset_source": str(path.parent),
        "dataset_format": _FORMATS[name],
        "output_path": str(folder / f"check-{name}" if check else baseline),
    }
    if check:
        environment["baseline_constraints"] = str(baseline / "constraints.json")
        environment["baseline_statistics"] = str(baseline / "statistics.json")
    return [sys.executable, "-m", "modelyard.images.model_monitor"], environment


def _measure(
    sides: dict[str, Side], name: str, command: list[str], environment: dict[str, str] | None = None
) -> None:
    side = sides.setdefault(name, Side())
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchUnavailable(f"{name} failed with exit code {process.returncode}")
    side.seconds.append(time.perf_counter() - started)
    side.mebibytes = max(side.mebibytes, usage.ru_maxrss / 1024)


def _report(sides: dict[str, Side]) -> Report:
    requirements = []
    for name in _FORMATS:
        floor = sides[f"floor {name}"].median
        for what in ("baseline", "check"):
            ours = sides[f"{what} {name}"]
            title = f"{what} of {name}: times the floor's time"
            ratio = ours.median / floor
            requirements.append(Requirement(text=title, found=ratio, at_most=1.5))
            title = f"{what} of {name}: MiB"
            requirements.append(Requirement(text=title, found=ours.mebibytes, at_most=MEBIBYTES))
    seconds = sides["baseline csv"].median
    for peer, least in _PEERS.items():
        if peer in sides:
            title = f"baseline of csv: times as fast as {_NAMES[peer]}"
            ratio = sides[peer].median / seconds
            requirements.append(Requirement(text=title, found=ratio, at_least=least))
    return Report(
        title="Data quality monitor",
        method=f"{ROWS:,} rows of 30 columns. {' '.join((__doc__ or '').split())}{_absent(sides)}",
        columns=["process", "seconds", "MiB"],
        rows=[
            [_NAMES.get(name, name), f"{side.median:.2f}", f"{side.mebibytes:.0f}"]
            for name, side in sides.items()
        ],
        requirements=requirements,
    )


def _absent(sides: dict[str, Side]) -> str:
    missing = [_NAMES[peer] for peer in _PEERS if peer not in sides]
    if not missing:
        return ""
    return f" Not installed here, and so not measured: {', '.join(missing)}."
