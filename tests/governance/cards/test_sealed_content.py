"""A card's content under a customer's key."""

from __future__ import annotations

import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from modelyard.governance.cards.rows import VERSION
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, InternalFailure, ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from tests.governance.cards.world import CONTENT, SCOPE, World

KEY = "0d1f3c52-6f0c-4b0e-9d5e-1b1f1d0f3a77"


class SmallKeyService:
    """Wraps data keys under one key, bound to their encryption context."""

    def __init__(self) -> None:
        self._key = AESGCM(os.urandom(32))

    @operation("kms", "GenerateDataKey", on=every("key", service="kms"))
    def generate_data_key(self, context: Context, request: Request) -> Response:
        plain, nonce = os.urandom(32), os.urandom(12)
        bound = repr(request["EncryptionContext"]).encode()
        blob = nonce + self._key.encrypt(nonce, plain, bound)
        return {"Plaintext": plain, "CiphertextBlob": blob, "KeyId": request["KeyId"]}

    @operation("kms", "Decrypt", on=every("key", service="kms"))
    def decrypt(self, context: Context, request: Request) -> Response:
        blob, bound = request["CiphertextBlob"], repr(request["EncryptionContext"]).encode()
        return {"Plaintext": self._key.decrypt(blob[:12], blob[12:], bound)}


@pytest.fixture
def sealing(world: World) -> World:
    world.table.add(SmallKeyService())
    world.create(SecurityConfig={"KmsKeyId": KEY})
    return world


def stored(world: World) -> Any:
    with world.store.read() as snapshot:
        return snapshot.get(SCOPE, VERSION, "card/0001")


def test_the_stored_content_is_not_in_the_clear_and_reads_as_it_was(sealing: World) -> None:
    assert "Keep customers" not in repr(stored(sealing).spec)
    assert CONTENT["intended_uses"]["purpose_of_model"] in sealing.describe()["Content"]
    assert sealing.describe()["SecurityConfig"] == {"KmsKeyId": KEY}


def test_later_versions_are_under_the_same_key(sealing: World) -> None:
    sealing.update({"model_overview": {"model_name": "secret name"}})
    with sealing.store.read() as snapshot:
        assert "secret name" not in repr(snapshot.get(SCOPE, VERSION, "card/0002").spec)
    assert "secret name" in sealing.describe()["Content"]


def test_reading_takes_leave_to_decrypt_and_metadata_do_not(sealing: World) -> None:
    sealing.policy.denied.add("kms:Decrypt")
    with pytest.raises(AccessDenied, match="kms:Decrypt"):
        sealing.describe()
    assert sealing.describe(IncludedData="MetadataOnly")["ModelCardVersion"] == 1


def test_an_export_reads_as_its_caller_and_fails_with_the_reason(sealing: World) -> None:
    arn = sealing.export()
    sealing.policy.denied.add("kms:Decrypt")
    sealing.run_exports()
    job = sealing.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    assert job["Status"] == "Failed"
    assert "kms:Decrypt" in job["FailureReason"]


def test_a_changed_ciphertext_is_no_content(sealing: World) -> None:
    version = stored(sealing)
    spec = {**version.spec, "Sealed": "AAAA" + version.spec["Sealed"][4:]}
    with sealing.store.write() as transaction:
        transaction.update(version, spec=spec)
    with pytest.raises(InternalFailure, match="was changed"):
        sealing.describe()


def test_without_a_key_service_a_key_is_refused(world: World) -> None:
    with pytest.raises(ValidationError, match="this server has no key service"):
        world.create(SecurityConfig={"KmsKeyId": KEY})
