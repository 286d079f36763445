"""Data keys: what encrypts a file, got from a customer's key on somebody's behalf.

The store knows no customer's key. Whoever works with encrypted objects is given `DataKeys` that
act for him, and that refuse what he may not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.store.errors import KeyUnusable

#: What a data key was made for. It must be said again, the same, to open it.
EncryptionContext = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class DataKey:
    """One data key, in clear and sealed."""

    plaintext: bytes = field(repr=False)  # 32 bytes
    sealed: Ciphertext


class DataKeys(Protocol):
    """Makes and opens data keys on behalf of one principal. Safe to use from any thread."""

    def generate(self, key: str, context: EncryptionContext) -> DataKey:
        """Return a new data key.

        Args:
            key: the customer's key: its id, its ARN or an alias; empty for the account's own.

        Raises:
            KeyUnusable: it is not there, not enabled, or the principal may not use it.
        """

    def open(self, sealed: Ciphertext, context: EncryptionContext) -> bytes:
        """Return a data key that was sealed.

        Raises:
            KeyUnusable: as `generate`.
        """


class NoKeys:
    """On nobody's behalf: nothing can be encrypted, nor read that is."""

    def generate(self, key: str, context: EncryptionContext) -> DataKey:
        raise KeyUnusable("nobody was named who would use a key here, so nothing can be encrypted")

    def open(self, sealed: Ciphertext, context: EncryptionContext) -> bytes:
        raise KeyUnusable(
            f"the data is encrypted under {sealed.key_arn}, and nobody was named who may use it"
        )
