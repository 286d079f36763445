"""`python -m modelyard.images.pipe_mode PROGRAM …`: see the package."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from modelyard.images.pipe_mode.channel import PipedChannel
from modelyard.images.pipe_mode.feeder import Feeder


def main(argv: list[str]) -> int:
    """Feed the pipes while the program runs; return how it ended, minus its signal."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml")
    data = base / "input" / "data"
    data.mkdir(parents=True, exist_ok=True)
    pipes = json.loads((base / "input" / "config" / "pipes.json").read_text())
    for name, config in pipes.items():
        Feeder(PipedChannel.of(name, config, base), data).start()
    with subprocess.Popen(argv) as program:

        def forward(number: int, _frame: FrameType | None) -> None:
            program.send_signal(number)

        signal.signal(signal.SIGTERM, forward)
        return program.wait()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # The feeders wait in `open` for readers that never come.
    os._exit(code if code >= 0 else 128 - code)
