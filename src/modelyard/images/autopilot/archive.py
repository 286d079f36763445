"""A candidate as it is deployed: an archive of plain data."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.images.autopilot.features import Plan
from modelyard.images.autopilot.learners import LEARNERS, Model, Problem
from modelyard.images.autopilot.target import Target
from modelyard.images.training.files import write_whole

ABOUT = "autopilot.json"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What an archive holds."""

    algorithm: str
    target: Target
    plan: Plan
    model: Model


def write(path: Path, kept: Kept) -> None:
    """Write an archive, whole or not at all. The same content makes the same bytes."""
    about = {
        "format": _FORMAT,
        "algorithm": kept.algorithm,
        "target": kept.target.name,
        "problem_type": kept.target.problem_type,
        "why": kept.target.why,
        "labels": list(kept.target.labels),
        "features": kept.plan.to_json(),
    }
    files = {ABOUT: json.dumps(about).encode(), **kept.model.files()}
    write_whole(path, _packed(files))


def read(folder: Path) -> Kept:
    """Read what an archive was unpacked to.

    Raises:
        ValueError: it is no candidate of this image's.
    """
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text())
    except OSError as error:
        raise ValueError(f"there is no {ABOUT}: this is no candidate of Autopilot") from error
    if about.get("format") != _FORMAT or about.get("algorithm") not in LEARNERS:
        raise ValueError(
            f"{ABOUT} has format {about.get('format')} and algorithm {about.get('algorithm')!r}, "
            f"which this image does not know: it reads format {_FORMAT} of {', '.join(LEARNERS)}"
        )
    target = Target(
        name=about["target"],
        problem_type=about["problem_type"],
        why=about["why"],
        labels=about["labels"],
    )
    plan = Plan.from_json(about["features"])
    problem = problem_of(target, plan, seed=0)
    model = LEARNERS[about["algorithm"]].load(folder, problem)
    return Kept(algorithm=about["algorithm"], target=target, plan=plan, model=model)


def problem_of(target: Target, plan: Plan, *, seed: int) -> Problem:
    """Return what learners are told."""
    return Problem(
        problem_type=target.problem_type,
        classes=target.classes,
        categories=plan.categories,
        seed=seed,
    )


def _packed(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
