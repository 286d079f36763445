"""The thread that begins what is queued: at once when this server queued it, else within a second.

DBOS's own worker can only poll. Looking often enough for a workflow to begin at once would cost a
server that does nothing a tenth of a core; so its loop runs in a thread of ours, whose pauses end
when it is nudged.
"""

from __future__ import annotations

import threading

from dbos import DBOS
from dbos._queue import Queue, queue_worker_thread

#: How long what another process queued, or what a crash left, may wait.
POLL_SECONDS = 1.0


class QueueWorker:
    """Takes workflows from one queue, which DBOS must not listen to itself."""

    def __init__(self, dbos: DBOS, queue: Queue) -> None:
        self._pauses = _Pauses()
        self._thread = threading.Thread(
            target=queue_worker_thread,
            args=(self._pauses, dbos, queue),
            name="workflow-queue",
            daemon=True,
        )

    def start(self) -> None:
        """Begin with what is there."""
        self.nudge()
        self._thread.start()

    def nudge(self) -> None:
        """Say that something was queued, and committed; from any thread."""
        self._pauses.end()

    def stop(self) -> None:
        """Take nothing more; returns when the thread has ended."""
        self._pauses.set()
        self._thread.join()


class _Pauses(threading.Event):
    """The event that tells the loop to stop; its pauses wait for it, and can be ended early."""

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()

    def end(self) -> None:
        self._over.set()

    def set(self) -> None:
        super().set()
        self._over.set()

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self._over.wait(timeout)
            self._over.clear()  # ahead of looking: a nudge that comes meanwhile counts for later
        return self.is_set()
