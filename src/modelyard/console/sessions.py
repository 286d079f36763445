"""Who is signed in: a row per session, and in the browser nothing but its random name.

What a visitor signed in with is kept sealed in the row, and proved anew at every request: a session
ends with the access key, the role's session or the person that it is of, without anybody telling
the console. Signing out deletes the row. The row's name is a digest of the cookie, so that nobody
who reads the database can sign in with what is there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.authentication import RequestHead
from modelyard.identity.http_authentication import HttpAuthenticator
from modelyard.identity.personas import personas_of
from modelyard.identity.principals import Caller
from modelyard.identity.roles import role_scope
from modelyard.operations.context import Principal
from modelyard.sealing import SealError, open_text, seal_text
from modelyard.sigv4 import SignatureError
from modelyard.store.resources import Scope, Store, Transaction

KIND = "console-session"
LIFETIME = timedelta(hours=12)
_ACTIVE = "Active"
_MAX_COOKIE_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """One session that holds at this moment."""

    cookie: str
    caller: Caller
    authorization: str  # the header that a client of the API would send
    behind: str  # the one that a role was taken with; empty: no role was
    expires_at: datetime

    @property
    def csrf(self) -> str:
        """What every form of this session must carry."""
        digest = hmac.digest(self.cookie.encode(), b"modelyard console form", "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def basic(access_key_id: str, secret: str) -> str:
    """Return the Authorization header of an access key and its secret."""
    return "Basic " + base64.b64encode(f"{access_key_id}:{secret}".encode()).decode()


class Sessions:
    """Opens, finds and ends sessions. Safe to use from any thread.

    Args:
        sealing_key: seals what visitors signed in with.
        now: the present moment, aware.
    """

    def __init__(
        self,
        store: Store,
        authenticator: HttpAuthenticator,
        sealing_key: str,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._sealing_key = sealing_key
        self._now = now

    def open(self, authorization: str, *, behind: str = "", instead_of: str = "") -> SignedIn:
        """Begin a session; a new name each time, so that none that was planted is of use.

        Args:
            authorization: the header that proves who the visitor is.
            behind: the header that the role which this is a session of was taken with.
            instead_of: the cookie of the session that ends with it.

        Raises:
            SignatureError: it proves nobody.
        """
        caller = self._proved(authorization)
        now = self._now()
        account = caller.principal.account
        cookie = f"{account}.{secrets.token_urlsafe(32)}"
        name = _name_of(cookie)
        kept = json.dumps({"Authorization": authorization, "Behind": behind})
        expires_at = now + LIFETIME
        with self._store.write() as transaction:
            for old in transaction.with_status(KIND, _ACTIVE):
                if clock.from_micros(old.spec["ExpiresAtMicros"]) <= now:
                    transaction.delete(old)
            _end(transaction, instead_of)
            transaction.create(
                _scope(cookie),
                KIND,
                name,
                arn=str(
                    Arn(
                        service="modelyard",
                        region="",
                        account=account,
                        resource=f"{KIND}/{name}",
                    )
                ),
                spec={
                    "Principal": caller.principal.arn,
                    "ExpiresAtMicros": clock.to_micros(expires_at),
                    "Sealed": seal_text(kept, self._sealing_key, name=name),
                },
                status=_ACTIVE,
            )
        return SignedIn(
            cookie=cookie,
            caller=caller,
            authorization=authorization,
            behind=behind,
            expires_at=expires_at,
        )

    def find(self, cookie: str) -> SignedIn | None:
        """Return the session of a cookie, if it holds."""
        if not cookie or len(cookie) > _MAX_COOKIE_CHARACTERS or not cookie.isascii():
            return None
        with self._store.read() as snapshot:
            row = snapshot.find(_scope(cookie), KIND, _name_of(cookie))
        if row is None:
            return None
        expires_at = clock.from_micros(row.spec["ExpiresAtMicros"])
        if expires_at <= self._now():
            return None
        try:
            kept = json.loads(open_text(row.spec["Sealed"], self._sealing_key, name=row.name))
            caller = self._proved(kept["Authorization"])
        except (SealError, SignatureError):
            return None
        return SignedIn(
            cookie=cookie,
            caller=caller,
            authorization=kept["Authorization"],
            behind=kept["Behind"],
            expires_at=expires_at,
        )

    def close(self, cookie: str) -> None:
        """End a session."""
        with self._store.write() as transaction:
            _end(transaction, cookie)

    def last_event(self) -> int:
        """Return the number of the newest event in the store."""
        with self._store.read() as snapshot:
            return snapshot.last_event()

    def personas(self, principal: Principal) -> Sequence[str]:
        """Return the personas of a user, or the one of a session's role."""
        with self._store.read() as snapshot:
            return personas_of(snapshot, principal)

    def _proved(self, authorization: str) -> Caller:
        head = RequestHead(
            method="GET", path="/", query="", headers={"authorization": authorization}
        )
        claim = self._authenticator.claim(head)
        if claim.signature is not None:
            raise SignatureError("IncompleteSignature", "a signature is no way to sign in")
        return claim.caller


def _end(transaction: Transaction, cookie: str) -> None:
    row = transaction.find(_scope(cookie), KIND, _name_of(cookie))
    if row is not None:
        transaction.delete(row)


def _scope(cookie: str) -> Scope:
    return role_scope(cookie.partition(".")[0][:12])


def _name_of(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
