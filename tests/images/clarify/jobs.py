"""Clarify jobs, run by the image's own entry point in a folder that stands in for /opt/ml."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from modelyard.images.clarify.__main__ import main


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A job that has ended."""

    code: int
    message: str
    output: Path
    base: Path

    def document(self, name: str) -> Any:
        return json.loads((self.output / name).read_text())

    def text(self, name: str) -> str:
        return (self.output / name).read_text()

    def metrics(self) -> list[dict[str, Any]]:
        path = self.base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]


def run(
    base: Path,
    config: Any,
    data: Mapping[str, str | bytes],
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a job on files of a dataset."""
    inputs = base / "processing/input"
    write(inputs / "config/analysis_config.json", json.dumps(config))
    for name, content in data.items():
        write(inputs / "data" / name, content)
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CLARIFY_", "SAGEMAKER_"))
    }
    clean |= {"SAGEMAKER_BASE_DIR": str(base), **(environment or {})}
    with mock.patch.dict(os.environ, clean, clear=True):
        code = main()
    return Ended(
        code=code,
        message=(base / "output/message").read_text(),
        output=base / "processing/output",
        base=base,
    )


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
