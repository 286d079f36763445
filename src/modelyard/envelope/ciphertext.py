"""A ciphertext of a key's: which key, which version of it, and what it sealed.

It is what KMS calls a CiphertextBlob, and what a header holds of a data key:

    1 byte   format, 1
    1 byte   length of the key's ARN, then the ARN
    4 bytes  version of the key, big-endian
    32 bytes salt
    rest     AES-256-GCM, tag included
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Self

from modelyard.envelope.errors import EnvelopeError

SALT_BYTES = 32
MAX_ARN_BYTES = 255
_FORMAT = 1
_TAG_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Ciphertext:
    """What was sealed, and all that is needed to find what opens it."""

    key_arn: str
    key_version: int
    salt: bytes
    sealed: bytes = field(repr=False)

    @property
    def head(self) -> bytes:
        """All but the sealed bytes; it is authenticated with them."""
        arn = self.key_arn.encode()
        if len(arn) > MAX_ARN_BYTES:
            raise EnvelopeError(f"the key's ARN has {len(arn)} bytes, more than {MAX_ARN_BYTES}")
        return bytes([_FORMAT, len(arn)]) + arn + struct.pack(">I", self.key_version) + self.salt

    def encode(self) -> bytes:
        return self.head + self.sealed

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what `encode` wrote.

        Raises:
            EnvelopeError: it is something else.
        """
        if len(data) < 2 or data[0] != _FORMAT:
            raise EnvelopeError("this is no ciphertext of a key of this server")
        end = 2 + data[1]
        salt_at = end + 4
        sealed_at = salt_at + SALT_BYTES
        if len(data) < sealed_at + _TAG_BYTES:
            raise EnvelopeError("the ciphertext was cut")
        try:
            arn = data[2:end].decode("ascii")
        except UnicodeDecodeError as error:
            raise EnvelopeError("the ciphertext names no key") from error
        (version,) = struct.unpack(">I", data[end:salt_at])
        return cls(
            key_arn=arn,
            key_version=version,
            salt=data[salt_at:sealed_at],
            sealed=data[sealed_at:],
        )
