"""Data keys on somebody's behalf: what the store asks for when it encrypts or reads objects.

Each use passes the same guard as an operation does: it is authorised for the principal that acts,
and written down.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.frames import DATA_KEY_BYTES
from modelyard.keys.access import KeyAccess, KeyRefused, refusal, require_policy, who
from modelyard.keys.ring import KeyRing, is_managed, require_usable
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, OperationError
from modelyard.operations.requests import scope_of
from modelyard.store.encryption.data_keys import DataKey, EncryptionContext
from modelyard.store.errors import KeyUnusable
from modelyard.store.resources import Resource

T = TypeVar("T")

GENERATE, DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"


class Guard(Protocol):
    """Surrounds a call that must be allowed; `OperationTable.guard` is one."""

    def __call__(
        self, context: Context, action: str, resource: str, request: Mapping[str, Any], /
    ) -> AbstractContextManager[None]:
        """Authorise on the way in.

        Raises:
            AccessDenied: the policy forbids it.
        """


class KeyUse:
    """The keys as one principal may use them; see `DataKeys`.

    Args:
        context: of who acts.
    """

    def __init__(self, ring: KeyRing, guard: Guard, context: Context) -> None:
        self._ring = ring
        self._guard = guard
        self._context = context

    def generate(self, key: str, context: EncryptionContext) -> DataKey:
        found = self._find(key)

        def made() -> DataKey:
            plaintext = os.urandom(DATA_KEY_BYTES)
            with self._ring.store.read() as snapshot:
                sealed = self._ring.seal(snapshot, found, plaintext, context)
            return DataKey(plaintext=plaintext, sealed=sealed)

        return self._guarded(GENERATE, found, made)

    def open(self, sealed: Ciphertext, context: EncryptionContext) -> bytes:
        found = self._find(sealed.key_arn)

        def opened() -> bytes:
            with self._ring.store.read() as snapshot:
                return self._ring.unseal(snapshot, found, sealed, context)

        return self._guarded(DECRYPT, found, opened)

    def _find(self, text: str) -> Resource:
        scope = scope_of(self._context)
        try:
            if not text:
                return self._ring.managed(scope)
            with self._ring.store.read() as snapshot:
                return self._ring.find(snapshot, scope, text)
        except OperationError as error:
            lost = f"{who(self._context)} may not use key {text}: {error.message}"
            raise KeyUnusable(lost, code=error.code) from error

    def _guarded(self, action: str, key: Resource, work: Callable[[], T]) -> T:
        try:
            if is_managed(key) and key.scope.account == self._context.account:
                return work()
            with self._guard(self._context, action, key.arn, {}):
                require_policy(self._context, action, key)
                return work()
        except KeyRefused as error:
            raise KeyUnusable(error.message) from error
        except AccessDenied as error:
            raise KeyUnusable(refusal(self._context, action, key, error.message)) from error
        except OperationError as error:
            raise KeyUnusable(
                f"key {key.arn} cannot be used: {error.message}", code=error.code
            ) from error


class KeyCheck:
    """Says ahead of time why a key could not be used, where that is known."""

    def __init__(self, ring: KeyRing, access: KeyAccess) -> None:
        self._ring = ring
        self._access = access

    def problem(self, context: Context, key: str, *actions: str) -> str | None:
        """Return why who acts could not use a key, in a sentence; None where he could.

        Args:
            context: of who will act, such as a job's role.
            key: its id, its ARN or an alias.
        """
        try:
            with self._ring.store.read() as snapshot:
                found = self._ring.find(snapshot, scope_of(context), key)
            require_usable(found)
            for action in actions:
                self._access.require(context, action, found)
        except OperationError as error:
            return error.message
        return None
