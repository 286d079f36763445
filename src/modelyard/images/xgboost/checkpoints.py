"""Checkpoints: where a job that was killed goes on.

`xgboost-checkpoint.<round>` is a model in UBJ format after that round, counted from 0, as in the
container of AWS. Since every round depends on nothing but the model before it and the data,
training that resumes from any of them ends with the very same model.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from modelyard.images.training import log
from modelyard.images.training.errors import ClientError
from modelyard.images.training.files import write_whole
from modelyard.images.xgboost import library, ubjson

NAME = "xgboost-checkpoint"
KEPT = 2  # the newest, and one more should that be damaged on its way to another machine
_SHARE_OF_TIME = 0.05  # what writing checkpoints may take
_PATTERN = re.compile(rf"{NAME}\.(\d+)")

Booster = Any  # xgboost.Booster, whose module is imported late


class Checkpoints:
    """The checkpoints in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next_at = 0.0  # time.monotonic() of the next one

    def newest(self, *, rounds: int) -> bytes:
        """Return the newest checkpoint that is whole and of at most `rounds` rounds, or nothing."""
        for round in sorted(self._rounds(), reverse=True):
            path = self._path(round)
            if round >= rounds:
                log.info(f"checkpoint {path.name} is passed over: num_round is {rounds}")
                continue
            content = path.read_bytes()
            fault = _fault(content, round)
            if not fault:
                return content
            log.warning(f"checkpoint {path.name} is passed over: {fault}")
        return b""

    def due(self) -> bool:
        """Tell whether it is time for the next one."""
        return time.monotonic() >= self._next_at

    def save(self, booster: Booster, round: int) -> None:
        """Write a checkpoint, and remove those that are no longer needed."""
        started = time.monotonic()
        for partial in self._folder.glob(f".{NAME}.*"):
            partial.unlink(missing_ok=True)  # of a process that was killed
        write_whole(self._path(round), bytes(booster.save_raw("ubj")))
        # Later ones are of an earlier job with a higher num_round, or damaged: not ours to remove.
        for old in sorted(other for other in self._rounds() if other <= round)[:-KEPT]:
            self._path(old).unlink(missing_ok=True)
        ended = time.monotonic()
        self._next_at = ended + (ended - started) / _SHARE_OF_TIME

    def _path(self, round: int) -> Path:
        return self._folder / f"{NAME}.{round}"

    def _rounds(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        matches = (_PATTERN.fullmatch(path.name) for path in self._folder.iterdir())
        return [int(match[1]) for match in matches if match]


def _fault(content: bytes, round: int) -> str:
    """Return why a checkpoint cannot be used, or nothing."""
    try:
        ubjson.check(content)
        booster = load(content)
    except ValueError as error:  # XGBoost's own error is one
        return str(error).splitlines()[0]
    rounds = booster.num_boosted_rounds()
    return "" if rounds == round + 1 else f"it has {rounds} rounds"


def load(content: bytes) -> Booster:
    """Return the model of a checkpoint."""
    return library.load().Booster(model_file=bytearray(content))


def check_fits(booster: Booster, *, features: int, objective: str, booster_name: str) -> None:
    """Check that training can go on from a checkpoint.

    Raises:
        ClientError: it is another job's.
    """
    learner = json.loads(booster.save_config())["learner"]
    found = {
        "features": booster.num_features(),
        "objective": learner["objective"]["name"],
        "booster": learner["gradient_booster"]["name"],
    }
    expected = {"features": features, "objective": objective, "booster": booster_name}
    different = [
        f"{key} {found[key]} in the checkpoint, {expected[key]} in this job"
        for key in found
        if found[key] != expected[key]
    ]
    if different:
        raise ClientError(
            f"the checkpoint is of another job ({'; '.join(different)}): give this one a "
            f"CheckpointConfig.S3Uri of its own"
        )
