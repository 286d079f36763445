"""Temporary credentials that need no database: the session token holds the session, sealed.

Whoever has the sealing key can open a token, and nobody else can make or change one (AES-256-GCM).
The token travels next to the signature; the secret in it is what that signature is verified with,
so a token alone proves nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from modelyard import clock

_VERSION = b"\x02"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_PURPOSE = b"modelyard session token"  # bound into the seal: nothing else sealed can pass for one
_TEXT_PURPOSE = b"modelyard sealed text\0"
_MAX_TOKEN_CHARACTERS = 4096


class SealError(Exception):
    """The session token was not made by this server, or was changed since."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class SessionExpired(SealError):
    """The session token has expired: ask for new temporary credentials."""


class SessionRevoked(SealError):
    """The session was revoked: ask for new temporary credentials."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What temporary credentials stand for."""

    access_key_id: str
    secret: str  # repr never shows it
    account: str  # 12 digits
    role_arn: str
    session_name: str
    expires_at: datetime  # aware; kept to the microsecond
    issued_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)  # aware; by default older than all
    person: str = ""  # the ARN of who stands behind the session; of nobody where it is empty
    chain: tuple[str, ...] = ()  # the roles that were assumed on the way, `role_arn` the last
    source_identity: str = ""  # what the first of them was given as SourceIdentity

    def __post_init__(self) -> None:
        for name in ("expires_at", "issued_at"):
            moment: datetime = getattr(self, name)
            if moment.tzinfo is None:
                raise ValueError(f"{name} {moment!r} is naive: give it a time zone")

    def __repr__(self) -> str:
        return f"Session({self.access_key_id}, {self.role_arn}/{self.session_name})"


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """Sessions that are over ahead of their time: all that it names, issued before a moment.

    What is empty names all; one that names nothing covers nothing.
    """

    before_micros: int  # since 1970; a session issued at this very moment is revoked too
    role_arn: str = ""
    session_name: str = ""
    access_key_id: str = ""  # of the session itself
    person: str = ""

    def covers(self, session: Session) -> bool:
        """Tell whether `session` is revoked by it."""
        pairs = (
            (self.role_arn, session.role_arn),
            (self.session_name, session.session_name),
            (self.access_key_id, session.access_key_id),
            (self.person, session.person),
        )
        named = [wanted == given for wanted, given in pairs if wanted]
        # A role that was assumed on the way counts too: who lost it keeps nothing got through it.
        if self.role_arn and not self.session_name and self.role_arn in session.chain:
            named[0] = True
        return (
            bool(named) and all(named) and clock.to_micros(session.issued_at) <= self.before_micros
        )


def new_sealing_key() -> str:
    """Return a fresh random key, base64url."""
    return _encode(os.urandom(_KEY_BYTES))


def seal_session(session: Session, sealing_key: str) -> str:
    """Return the session token of `session`, base64url without padding.

    Raises:
        SealError: `sealing_key` is not one that `new_sealing_key` makes.
    """
    fields = {
        "k": session.access_key_id,
        "s": session.secret,
        "a": session.account,
        "r": session.role_arn,
        "n": session.session_name,
        "e": clock.to_micros(session.expires_at),
        "i": clock.to_micros(session.issued_at),
        "p": session.person,
        "c": session.chain,
        "d": session.source_identity,
    }
    return _seal(json.dumps(fields).encode(), sealing_key, _PURPOSE)


def open_session(token: str, sealing_key: str, now: datetime) -> Session:
    """Return the session that was sealed into `token`.

    The caller compares its `access_key_id` with the one that signed the request.

    Raises:
        SessionExpired: its time is over.
        SealError: the token is not one of ours, or the key is malformed.
    """
    fields = _open(token, sealing_key)
    session = Session(
        access_key_id=fields["k"],
        secret=fields["s"],
        account=fields["a"],
        role_arn=fields["r"],
        session_name=fields["n"],
        expires_at=clock.from_micros(fields["e"]),
        issued_at=clock.from_micros(fields["i"]),
        person=fields["p"],
        chain=tuple(fields["c"]),
        source_identity=fields["d"],
    )
    if now >= session.expires_at:
        raise SessionExpired
    return session


def seal_text(text: str, sealing_key: str, *, name: str) -> str:
    """Return `text` sealed, base64url without padding; it opens under the same `name` only.

    Raises:
        SealError: `sealing_key` is not one that `new_sealing_key` makes.
    """
    return _seal(text.encode(), sealing_key, _TEXT_PURPOSE + name.encode())


def open_text(sealed: str, sealing_key: str, *, name: str) -> str:
    """Return the text that `seal_text` sealed under `name`.

    Raises:
        SealError: it was not sealed with this key, or under another name, or was changed since.
    """
    return _unseal(sealed, sealing_key, _TEXT_PURPOSE + name.encode()).decode()


def _open(token: str, sealing_key: str) -> dict[str, Any]:
    _cipher(sealing_key)
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise SealError
    # What was authenticated was written by `seal_session`, so its fields are there.
    fields: dict[str, Any] = json.loads(_unseal(token, sealing_key, _PURPOSE))
    return fields


def _seal(plain: bytes, sealing_key: str, purpose: bytes) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return _encode(_VERSION + nonce + _cipher(sealing_key).encrypt(nonce, plain, purpose))


def _unseal(text: str, sealing_key: str, purpose: bytes) -> bytes:
    cipher = _cipher(sealing_key)
    try:
        raw = _decode(text)
        if raw[:1] != _VERSION:
            raise SealError
        nonce, sealed = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
        return cipher.decrypt(nonce, sealed, purpose)
    except (ValueError, InvalidTag) as error:
        raise SealError from error


@lru_cache(maxsize=16)
def _cipher(sealing_key: str) -> AESGCM:
    try:
        key = _decode(sealing_key)
    except ValueError as error:
        raise SealError("the sealing key is not base64url") from error
    if len(key) != _KEY_BYTES:
        raise SealError(f"the sealing key has {len(key)} bytes, not {_KEY_BYTES}")
    return AESGCM(key)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Return the bytes of base64url text, strictly: one text per value.

    Raises:
        ValueError: it is not what `_encode` writes.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if _encode(data) != text:
        raise ValueError("not base64url without padding")
    return data
