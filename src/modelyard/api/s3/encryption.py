"""Server-side encryption: what requests ask for, what answers say, what buckets do by default."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.api.s3.call import Answer, Call, xml_answer
from modelyard.api.s3.documents import Element, parse
from modelyard.api.s3.errors import S3Error, invalid_argument, not_offered
from modelyard.store.encryption.bucket_defaults import Encryption

_PREFIX = "x-amz-server-side-encryption"
_KEY = f"{_PREFIX}-aws-kms-key-id"
_MAX_DOCUMENT_BYTES = 64 * 1024
_MAX_KEY_CHARACTERS = 2048


def asked_encryption(headers: Mapping[str, str]) -> Encryption | None:
    """Return how a request wants its object to be encrypted; None: as the bucket says.

    Raises:
        S3Error: InvalidArgument, InvalidRequest or NotImplemented.
    """
    algorithm, key = headers.get(_PREFIX), headers.get(_KEY, "")
    if algorithm is None:
        if key:
            raise invalid_argument(_KEY, key, f"it goes with {_PREFIX}: aws:kms")
        return None
    return _encryption(_PREFIX, algorithm, key)


def encryption_headers(encryption: Encryption | None) -> dict[str, str]:
    """Return the headers that tell how an object is encrypted."""
    if encryption is None:
        return {}
    if encryption.mode == "AES256":
        return {_PREFIX: "AES256"}
    # Data keys are bound to the bucket, which is what the last one means.
    return {_PREFIX: "aws:kms", _KEY: encryption.key, f"{_PREFIX}-bucket-key-enabled": "true"}


async def wanted_encryption(call: Call) -> Encryption | None:
    """Return how a new object of this request is to be encrypted: as asked, else as its bucket is.

    Raises:
        S3Error: see `asked_encryption`.
    """
    asked = asked_encryption(call.headers)
    return await call.run(call.vault.wanted, call.bucket, asked)


async def put_bucket_encryption(call: Call) -> Answer:
    """Set how objects of the bucket are encrypted when nobody says it."""
    body = await call.payload.read(_MAX_DOCUMENT_BYTES)
    tree = parse(body, "ServerSideEncryptionConfiguration")
    rules = tree.findall("Rule/ApplyServerSideEncryptionByDefault")
    if len(rules) != 1:
        raise S3Error("MalformedXML", "There must be one Rule with a default in it")
    encryption = _encryption(
        "SSEAlgorithm",
        (rules[0].findtext("SSEAlgorithm") or "").strip(),
        (rules[0].findtext("KMSMasterKeyID") or "").strip(),
    )
    await call.run(call.shelf.objects.objects.folder_of, call.bucket)
    await call.run(call.vault.defaults.put, call.bucket, encryption)
    return Answer()


async def get_bucket_encryption(call: Call) -> Answer:
    """Answer with the bucket's default."""
    await call.run(call.shelf.objects.objects.folder_of, call.bucket)
    found = await call.run(call.vault.defaults.get, call.bucket)
    if found is None:
        raise S3Error("ServerSideEncryptionConfigurationNotFoundError")
    default: list[Element] = [("SSEAlgorithm", found.mode)]
    if found.key:
        default.append(("KMSMasterKeyID", found.key))
    rule: list[Element] = [
        ("ApplyServerSideEncryptionByDefault", default),
        ("BucketKeyEnabled", found.mode == "aws:kms"),
    ]
    return xml_answer("ServerSideEncryptionConfiguration", [("Rule", rule)])


async def delete_bucket_encryption(call: Call) -> Answer:
    """Remove the bucket's default; objects are kept as they come from then on."""
    await call.run(call.shelf.objects.objects.folder_of, call.bucket)
    await call.run(call.vault.defaults.remove, call.bucket)
    return Answer(status=204)


def _encryption(name: str, algorithm: str, key: str) -> Encryption:
    if algorithm == "aws:kms:dsse":
        raise not_offered("Two layers of encryption (aws:kms:dsse)")
    if algorithm == "AES256":
        if key:
            raise invalid_argument(name, algorithm, "a key goes with aws:kms only")
        return Encryption(mode="AES256")
    if algorithm != "aws:kms":
        raise invalid_argument(name, algorithm, "it is AES256 or aws:kms")
    if len(key) > _MAX_KEY_CHARACTERS or not key.isprintable():
        raise invalid_argument("KMS key", key, "it is a key's id, its ARN or an alias")
    return Encryption(mode="aws:kms", key=key)
