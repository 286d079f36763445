"""The master key: what seals the material of all keys, and is in no database.

A file of 32 random bytes in base64, for its owner's eyes only. Whoever has the database without it
has nothing; whoever loses it has lost everything that is encrypted. Several servers on one database
need the same file (`master_key_file`).
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from modelyard.home import HomeError, write_whole

KEY_BYTES = 32
_NONCE_BYTES = 12


class MasterKeyError(HomeError):
    """The master key cannot be used; the message says why, and what to do."""


class MasterKey:
    """Seals and opens key material. Safe to use from any thread.

    Raises:
        ValueError: `key` has not 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes, not {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, material: bytes, purpose: str) -> bytes:
        """Return `material` sealed; `purpose` must be said again to open it."""
        # One random nonce per version of a key: far below the 2**32 that random nonces allow.
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, material, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return what was sealed.

        Raises:
            MasterKeyError: with another master key, or for another purpose.
        """
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, body, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise MasterKeyError(
                f"the master key does not open {purpose}: it is not the one that this database was "
                "written with. Put that one back (setting master_key_file, or keys/master in the "
                "home); without it nothing that is encrypted can be read"
            ) from error


def load_master(path: Path, *, may_make: bool) -> MasterKey:
    """Return the master key in a file.

    Args:
        may_make: whether to make a new one where there is no file.

    Raises:
        MasterKeyError: it is not there, others may read it, or it is no key.
        HomeError: it cannot be written.
    """
    if may_make and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_bytes()
    except OSError as error:
        raise MasterKeyError(f"the master key {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise MasterKeyError(
            f"other users may read the master key {path} (mode {mode:o}): chmod 600 {path}"
        )
    try:
        return MasterKey(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError) as error:
        raise MasterKeyError(
            f"{path} holds no master key: it must be {KEY_BYTES} bytes in base64 "
            f"(openssl rand -base64 {KEY_BYTES})"
        ) from error
