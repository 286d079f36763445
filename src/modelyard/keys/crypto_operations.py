"""What can be asked of keys' cryptography: encrypt, decrypt, data keys, random bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.errors import EnvelopeError
from modelyard.keys.access import KeyAccess
from modelyard.keys.description import ALGORITHM, material_id
from modelyard.keys.errors import DryRun, IncorrectKey, InvalidCiphertext, UnsupportedOperation
from modelyard.keys.ring import KeyRing, require_usable
from modelyard.keys.targets import key_in, key_of_ciphertext
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.resources import Resource, Snapshot

MAX_RANDOM_BYTES = 1024
_SPECS = {"AES_256": 32, "AES_128": 16}


class CryptoOperations:
    """The cryptographic operations; what they seal is in no database."""

    def __init__(self, ring: KeyRing, access: KeyAccess) -> None:
        self._ring = ring
        self._store = ring.store
        self._access = access

    @operation("kms", "Encrypt", on=key_in("KeyId"))
    def encrypt(self, context: Context, request: Request) -> Response:
        _check_algorithm(request, "EncryptionAlgorithm")
        with self._store.read() as snapshot:
            key = self._usable(snapshot, context, "kms:Encrypt", request["KeyId"], request)
            sealed = self._ring.seal(
                snapshot, key, request["Plaintext"], _context(request, "EncryptionContext")
            )
        return {
            "CiphertextBlob": sealed.encode(),
            "KeyId": key.arn,
            "EncryptionAlgorithm": ALGORITHM,
        }

    @operation("kms", "Decrypt", on=key_of_ciphertext)
    def decrypt(self, context: Context, request: Request) -> Response:
        _check_algorithm(request, "EncryptionAlgorithm")
        sealed = _sealed(request.get("CiphertextBlob"))
        with self._store.read() as snapshot:
            key = self._usable(snapshot, context, "kms:Decrypt", sealed.key_arn, request)
            self._check_same(snapshot, context, key, request.get("KeyId"))
            plaintext = self._ring.unseal(
                snapshot, key, sealed, _context(request, "EncryptionContext")
            )
        return {
            "KeyId": key.arn,
            "Plaintext": plaintext,
            "EncryptionAlgorithm": ALGORITHM,
            "KeyMaterialId": material_id(key, sealed.key_version),
        }

    @operation("kms", "ReEncrypt", on=key_in("DestinationKeyId"))
    def re_encrypt(self, context: Context, request: Request) -> Response:
        for member in ("SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"):
            _check_algorithm(request, member)
        sealed = _sealed(request["CiphertextBlob"])
        with self._store.read() as snapshot:
            source = self._usable(snapshot, context, "kms:ReEncryptFrom", sealed.key_arn, request)
            self._check_same(snapshot, context, source, request.get("SourceKeyId"))
            target = self._usable(
                snapshot, context, "kms:ReEncryptTo", request["DestinationKeyId"], request
            )
            plaintext = self._ring.unseal(
                snapshot, source, sealed, _context(request, "SourceEncryptionContext")
            )
            made = self._ring.seal(
                snapshot, target, plaintext, _context(request, "DestinationEncryptionContext")
            )
        return {
            "CiphertextBlob": made.encode(),
            "SourceKeyId": source.arn,
            "KeyId": target.arn,
            "SourceEncryptionAlgorithm": ALGORITHM,
            "DestinationEncryptionAlgorithm": ALGORITHM,
            "SourceKeyMaterialId": material_id(source, sealed.key_version),
            "DestinationKeyMaterialId": material_id(target, made.key_version),
        }

    @operation("kms", "GenerateDataKey", on=key_in("KeyId"))
    def generate_data_key(self, context: Context, request: Request) -> Response:
        plaintext, answer = self._data_key(context, "kms:GenerateDataKey", request)
        return {**answer, "Plaintext": plaintext}

    @operation("kms", "GenerateDataKeyWithoutPlaintext", on=key_in("KeyId"))
    def generate_data_key_without_plaintext(self, context: Context, request: Request) -> Response:
        return self._data_key(context, "kms:GenerateDataKeyWithoutPlaintext", request)[1]

    @operation("kms", "GenerateRandom", on=every("key", service="kms"))
    def generate_random(self, context: Context, request: Request) -> Response:
        _refuse(request, "CustomKeyStoreId", "Recipient")
        return {"Plaintext": os.urandom(request.get("NumberOfBytes", 32))}

    def _data_key(self, context: Context, action: str, request: Request) -> tuple[bytes, Response]:
        size = _data_key_bytes(request)
        with self._store.read() as snapshot:
            key = self._usable(snapshot, context, action, request["KeyId"], request)
            plaintext = os.urandom(size)
            sealed = self._ring.seal(
                snapshot, key, plaintext, _context(request, "EncryptionContext")
            )
        return plaintext, {
            "CiphertextBlob": sealed.encode(),
            "KeyId": key.arn,
            "KeyMaterialId": material_id(key, sealed.key_version),
        }

    def _usable(
        self, snapshot: Snapshot, context: Context, action: str, text: str, request: Request
    ) -> Resource:
        _refuse(request, "GrantTokens", "Recipient")
        key = self._ring.find(snapshot, scope_of(context), text)
        self._access.require(context, action, key)
        require_usable(key)
        if request.get("DryRun"):
            raise DryRun
        return key

    def _check_same(
        self, snapshot: Snapshot, context: Context, key: Resource, text: str | None
    ) -> None:
        """Return if the key that a request says made a ciphertext is the one that did."""
        if text is None:
            return
        named = self._ring.find(snapshot, scope_of(context), text)
        if named.arn != key.arn:
            raise IncorrectKey(
                "The key ID in the request does not identify a CMK that can perform this "
                "operation: the ciphertext was made with another key."
            )


def _context(request: Request, member: str) -> Mapping[str, str]:
    found: Mapping[str, str] = request.get(member, {})
    return found


def _sealed(blob: bytes | None) -> Ciphertext:
    if blob is None:
        raise ValidationError("CiphertextBlob is missing: give what Encrypt answered")
    try:
        return Ciphertext.decode(blob)
    except EnvelopeError as error:
        raise InvalidCiphertext(str(error)) from error


def _data_key_bytes(request: Request) -> int:
    spec, size = request.get("KeySpec"), request.get("NumberOfBytes")
    if (spec is None) == (size is None):
        raise ValidationError("Please specify either number of bytes or key spec.")
    return _SPECS[spec] if spec is not None else int(size or 0)


def _check_algorithm(request: Request, member: str) -> None:
    if request.get(member, ALGORITHM) != ALGORITHM:
        raise UnsupportedOperation(f"{member} {request[member]} is not offered: use {ALGORITHM}")


def _refuse(request: Request, *members: str) -> None:
    for member in members:
        if request.get(member):
            raise UnsupportedOperation(f"{member} is not offered: leave it out")
