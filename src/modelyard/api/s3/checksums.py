"""Checksums of bodies: those that a client sends, and those that it gets back.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from modelyard.api.s3 import crc
from modelyard.api.s3.errors import S3Error, not_offered

HEADER = "x-amz-checksum-"
FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
_NOT_VALUES = {f"{HEADER}algorithm", f"{HEADER}mode", f"{HEADER}type"}


class Digest(Protocol):
    """A running checksum, in the shape of hashlib's."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32 by zlib, in hashlib's shape."""

    def __init__(self) -> None:
        self._check = 0

    def update(self, data: bytes, /) -> None:
        self._check = zlib.crc32(data, self._check)

    def digest(self) -> bytes:
        return self._check.to_bytes(4, "big")


ALGORITHMS: Mapping[str, Callable[[], Digest]] = {
    "crc32": _Crc32,
    "crc32c": lambda: crc.Crc(crc.CRC32C),
    "crc64nvme": lambda: crc.Crc(crc.CRC64NVME),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}
#: Only these give a whole object's checksum from its parts'.
_POLYNOMIALS = {"crc32": crc.CRC32, "crc32c": crc.CRC32C, "crc64nvme": crc.CRC64NVME}


def algorithm_of(name: str) -> str:
    """Return the algorithm that a header or parameter names.

    Raises:
        S3Error: NotImplemented.
    """
    algorithm = name.lower()
    if algorithm not in ALGORITHMS:
        offered = ", ".join(sorted(known.upper() for known in ALGORITHMS))
        raise not_offered(f"The checksum algorithm {name[:64]!r} (there are {offered})")
    return algorithm


def claimed(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the algorithm and base64 value of the `x-amz-checksum-` header, if there is one.

    Raises:
        S3Error: there are several, or one that cannot be a checksum.
    """
    names = [name for name in headers if name.startswith(HEADER) and name not in _NOT_VALUES]
    if not names:
        return None
    if len(names) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header")
    algorithm = algorithm_of(names[0].removeprefix(HEADER))
    return algorithm, valid(algorithm, headers[names[0]])


def valid(algorithm: str, value: str) -> str:
    """Return `value` if it can be a checksum.

    Raises:
        S3Error: InvalidRequest.
    """
    length = len(ALGORITHMS[algorithm]().digest())
    try:
        right = len(base64.b64decode(value, validate=True)) == length
    except (binascii.Error, ValueError):
        right = False
    if not right:
        raise S3Error("InvalidRequest", f"Value for {HEADER}{algorithm} header is invalid.")
    return value


def encoded(digest: bytes) -> str:
    """Return a checksum as the headers have it."""
    return base64.b64encode(digest).decode()


def type_of(algorithm: str, wanted: str | None) -> str:
    """Return how the checksum of an object in parts is made.

    Raises:
        S3Error: the algorithm cannot do that.
    """
    if wanted is None:
        return FULL_OBJECT if algorithm == "crc64nvme" else COMPOSITE
    kind = wanted.upper()
    full_only, parts_only = algorithm == "crc64nvme", algorithm not in _POLYNOMIALS
    if kind not in {FULL_OBJECT, COMPOSITE} or (full_only if kind == COMPOSITE else parts_only):
        raise S3Error(
            "InvalidRequest",
            f"The {wanted[:64]} checksum type cannot be used with the {algorithm} checksum"
            " algorithm.",
        )
    return kind


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> str:
    """Return an object's checksum from its parts' base64 checksums and sizes."""
    digests = [base64.b64decode(value) for value, _ in parts]
    if kind == COMPOSITE:
        running = ALGORITHMS[algorithm]()
        for digest in digests:
            running.update(digest)
        return f"{encoded(running.digest())}-{len(parts)}"
    polynomial = _POLYNOMIALS[algorithm]
    check = 0
    for digest, (_, size) in zip(digests, parts, strict=True):
        check = polynomial.combine(check, int.from_bytes(digest, "big"), size)
    return encoded(check.to_bytes(polynomial.width // 8, "big"))
