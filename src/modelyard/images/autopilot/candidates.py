"""Candidates, and the journal that they are written to when they are finished.

The journal and the archives lie in the folder that a job finds again when it is run again: what is
in the journal is not done a second time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from modelyard.images.training import log

MARK = "#autopilot "


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One candidate, finished or not."""

    name: str
    number: int  # from 0 on
    algorithm: str
    config: Mapping[str, int | float]
    status: str  # Completed, Failed, Stopped, InProgress
    started: int  # microseconds since the epoch
    ended: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)  # of rows that it has not seen
    failure: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_json` returned."""
        return cls(**data)


class Journal:
    """The finished candidates of a job, in their order.

    Args:
        folder: that survives a crash.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "candidates.jsonl"

    def read(self) -> Sequence[Candidate]:
        """Return what is there. A torn last line, of a crash, is passed over and written anew."""
        if not self._path.exists():
            return []
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self._path.open("r+b") as file:
                file.truncate(len(whole))
        return [Candidate.from_json(json.loads(line)) for line in whole.splitlines()]

    def add(self, candidate: Candidate) -> None:
        """Write a candidate down, for good; its archive must be there already."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(json.dumps(candidate.to_json()).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def restart(self) -> None:
        """Forget everything."""
        self._path.unlink(missing_ok=True)

    def archive(self, name: str) -> Path:
        """Return where a candidate's archive is, until the job ends."""
        return self._folder / "archives" / f"{name}.tar.gz"

    def scores(self, name: str) -> Path:
        """Return where a candidate's scores of the rows that were held out are (npy)."""
        return self._folder / "scores" / f"{name}.npy"


def log_objective(candidate: Candidate, objective: str, which: str) -> None:
    """Log a candidate's objective as a metric."""
    log.line(
        f"[{candidate.number}] {candidate.name} ({candidate.algorithm}): "
        f"{which}:{objective}={candidate.metrics[objective]:.10g}"
    )


def tell(**facts: Any) -> None:
    """Tell whoever follows the log how far the job is."""
    log.line(MARK + json.dumps(facts))
