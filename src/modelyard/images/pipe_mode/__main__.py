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
    relay = SignalRelay()
    signal.signal(signal.SIGTERM, relay.take)
    with subprocess.Popen(argv) as program:
        relay.to(program)
        return program.wait()


class SignalRelay:
    """Hands on to the program whatever comes, also what came while it was being started."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def take(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        if self._program is None:
            self._early.append(number)
        else:
            self._program.send_signal(number)

    def to(self, program: subprocess.Popen[bytes]) -> None:
        """Hand signals on to `program` from now on."""
        self._program = program
        for number in self._early:
            program.send_signal(number)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # The feeders wait in `open` for readers that never come.
    os._exit(code if code >= 0 else 128 - code)
