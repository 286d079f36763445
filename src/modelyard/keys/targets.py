"""Which key a request is about, for the policy."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.errors import EnvelopeError
from modelyard.operations.context import Context
from modelyard.operations.targets import Target


def key_in(member: str) -> Target:
    """The key whose id, ARN or alias is in `member`.

    An alias stands for itself here, since what it means is in the database: the operation asks for
    the key again once it is known.
    """

    def find(context: Context, request: Mapping[str, Any]) -> str:
        value = request.get(member)
        if not isinstance(value, str) or not value:
            return _own(context, "key/*")
        if value.startswith("arn:"):
            return value
        return _own(context, value if value.startswith("alias/") else f"key/{value}")

    return find


def key_of_ciphertext(context: Context, request: Mapping[str, Any]) -> str:
    """The key that sealed what is in `CiphertextBlob`; all keys where that is not of ours."""
    try:
        return _ciphertext(request.get("CiphertextBlob")).key_arn
    except (EnvelopeError, binascii.Error, ValueError):
        return _own(context, "key/*")


def _ciphertext(value: object) -> Ciphertext:
    """Return a blob as it comes over the wire, or as who calls in process gives it."""
    if isinstance(value, bytes):
        return Ciphertext.decode(value)
    if isinstance(value, str):
        return Ciphertext.decode(base64.b64decode(value, validate=True))
    raise ValueError("this is no blob")


def _own(context: Context, resource: str) -> str:
    arn = Arn(service="kms", region=context.region, account=context.account, resource=resource)
    return str(arn)
