"""Writes records behind the calls that they tell of, in batches, in a thread of its own.

What changes nothing need not wait for a disk: its record is in the database a quarter of a second
later at most, and that much may be lost at a power cut. Nothing else is: where the database cannot
be written, records wait in memory, calls whose changes the database does not see are refused, and
when too many wait all calls are.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable

import structlog

from modelyard import clock
from modelyard.audit.heads import HeadFile
from modelyard.home import HomeError
from modelyard.store.audit import AuditTrail
from modelyard.store.audit_chain import Entry
from modelyard.store.errors import DatabaseBusy, StorageFull, StoreError

BATCH = 500
FLUSH_SECONDS = 0.25
HEAD_SECONDS = 5.0
RETRY_SECONDS = 1.0
PRUNE_SECONDS = 3600.0
MAX_WAITING = 20_000  # records in memory
PATIENCE_SECONDS = 5.0  # of a call while too many wait

#: Services whose changes lie outside the database, so that no transaction refuses them.
_ELSEWHERE = frozenset({"s3", "sts"})
_READING = ("Get", "List", "Head", "Describe", "Decode")

log = structlog.get_logger(__name__)


class AuditWriter:
    """The thread, and what waits for it. Safe to use from any thread.

    Args:
        keep_days: how long records are kept; 0 is for ever.
        idle: is called about every second, to hand in what it has been summing up.
    """

    def __init__(
        self,
        trail: AuditTrail,
        heads: HeadFile,
        *,
        keep_days: int = 0,
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._trail = trail
        self._heads = heads
        self._keep_days = keep_days
        self._idle = idle
        self._waiting: deque[Entry] = deque()
        self._some = threading.Event()
        self._hurry = threading.Event()
        self._flushing = threading.Lock()
        self._failure: StoreError | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._due_at = {self._keep_head: 0.0, self._prune: time.monotonic() + 60.0}

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="audit-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what still waits, and the head, and end."""
        self._stopping = True
        self._some.set()
        self._hurry.set()
        if self._thread is not None:
            self._thread.join()
        self._idle()
        self.flush()
        self._keep_head()
        if self._waiting:
            log.error(
                "audit records could not be written and are lost",
                records=len(self._waiting),
                reason=str(self._failure),
            )

    def put(self, entry: Entry) -> None:
        """Have a record written soon."""
        self._waiting.append(entry)
        if not self._some.is_set():
            self._some.set()
        if len(self._waiting) >= BATCH:
            self._hurry.set()

    def admit(self, action: str) -> None:
        """Return if a call may begin, since its record will be kept.

        Raises:
            StorageFull: records cannot be written, and the call would leave a change without one.
            DatabaseBusy: too many records wait to be written.
        """
        failure = self._failure
        if failure is not None and _changes_elsewhere(action):
            raise StorageFull(
                f"the audit trail cannot be written, and nothing may change unrecorded: {failure}"
            ) from failure
        if len(self._waiting) >= MAX_WAITING:
            self._await_room()

    def flush(self) -> None:
        """Write all that waits, now; what cannot be written waits on."""
        with self._flushing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    self._trail.write(batch)
                except StoreError as error:
                    self._waiting.extendleft(reversed(batch))
                    if self._failure is None:
                        log.error("audit records cannot be written yet", reason=str(error))
                    self._failure = error
                    return
                except BaseException:
                    self._waiting.extendleft(reversed(batch))
                    raise
                self._failure = None

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._turn()
            except Exception:
                log.exception("the audit writer failed, and goes on")
                time.sleep(RETRY_SECONDS)

    def _turn(self) -> None:
        if self._some.wait(1.0):
            self._hurry.wait(FLUSH_SECONDS)
            self._some.clear()
            self._hurry.clear()
            self.flush()
            if self._failure is not None:
                self._some.set()
                time.sleep(0.0 if self._stopping else RETRY_SECONDS)
        self._idle()
        now = time.monotonic()
        for work, due_at in list(self._due_at.items()):
            if now >= due_at:
                work()

    def _keep_head(self) -> None:
        self._due_at[self._keep_head] = time.monotonic() + HEAD_SECONDS
        try:
            self._heads.write(self._trail.known)
        except HomeError as error:
            log.warning("the audit trail's head cannot be kept", reason=str(error))

    def _prune(self) -> None:
        self._due_at[self._prune] = time.monotonic() + PRUNE_SECONDS
        if self._keep_days == 0:
            return
        now = clock.to_micros(clock.now())
        try:
            removed = self._trail.prune(now - self._keep_days * 86_400 * 1_000_000)
        except StoreError as error:
            log.warning("old audit records could not be removed", reason=str(error))
        else:
            if removed:
                log.info("old audit records were removed", records=removed)

    def _await_room(self) -> None:
        deadline = time.monotonic() + (0.0 if _in_event_loop() else PATIENCE_SECONDS)
        while len(self._waiting) >= MAX_WAITING:
            if time.monotonic() >= deadline:
                raise DatabaseBusy(
                    f"{len(self._waiting)} audit records wait to be written, and nothing may "
                    "happen unrecorded: try again, and if this goes on see the server's log"
                )
            time.sleep(0.01)


def _changes_elsewhere(action: str) -> bool:
    service, _, name = action.partition(":")
    return service in _ELSEWHERE and not name.startswith(_READING)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
