"""Feeds a channel's pipes, one per epoch, for as long as somebody reads them."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from modelyard.images.pipe_mode.channel import PipedChannel


class Feeder:
    """Feeds one channel from a thread of its own.

    Args:
        folder: `/opt/ml/input/data`, where the pipes are made.
    """

    def __init__(self, channel: PipedChannel, folder: Path) -> None:
        self._channel = channel
        self._folder = folder

    def start(self) -> None:
        """Make the first pipe, and feed it once it is opened."""
        os.mkfifo(self._pipe(0))
        threading.Thread(target=self._feed, name=self._channel.name, daemon=True).start()

    def _feed(self) -> None:
        epoch = 0
        while True:
            with self._pipe(epoch).open("wb") as sink:  # waits for a reader
                # Whoever comes to the end of this pipe may open the next one at once.
                os.mkfifo(self._pipe(epoch + 1))
                with contextlib.suppress(BrokenPipeError):
                    self._write(sink, epoch)
            epoch += 1

    def _write(self, sink: BinaryIO, epoch: int) -> None:
        try:
            self._channel.write(sink, epoch)
            sink.flush()
        except (OSError, ValueError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            sys.stderr.write(f"ClientError: channel {self._channel.name!r}: {error}\n")
            os._exit(1)

    def _pipe(self, epoch: int) -> Path:
        return self._folder / f"{self._channel.name}_{epoch}"
