"""SIGTERM: how a job is asked to stop.

A library keeps the main thread busy in C for the length of a round, where Python runs no signal
handler; and a host that waits for the others could not be stopped at all. So the signal is taken by
a thread of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from modelyard.images.training import log


class StopRequest:
    """Whether the job has been asked to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._training = False

    def watch(self) -> None:
        """Take SIGTERM from now on. Call it before any other thread starts."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=self._wait, name="stop", daemon=True).start()

    def training_begins(self) -> None:
        """From now on there is something to save: a stop waits for the end of the round."""
        with self._lock:
            self._training = True

    @property
    def asked(self) -> bool:
        """Whether training must end."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Wait until the job is asked to stop, but no longer than this."""
        self._asked.wait(seconds)

    def _wait(self) -> None:
        signal.sigwait({signal.SIGTERM})
        with self._lock:
            self._asked.set()
            if self._training:
                log.info("asked to stop: training ends after this round")
                return
            log.info("asked to stop before the first round: there is no model")
            sys.stdout.flush()
            os._exit(0)
