"""The header of an encrypted file: how it was asked to be encrypted, and its sealed data key.

    8 bytes   magic
    1 byte    format, 1
    1 byte    mode: 1 aws:kms, 2 AES256
    32 bytes  salt, random for each file
    2 bytes   length of the sealed data key, big-endian, then the `Ciphertext`, then zeros

It always has 512 bytes, so the size of the plaintext follows from that of the file.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Literal, Self

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.errors import EnvelopeError

HEADER_BYTES = 512
MAGIC = b"MYSEALED"
SALT_BYTES = 32
_FORMAT = 1
_FIXED = struct.Struct(">8sBB32sH")

#: How S3 spells it: under a key that was named, or under the account's own.
Mode = Literal["aws:kms", "AES256"]

_MODES: dict[Mode, int] = {"aws:kms": 1, "AES256": 2}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What stands at the beginning of an encrypted file, in clear."""

    mode: Mode
    data_key: Ciphertext
    salt: bytes

    @classmethod
    def fresh(cls, mode: Mode, data_key: Ciphertext) -> Self:
        """Return the header of a new file: no two have the same salt."""
        return cls(mode=mode, data_key=data_key, salt=os.urandom(SALT_BYTES))

    def encode(self) -> bytes:
        """Return its bytes.

        Raises:
            EnvelopeError: the sealed data key is too long.
        """
        key = self.data_key.encode()
        data = _FIXED.pack(MAGIC, _FORMAT, _MODES[self.mode], self.salt, len(key)) + key
        if len(data) > HEADER_BYTES:
            raise EnvelopeError(f"the sealed data key has {len(key)} bytes: it does not fit")
        return data.ljust(HEADER_BYTES, b"\0")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what `encode` wrote; whether it was changed shows when a frame is opened.

        Raises:
            EnvelopeError: these are not the first 512 bytes of an encrypted file.
        """
        if len(data) != HEADER_BYTES or data[:8] != MAGIC:
            raise EnvelopeError("the file does not begin as an encrypted one: it is damaged")
        _, layout, number, salt, length = _FIXED.unpack_from(data)
        mode = next((name for name, value in _MODES.items() if value == number), None)
        end = _FIXED.size + length
        if layout != _FORMAT or mode is None or end > HEADER_BYTES or any(data[end:]):
            raise EnvelopeError("the header is damaged, or of a later release")
        return cls(mode=mode, data_key=Ciphertext.decode(data[_FIXED.size : end]), salt=salt)
