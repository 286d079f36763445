"""Who may call, and which sessions are over ahead of their time: in memory, as the store has it.

A look-up waits for nothing. `refresh` reads the store again if anything happened in it since; what
this process changes is known at once, what another one changes at the next tick.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from modelyard import clock
from modelyard.identity.credentials import Credentials, bearer_token_of
from modelyard.identity.principals import root_of, user_of
from modelyard.identity.revocations import REVOCATION_KIND, revocation_of
from modelyard.identity.roles import MAX_SESSION_SECONDS
from modelyard.identity.users import ACTIVE, KEY_KIND, USER_KIND
from modelyard.operations.context import Principal
from modelyard.sealing import Revocation, SealError, Session, open_text
from modelyard.store.errors import StoreError
from modelyard.store.resources import Snapshot, Store

TICK_SECONDS = 1.0  # within two of these, a change is known everywhere

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class KnownKey:
    """One access key that works."""

    secret: str = field(repr=False)
    token: str = field(repr=False)
    principal: Principal


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that is known at one moment."""

    keys: Mapping[str, KnownKey]  # by access key id
    tokens: Mapping[bytes, Principal] = field(repr=False)  # by the token's SHA-256
    revocations: tuple[Revocation, ...] = ()

    def is_revoked(self, session: Session) -> bool:
        """Tell whether a session is over ahead of its time."""
        return any(revocation.covers(session) for revocation in self.revocations)


def known_root(credentials: Credentials, account: str) -> Known:
    """Return what is known where there is nobody but the root of `account`."""
    root = KnownKey(
        secret=credentials.secret_access_key,
        token=credentials.token,
        principal=root_of(account),
    )
    keys = {credentials.access_key_id: root}
    return Known(keys=keys, tokens=_tokens(keys))


def digest_of(token: str) -> bytes:
    """Return what a bearer token is looked up by: how long that takes says nothing of it."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class KnownCallers:
    """The root, the users with their access keys, and the revocations. Safe from any thread.

    Args:
        account: the account that the root credentials are of.
    """

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        *,
        account: str,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._sealing_key = credentials.sealing_key
        self._root = known_root(credentials, account)
        self._now = now
        self._lock = threading.Lock()
        self._seen = -1  # the newest event that `known` knows of
        self._listeners: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self.known = self._root

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, in the thread that found it; it must not wait."""
        self._listeners.append(listener)

    def refresh(self) -> None:
        """Read the store, if anything happened in it since.

        Raises:
            StoreError: it cannot be read.
        """
        with self._lock:
            with self._store.read() as snapshot:
                newest = snapshot.last_event()
                if newest == self._seen:
                    return
                found = self._of(self._keys(snapshot), self._revocations(snapshot))
            self._seen = newest
            changed, self.known = found != self.known, found
        if changed:
            for listener in self._listeners:
                listener()

    async def start(self) -> None:
        """Read the store, and begin to look for what other servers change.

        Raises:
            StoreError: it cannot be read.
        """
        await asyncio.to_thread(self.refresh)
        self._task = asyncio.create_task(self._refresh_for_ever(), name="known-callers")

    async def stop(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await asyncio.to_thread(self.refresh)
            except StoreError as error:
                log.warning("callers cannot be read", reason=str(error))

    def _of(self, keys: Mapping[str, KnownKey], revocations: tuple[Revocation, ...]) -> Known:
        # The root's key comes last: no user's can stand in its place.
        every = {**keys, **self._root.keys}
        return Known(keys=every, tokens=_tokens(every), revocations=revocations)

    def _keys(self, snapshot: Snapshot) -> dict[str, KnownKey]:
        users = {user.arn for user in snapshot.with_status(USER_KIND, ACTIVE)}
        found: dict[str, KnownKey] = {}
        for key in snapshot.with_status(KEY_KIND, ACTIVE):
            if key.spec["UserArn"] not in users:
                continue
            try:
                secret = open_text(key.spec["Secret"], self._sealing_key, name=key.name)
            except SealError:
                log.warning(
                    "an access key was sealed under another root secret: make a new one",
                    access_key=key.name,
                    user=key.spec["UserArn"],
                )
                continue
            found[key.name] = KnownKey(
                secret=secret,
                token=bearer_token_of(key.name, secret),
                principal=user_of(key.spec["UserArn"]),
            )
        return found

    def _revocations(self, snapshot: Snapshot) -> tuple[Revocation, ...]:
        oldest = clock.to_micros(self._now() - timedelta(seconds=MAX_SESSION_SECONDS))
        every = [revocation_of(one) for one in snapshot.with_status(REVOCATION_KIND, ACTIVE)]
        # No session lives longer than that, so what is older covers none that lives.
        return tuple(one for one in every if one.before_micros >= oldest)


def _tokens(keys: Mapping[str, KnownKey]) -> dict[bytes, Principal]:
    return {digest_of(key.token): key.principal for key in keys.values()}
