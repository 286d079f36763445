"""What a key does with bytes: seal them, open them. Pure: material in, bytes out.

Each ciphertext has a key and a nonce of its own, derived by HKDF-SHA256 from the key's material and
32 random bytes, so there is no limit to how many a key may make. The encryption context, the key's
ARN and its version are authenticated with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from modelyard.envelope.ciphertext import SALT_BYTES, Ciphertext
from modelyard.keys.errors import InvalidCiphertext

_KEY_BYTES = 32
_NONCE_BYTES = 12
_INFO = b"modelyard key 1"


def seal(
    plaintext: bytes, material: bytes, *, key_arn: str, version: int, context: Mapping[str, str]
) -> Ciphertext:
    """Return `plaintext` sealed under one version of a key."""
    empty = Ciphertext(
        key_arn=key_arn, key_version=version, salt=os.urandom(SALT_BYTES), sealed=b""
    )
    cipher, nonce = _derived(material, empty.salt)
    body = cipher.encrypt(nonce, plaintext, _bound(empty, context))
    return Ciphertext(key_arn=key_arn, key_version=version, salt=empty.salt, sealed=body)


def unseal(ciphertext: Ciphertext, material: bytes, context: Mapping[str, str]) -> bytes:
    """Return what was sealed.

    Raises:
        InvalidCiphertext: it was changed, or sealed in another context.
    """
    cipher, nonce = _derived(material, ciphertext.salt)
    try:
        return cipher.decrypt(nonce, ciphertext.sealed, _bound(ciphertext, context))
    except InvalidTag as error:
        raise InvalidCiphertext from error


def _derived(material: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    derived = HKDF(
        algorithm=SHA256(), length=_KEY_BYTES + _NONCE_BYTES, salt=salt, info=_INFO
    ).derive(material)
    return AESGCM(derived[:_KEY_BYTES]), derived[_KEY_BYTES:]


def _bound(ciphertext: Ciphertext, context: Mapping[str, str]) -> bytes:
    # The same members in another order are the same context.
    told = json.dumps(dict(context), sort_keys=True, separators=(",", ":"))
    return ciphertext.head + told.encode()
