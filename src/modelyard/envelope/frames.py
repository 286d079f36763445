"""Frames: the sizes that follow from one another, and the cipher of one file."""

from __future__ import annotations

import hashlib
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from modelyard.envelope.errors import EnvelopeError
from modelyard.envelope.header import HEADER_BYTES, Header

FRAME_BYTES = 64 * 1024  # of plaintext
TAG_BYTES = 16
DATA_KEY_BYTES = 32
_SEALED_FRAME_BYTES = FRAME_BYTES + TAG_BYTES
_PREFIX_BYTES = 7
_MAX_FRAMES = 2**32
_INFO = b"modelyard envelope 1"


def sealed_size(size: int) -> int:
    """Return how many bytes the encrypted file of `size` bytes has.

    Raises:
        EnvelopeError: there are too many, 256 TiB.
    """
    frames = max(1, -(-size // FRAME_BYTES))
    if frames > _MAX_FRAMES:
        raise EnvelopeError(f"{size} bytes are more than an envelope holds")
    return HEADER_BYTES + size + frames * TAG_BYTES


def plain_size(size: int) -> int:
    """Return how many bytes an encrypted file of `size` bytes holds.

    Raises:
        EnvelopeError: no encrypted file has that size.
    """
    body = size - HEADER_BYTES
    full, last = divmod(body, _SEALED_FRAME_BYTES)
    if body < TAG_BYTES or 0 < last < TAG_BYTES or (last == TAG_BYTES and full > 0):
        raise EnvelopeError(f"no encrypted file has {size} bytes: it was cut, or added to")
    return body - frames_of(size) * TAG_BYTES


def frames_of(size: int) -> int:
    """Return how many frames an encrypted file of `size` bytes has."""
    return max(1, -(-(size - HEADER_BYTES) // _SEALED_FRAME_BYTES))


def place_of(number: int, size: int) -> tuple[int, int]:
    """Return where a frame begins in an encrypted file of `size` bytes, and its length there."""
    at = HEADER_BYTES + number * _SEALED_FRAME_BYTES
    return at, min(_SEALED_FRAME_BYTES, size - at)


class FrameCipher:
    """Seals and opens the frames of one file. Safe to use from any thread.

    Raises:
        ValueError: the data key has not 32 bytes.
    """

    def __init__(self, data_key: bytes, header: Header) -> None:
        if len(data_key) != DATA_KEY_BYTES:
            raise ValueError(f"a data key has {DATA_KEY_BYTES} bytes, not {len(data_key)}")
        digest = hashlib.sha256(header.encode()).digest()
        derived = HKDF(
            algorithm=SHA256(),
            length=DATA_KEY_BYTES + _PREFIX_BYTES,
            salt=header.salt,
            info=_INFO + digest,
        ).derive(data_key)
        self._cipher = AESGCM(derived[:DATA_KEY_BYTES])
        self._prefix = derived[DATA_KEY_BYTES:]

    def seal(self, number: int, frame: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(number, last=last), frame, None)

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        """Return the plaintext of a frame.

        Raises:
            EnvelopeError: it is not this file's frame of that number, or was changed.
        """
        try:
            return self._cipher.decrypt(self._nonce(number, last=last), sealed, None)
        except InvalidTag as error:
            raise EnvelopeError(
                f"frame {number} of the encrypted file is damaged, or the file was cut"
            ) from error

    def _nonce(self, number: int, *, last: bool) -> bytes:
        # No two frames of a file share one, and no two files share the key.
        return self._prefix + struct.pack(">IB", number, last)
