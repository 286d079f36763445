"""Where things lie: the folders of the processing contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CONTRACT_ROOT = PurePosixPath("/opt/ml")


@dataclass(frozen=True)
class Layout:
    """The contract's paths below one base folder."""

    base: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Layout:
        """Return a process's layout: `SAGEMAKER_BASE_DIR` stands in for `/opt/ml`."""
        return cls(Path(environment.get("SAGEMAKER_BASE_DIR") or str(CONTRACT_ROOT)))

    @property
    def message(self) -> Path:
        """What the platform shows as the job's ExitMessage."""
        return self.base / "output" / "message"

    @property
    def metrics(self) -> Path:
        """The file of metrics for the platform, one JSON object a line."""
        return self.base / "output" / "metrics" / "cloudwatch" / "cloudwatch_metrics.jsonl"

    def translate(self, path: str) -> Path:
        """Return where a path of the contract (`/opt/ml/processing/output`) really is."""
        pure = PurePosixPath(path)
        if pure.is_relative_to(CONTRACT_ROOT):
            return self.base / pure.relative_to(CONTRACT_ROOT)
        return Path(path)
