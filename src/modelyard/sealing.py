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
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from modelyard import clock

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_PURPOSE = b"modelyard session token"  # bound into the seal: nothing else sealed can pass for one
_MAX_TOKEN_CHARACTERS = 4096


class SealError(Exception):
    """The session token was not made by this server, or was changed since."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class SessionExpired(SealError):
    """The session token has expired: ask for new temporary credentials."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What temporary credentials stand for."""

    access_key_id: str
    secret: str  # repr never shows it
    account: str  # 12 digits
    role_arn: str
    session_name: str
    expires_at: datetime  # aware; kept to the microsecond

    def __post_init__(self) -> None:
        if self.expires_at.tzinfo is None:
            raise ValueError(f"expires_at {self.expires_at!r} is naive: give it a time zone")

    def __repr__(self) -> str:
        return f"Session({self.access_key_id}, {self.role_arn}/{self.session_name})"


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
    }
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(sealing_key).encrypt(nonce, json.dumps(fields).encode(), _PURPOSE)
    return _encode(_VERSION + nonce + sealed)


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
    )
    if now >= session.expires_at:
        raise SessionExpired
    return session


def _open(token: str, sealing_key: str) -> dict[str, Any]:
    cipher = _cipher(sealing_key)
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise SealError
    try:
        raw = _decode(token)
        nonce, sealed = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
        if raw[:1] != _VERSION:
            raise SealError
        plain = cipher.decrypt(nonce, sealed, _PURPOSE)
    except (ValueError, InvalidTag) as error:
        raise SealError from error
    # What was authenticated was written by `seal_session`, so its fields are there.
    fields: dict[str, Any] = json.loads(plain)
    return fields


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
