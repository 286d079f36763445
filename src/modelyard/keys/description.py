"""How a key and its versions are described."""

from __future__ import annotations

import hashlib
from typing import Any

from modelyard import clock
from modelyard.keys.ring import ENABLED
from modelyard.store.key_material import Material
from modelyard.store.resources import Resource

ALGORITHM = "SYMMETRIC_DEFAULT"


def described(key: Resource, newest: Material | None) -> dict[str, Any]:
    """Return a key's KeyMetadata."""
    found: dict[str, Any] = {
        "AWSAccountId": key.scope.account,
        "KeyId": key.name,
        "Arn": key.arn,
        "CreationDate": key.created_at,
        "Enabled": key.status == ENABLED,
        "Description": key.spec["Description"],
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.status,
        "Origin": "AWS_KMS",
        "KeyManager": key.observed["manager"],
        "CustomerMasterKeySpec": ALGORITHM,
        "KeySpec": ALGORITHM,
        "EncryptionAlgorithms": [ALGORITHM],
        "MultiRegion": False,
    }
    if newest is not None:
        found["CurrentKeyMaterialId"] = material_id(key, newest.version)
    if key.observed.get("deletion_at") is not None:
        found["DeletionDate"] = clock.from_micros(key.observed["deletion_at"])
    return found


def material_id(key: Resource, version: int) -> str:
    """Return the id of one version of a key's material, 64 hexadecimal digits."""
    return hashlib.sha256(f"{key.arn}/{version}".encode()).hexdigest()
