"""What one job is to do, as a file: the control plane writes it, the job's program reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

FILE = "input/config/transformjob.json"
MODEL_FOLDER = "model"
INPUT_FOLDER = "input/data"
OUTPUT_FOLDER = "transformed"
PART_FOLDER = "unfinished"  # for outputs that are not whole yet
SUFFIX = ".out"

MIB = 2**20
#: Where neither the request nor the model's program says (`/execution-parameters`).
DEFAULT_MAX_PAYLOAD_MIB = 6
DEFAULT_CONCURRENCY = 1
DEFAULT_STRATEGY: Strategy = "MultiRecord"

Split = Literal["None", "Line", "RecordIO", "TFRecord"]
Strategy = Literal["SingleRecord", "MultiRecord"]
Assembly = Literal["None", "Line"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one job is to do. None: the model's program is asked, or else there is a default."""

    content_type: str = ""
    accept: str = ""
    split: Split = "None"
    strategy: Strategy | None = None
    assembly: Assembly = "None"
    max_payload_mib: int | None = None
    concurrency: int | None = None
    gzipped: bool = False
    input_filter: str = "$"
    output_filter: str = "$"
    join_input: bool = False
    #: When the job began, as each record bears it beside an inference id; None: records bear none.
    inference_time: str | None = None
    #: The image's program that serves; empty: the gateway's code does.
    server: Sequence[str] = ()
    #: Where that program listens; None: at the socket that it is told.
    port: int | None = None
    invocation_seconds: int = 600
    invocation_retries: int = 3

    def write(self, base: Path) -> None:
        """Write the file below what the job sees as /opt/ml."""
        path = base / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, base: Path) -> Self:
        """Return what `write` wrote."""
        return cls(**json.loads((base / FILE).read_text()))
