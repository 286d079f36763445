"""Where things lie: the folders of the training contract, and its configuration files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from modelyard.images.training.errors import AlgorithmError

CONTRACT_ROOT = PurePosixPath("/opt/ml")


@dataclass(frozen=True)
class Layout:
    """The contract's paths below one base folder."""

    base: Path

    @classmethod
    def from_environment(cls) -> Layout:
        """Return the layout of this process: `SAGEMAKER_BASE_DIR` stands in for `/opt/ml`."""
        return cls(Path(os.environ.get("SAGEMAKER_BASE_DIR") or str(CONTRACT_ROOT)))

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.base / "model"

    @property
    def output_data(self) -> Path:
        """What becomes output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        """The file that tells why a job failed."""
        return self.base / "output" / "failure"

    def channel(self, name: str) -> Path:
        """The folder of a channel's files."""
        return self.base / "input" / "data" / name

    def translate(self, path: str) -> Path:
        """Return where a path of the contract (`/opt/ml/checkpoints`) really is."""
        pure = PurePosixPath(path)
        if pure.is_relative_to(CONTRACT_ROOT):
            return self.base / pure.relative_to(CONTRACT_ROOT)
        return Path(path)

    def read_config(self, name: str) -> dict[str, Any] | None:
        """Return `input/config/<name>.json`, or None where there is no such file.

        Raises:
            AlgorithmError: it is not a JSON object.
        """
        path = self.base / "input" / "config" / f"{name}.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise AlgorithmError(f"{path} is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise AlgorithmError(f"{path} must hold a JSON object")
        return document


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the platform tells the job."""

    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Mapping[str, Any]]  # InputDataConfig by channel name
    hosts: tuple[str, ...]  # sorted; the first one leads
    current_host: str
    checkpoints: Path

    @classmethod
    def read(cls, layout: Layout) -> Configuration:
        """Read the configuration files; those that are missing have their usual defaults.

        Raises:
            AlgorithmError: a file is damaged, or the hosts make no sense.
        """
        resources = layout.read_config("resourceconfig") or {}
        hosts = tuple(sorted(resources.get("hosts") or ["algo-1"]))
        current = resources.get("current_host", hosts[0])
        if current not in hosts:
            raise AlgorithmError(f"resourceconfig.json: {current!r} is not among the hosts {hosts}")
        checkpoint = layout.read_config("checkpointconfig") or {}
        return cls(
            hyperparameters={
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in (layout.read_config("hyperparameters") or {}).items()
            },
            channels=layout.read_config("inputdataconfig") or {},
            hosts=hosts,
            current_host=current,
            checkpoints=layout.translate(checkpoint.get("LocalPath") or "/opt/ml/checkpoints"),
        )
