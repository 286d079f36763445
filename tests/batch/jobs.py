"""Small jobs below a folder, as the control plane leaves them, run in this process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelyard.batch import __main__ as program
from modelyard.batch.plan import INPUT_FOLDER, OUTPUT_FOLDER, Plan

#: An image's program: adds one to each line, and refuses what is no number.
SERVE = """
import os, sys, time
from pathlib import Path
from modelyard.images.serving import Answer, Refused, serve

class PlusOne:
    def score(self, body, content_type, accept):
        if b"slow" in body:
            time.sleep(1000)
        if b"die" in body:
            os._exit(3)
        answers = []
        for number, line in enumerate(body.decode().splitlines(), 1):
            if line == "env":
                told = sorted(n for n in os.environ if n.startswith("SAGEMAKER_"))
                answers.append(";".join(f"{n}={os.environ[n]}" for n in told))
            elif not line.lstrip("-").isdigit():
                raise Refused(400, f"row {number} is {line!r} and no number")
            else:
                answers.append(str(int(line) + 1))
        return Answer(body="\\n".join(answers).encode(), content_type="text/csv")

if "early" in sys.argv:
    sys.exit("no model")
serve(lambda folder: PlusOne())
"""
PLUS_ONE = (sys.executable, "-c", SERVE, "serve")


@dataclass
class Job:
    """One job's folder."""

    base: Path

    def put(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.base / INPUT_FOLDER / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def run(self, **members: Any) -> int:
        """Carry out a plan and return the program's exit code."""
        Plan(**{"content_type": "text/csv", "split": "Line", "assembly": "Line", **members}).write(
            self.base
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SAGEMAKER_BASE_DIR", str(self.base))
            patch.setenv("OMP_NUM_THREADS", "2")
            return program.main()

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    @property
    def outputs(self) -> dict[str, str]:
        folder = self.base / OUTPUT_FOLDER
        return {
            path.relative_to(folder).as_posix(): path.read_text()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
