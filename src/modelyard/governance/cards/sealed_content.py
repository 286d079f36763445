"""A version's content as it is stored: in the clear, or under a customer's key.

Under a key, the content is encrypted with AES-256-GCM by a data key of its own, which the key
service makes and keeps wrapped: reading it takes `kms:Decrypt` on the key. Key service calls go
through the operation table, on behalf of whoever reads or writes.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from modelyard.operations.context import Context
from modelyard.operations.errors import InternalFailure, UnknownOperation, ValidationError
from modelyard.operations.table import OperationTable

_NONCE_BYTES = 12


class SealedContents:
    """Writes contents into a version's `spec`, and reads them from there."""

    def __init__(self, table: OperationTable) -> None:
        self._table = table

    def seal(self, context: Context, key: str | None, arn: str, text: str) -> dict[str, Any]:
        """Return what a version's `spec` keeps.

        Args:
            key: the id, alias or ARN of the customer's key; None keeps the content in the clear.
            arn: of the card, to which the ciphertext is bound.

        Raises:
            ValidationError: this server has no key service.
            OperationError: the key cannot be used, or not by this caller.
        """
        if key is None:
            return {"Content": text}
        request = {"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": _bound_to(arn)}
        try:
            made = self._table.call(context, "kms", "GenerateDataKey", request)
        except UnknownOperation as error:
            raise ValidationError(
                f"SecurityConfig.KmsKeyId {key!r} cannot be used: this server has no key service; "
                "leave SecurityConfig out"
            ) from error
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(made["Plaintext"]).encrypt(nonce, text.encode(), arn.encode())
        return {
            "KmsKeyId": key,
            "DataKey": _text(made["CiphertextBlob"]),
            "Sealed": _text(nonce + sealed),
        }

    def open(self, context: Context, arn: str, spec: Mapping[str, Any]) -> str:
        """Return the content of a version.

        Raises:
            OperationError: the key is disabled or gone, or the caller may not use it.
            InternalFailure: what is stored was changed.
        """
        if "Sealed" not in spec:
            return str(spec["Content"])
        request = {
            "CiphertextBlob": base64.b64decode(spec["DataKey"]),
            "EncryptionContext": _bound_to(arn),
        }
        key = self._table.call(context, "kms", "Decrypt", request)["Plaintext"]
        sealed = base64.b64decode(spec["Sealed"])
        try:
            plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], arn.encode())
        except InvalidTag as error:
            raise InternalFailure(f"the stored content of {arn} was changed") from error
        return plain.decode()


def _bound_to(arn: str) -> dict[str, str]:
    return {"aws:sagemaker:model-card": arn}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
