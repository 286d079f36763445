"""An object's headers: which are kept when it is stored, which are refused, which come back."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime

from modelyard.api.s3 import checksums
from modelyard.api.s3.errors import S3Error, not_offered
from modelyard.store.object_records import Record
from modelyard.store.recorded_objects import StoredObject

_KEPT = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
_USER = "x-amz-meta-"
_MAX_USER_BYTES = 2048
_DEFAULT_TYPE = "binary/octet-stream"

#: What stores an object differently, and is not there to be asked for.
_REFUSED = (
    "x-amz-grant-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-customer-",
    "x-amz-copy-source-server-side-encryption-customer-",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
)
_OWNER_ACLS = {"private", "bucket-owner-full-control", "bucket-owner-read"}


def check_offered(headers: Mapping[str, str]) -> None:
    """Return if nothing is asked of a new object that is not offered.

    Raises:
        S3Error: NotImplemented, InvalidStorageClass or AccessControlListNotSupported.
    """
    for name in headers:
        if name.startswith(_REFUSED):
            raise not_offered(f"The header {name[:100]}")
    if headers.get("x-amz-tagging"):
        raise not_offered("The header x-amz-tagging")
    if headers.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        raise S3Error("InvalidStorageClass", "There is no storage class but STANDARD")
    if headers.get("x-amz-acl", "private") not in _OWNER_ACLS:
        raise S3Error("AccessControlListNotSupported", "The bucket does not allow ACLs")


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what of a request's headers is the object's.

    Raises:
        S3Error: MetadataTooLarge.
    """
    kept = {name: headers[name] for name in _KEPT if name in headers}
    encodings = [part.strip() for part in kept.pop("content-encoding", "").split(",")]
    # aws-chunked is how the body travelled, not what it is.
    encoding = ",".join(part for part in encodings if part and part != "aws-chunked")
    user = {name: value for name, value in headers.items() if name.startswith(_USER)}
    size = sum(len(name) - len(_USER) + len(value.encode()) for name, value in user.items())
    if size > _MAX_USER_BYTES:
        raise S3Error(
            "MetadataTooLarge",
            f"The metadata headers have {size} bytes, more than {_MAX_USER_BYTES}",
        )
    kept.setdefault("content-type", _DEFAULT_TYPE)
    return {**kept, **({"content-encoding": encoding} if encoding else {}), **user}


def object_headers(stored: StoredObject) -> dict[str, str]:
    """Return the headers that GET and HEAD answer with, but for the checksums."""
    return {
        "content-type": _DEFAULT_TYPE,
        **stored.record.headers,
        "accept-ranges": "bytes",
        "etag": f'"{stored.etag}"',
        "last-modified": format_datetime(stored.info.modified.replace(microsecond=0), usegmt=True),
    }


def checksum_headers(record: Record) -> dict[str, str]:
    """Return the headers that tell an object's checksum, if it has one."""
    if not record.checksums:
        return {}
    sums = {f"{checksums.HEADER}{name}": value for name, value in record.checksums.items()}
    return {**sums, f"{checksums.HEADER}type": record.checksum_type}


def checksum_elements(record: Record) -> list[tuple[str, str]]:
    """Return the elements that tell an object's checksum, if it has one."""
    sums = [(f"Checksum{name.upper()}", value) for name, value in record.checksums.items()]
    return [*sums, ("ChecksumType", record.checksum_type)] if sums else []
