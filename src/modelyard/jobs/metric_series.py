"""The metrics of jobs over time: one file per job, apart from the row, which is rewritten whole.

`<home>/metrics/<account>/<region>/<kind>/<name>.jsonl`, one line `[metric, step, micros, value]`
per point. A line takes the place of all of its metric's at its step and later ones, so that a job
that runs again after a crash, from its beginning or from a checkpoint, only ever appends.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from modelyard import clock
from modelyard.jobs.layout import path_of
from modelyard.store.resources import Resource

#: Of one metric; whenever there are more, every second one is left out.
MAX_POINTS = 4000

# `[12]` at the start of a line, as XGBoost has it; or a word that names a step, and its number.
_ITERATION = re.compile(
    r"^\W{0,4}\[(\d{1,12})\]"
    r"|\b(?:step|iteration|iter|round|epoch)s?[ \t]*[=:#\[]?[ \t]*(\d{1,12})\b",
    re.IGNORECASE | re.ASCII,
)
_ITERATION_WITHIN = 2000  # characters: a line may have a million

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One value of one metric."""

    step: int  # grows from point to point
    at: int  # microseconds since the epoch
    value: float  # finite


Series = dict[str, list[Point]]


class MetricSeries:
    """The points of all jobs. Safe to use from any thread; one writer per job at a time.

    Args:
        root: `<home>/metrics`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, job: Resource) -> Series:
        """Return a job's points, by metric, in the order of their steps. Blocking.

        A metric without points has no entry. A job that runs is read as far as it has come.
        """
        return _read(self._path(job))

    def writer(self, job: Resource, *, resumes: bool) -> SeriesWriter:
        """Begin a run's series, behind what an earlier run of the job has written.

        Args:
            resumes: whether the run goes on where an earlier one was, having its checkpoints.
        """
        return SeriesWriter(self._path(job), resumes=resumes)

    def remove(self, job: Resource) -> None:
        """Remove a job's points."""
        self._path(job).unlink(missing_ok=True)

    def _path(self, job: Resource) -> Path:
        path = path_of(self._root, job)
        return path.with_name(path.name + ".jsonl")


class SeriesWriter:
    """Adds one run's points to its job's series. Safe to use from any thread.

    Points reach the operating system at once, so that a crash of the server loses none, but for
    those of a metric of more than `MAX_POINTS` that are between two that are kept. A full disk may
    cost points, but not the job that has them.
    """

    def __init__(self, path: Path, *, resumes: bool) -> None:
        self._path = path
        self._resumes = resumes
        self._lock = threading.Lock()
        self._of = {name: _Kept(points) for name, points in _read(path).items()}
        self._seen: set[str] = set()
        self._torn = bool(self._of)  # whether the file may end within a line
        self._lost = 0

    def record(self, found: Mapping[str, float], line: str = "") -> None:
        """Add the values that one line of the log has.

        The step is the iteration that the line names, if it is beyond the metric's last one, else
        the one that follows: 0 is the first.
        """
        named, at = iteration_of(line), clock.to_micros(clock.now())
        with self._lock:
            new, full = [], False
            for name, value in found.items():
                kept = self._of.setdefault(name, _Kept([]))
                point = Point(step=self._step(name, kept, named), at=at, value=value)
                self._seen.add(name)
                if kept.add(point):
                    new.append((name, point))
                    full = full or len(kept.points) > MAX_POINTS
            self._keep(self._thin if full else lambda: self._append(new))

    def finish(self) -> None:
        """Add the last points, where they were not kept so far."""
        with self._lock:
            rest = [
                (name, kept.last)
                for name, kept in self._of.items()
                if kept.last is not None and kept.last not in kept.points[-1:]
            ]
            self._keep(lambda: self._append(rest))
        if self._lost:
            log.warning("points of metrics could not be written", at=self._path, times=self._lost)

    def _step(self, name: str, kept: _Kept, named: int | None) -> int:
        following = 0 if kept.last is None else kept.last.step + 1
        if name in self._seen:
            return max(following, named or 0)
        if named is not None:
            return named
        return following if self._resumes else 0

    def _keep(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError:
            self._torn = True
            self._lost += 1

    def _append(self, points: Sequence[tuple[str, Point]]) -> None:
        if not points:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            file.write((b"\n" if self._torn else b"") + _encoded(points))
        self._torn = False

    def _thin(self) -> None:
        for kept in self._of.values():
            if len(kept.points) > MAX_POINTS:
                kept.thin()
        aside = self._path.with_name(f".{self._path.name}.aside")
        points = ((name, point) for name, kept in self._of.items() for point in kept.points)
        aside.write_bytes(_encoded(points))
        aside.replace(self._path)


@dataclass
class _Kept:
    """One metric's points: every one at first, and in the end every 2nd, 4th, 8th …"""

    points: list[Point]
    every: int = 1
    count: int = 0  # since the one that was kept last
    last: Point | None = field(default=None)

    def __post_init__(self) -> None:
        self.last = self.points[-1] if self.points else None

    def add(self, point: Point) -> bool:
        """Take a point; return whether it is kept."""
        again = self.last is not None and point.step <= self.last.step
        self.last = point
        self.count += 1
        if not again and self.points and self.count < self.every:
            return False
        self.count = 0
        _append(self.points, point)
        return True

    def thin(self) -> None:
        self.count = 0 if len(self.points) % 2 else self.every
        self.points = self.points[::2]
        self.every *= 2


def iteration_of(line: str) -> int | None:
    """Return the iteration that a line of a log names: `[12] …`, `epoch 12`, `step=12`; or None."""
    match = _ITERATION.search(line[:_ITERATION_WITHIN])
    return None if match is None else int(match[1] or match[2])


def _append(points: list[Point], point: Point) -> None:
    while points and points[-1].step >= point.step:
        points.pop()
    points.append(point)


def _read(path: Path) -> Series:
    series: Series = {}
    for name, point in _lines(path):
        _append(series.setdefault(name, []), point)
    return series


def _lines(path: Path) -> Iterator[tuple[str, Point]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for line in content.split(b"\n"):
        with suppress(ValueError):  # the last one, which is being written, or was when it crashed
            name, step, at, value = json.loads(line)
            yield name, Point(step=step, at=at, value=value)


def _encoded(points: Iterable[tuple[str, Point]]) -> bytes:
    lines = (json.dumps([name, point.step, point.at, point.value]) for name, point in points)
    return "".join(f"{line}\n" for line in lines).encode()
