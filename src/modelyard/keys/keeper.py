"""The keeper: rotates keys that are due, and destroys those whose time is over.

The rows are the timers. So nothing is lost when the server is killed or off for a week: what was
due meanwhile is done at the next start. Several servers may keep the same keys: each looks again
within the transaction that changes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

import structlog

from modelyard import clock
from modelyard.keys.ring import ENABLED, KIND, PENDING, KeyRing
from modelyard.store.errors import NotFound, StaleRevision, StoreError
from modelyard.store.resources import Resource

LOOK_SECONDS = 60.0

log = structlog.get_logger(__name__)


class KeyKeeper:
    """Looks after the keys of all accounts.

    Args:
        now: the time by which keys are due.
    """

    def __init__(self, ring: KeyRing, *, now: Callable[[], datetime] = clock.now) -> None:
        self._ring = ring
        self._now = now
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look, at once and then every minute."""
        self._task = asyncio.create_task(self._keep(), name="key-keeper")

    async def stop(self) -> None:
        """Stop; what is being done is finished."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def keep(self) -> None:
        """Do all that is due. Blocking.

        Raises:
            StoreError: the database cannot be used now.
        """
        with self._ring.store.read() as snapshot:
            pending = snapshot.with_status(KIND, PENDING)
            enabled = snapshot.with_status(KIND, ENABLED)
        for key in pending:
            if self._is_due(key.observed["deletion_at"]):
                self._destroy(key)
        for key in enabled:
            if self._is_due(key.observed["rotation"].get("next_at")):
                self._rotate(key)

    async def _keep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.keep)
            except StoreError as error:
                log.warning("keys cannot be looked after now", why=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    def _is_due(self, moment: int | None) -> bool:
        return moment is not None and moment <= clock.to_micros(self._now())

    def _destroy(self, key: Resource) -> None:
        # As it was read: a deletion that was cancelled meanwhile makes the revision stale.
        with contextlib.suppress(StaleRevision, NotFound), self._ring.store.write() as transaction:
            self._ring.destroy(transaction, key)
            log.warning(
                "a key was destroyed: everything under it is unreadable for ever", key=key.arn
            )

    def _rotate(self, key: Resource) -> None:
        with contextlib.suppress(StaleRevision, NotFound), self._ring.store.write() as transaction:
            # The row again, within the transaction: another server may have done it just now.
            current = transaction.get_by_arn(key.arn)
            if current.revision == key.revision:
                self._ring.rotate(transaction, current, origin="AUTOMATIC", now=self._now())
                log.info("a key was rotated", key=key.arn)
