from __future__ import annotations

import base64
import hashlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.api.s3 import checksums, crc
from modelyard.api.s3.errors import S3Error

#: The check values of the CRC catalogue: of the bytes "123456789".
CHECKS = [
    (crc.CRC32, 0xCBF43926),
    (crc.CRC32C, 0xE3069283),
    (crc.CRC64NVME, 0xAE8B14860A799888),
]


def check(polynomial: crc.Polynomial, *pieces: bytes) -> int:
    running = crc.Crc(polynomial)
    for piece in pieces:
        running.update(piece)
    return int.from_bytes(running.digest(), "big")


@pytest.mark.parametrize(("polynomial", "expected"), CHECKS)
def test_a_check_has_the_value_of_the_catalogue(polynomial: crc.Polynomial, expected: int) -> None:
    assert check(polynomial, b"123456789") == expected
    assert check(polynomial) == 0


@settings(max_examples=25)
@given(size=st.integers(0, 700_000), cut=st.integers(0, 700_000), seed=st.binary(max_size=8))
def test_blocks_give_the_check_that_zlib_gives(size: int, cut: int, seed: bytes) -> None:
    data = hashlib.shake_128(seed).digest(size)
    assert check(crc.CRC32, data[:cut], data[cut:]) == zlib.crc32(data)


@pytest.mark.parametrize("polynomial", [polynomial for polynomial, _ in CHECKS])
@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 262_143, 262_144, 300_001])
def test_blocks_give_the_check_that_bytes_give(polynomial: crc.Polynomial, size: int) -> None:
    data = hashlib.shake_128(b"").digest(size)
    assert check(polynomial, data) == polynomial.advance(polynomial.mask, data) ^ polynomial.mask


@given(first=st.binary(max_size=100), second=st.binary(max_size=100))
def test_the_check_of_a_whole_follows_from_its_parts(first: bytes, second: bytes) -> None:
    for polynomial, _ in CHECKS:
        joined = polynomial.combine(
            check(polynomial, first), check(polynomial, second), len(second)
        )
        assert joined == check(polynomial, first + second)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=4))
def test_a_full_checksum_of_parts_is_the_checksum_of_all_bytes(parts: list[bytes]) -> None:
    for algorithm in ("crc32", "crc32c", "crc64nvme"):
        sums = [(_sum(algorithm, part), len(part)) for part in parts]
        whole = checksums.of_parts(algorithm, checksums.FULL_OBJECT, sums)
        assert whole == _sum(algorithm, b"".join(parts))


def test_a_composite_checksum_is_the_checksum_of_the_checksums() -> None:
    digests = [hashlib.sha256(part).digest() for part in (b"a", b"b")]
    sums = [(base64.b64encode(digest).decode(), 1) for digest in digests]
    expected = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    assert checksums.of_parts("sha256", checksums.COMPOSITE, sums) == f"{expected}-2"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-xxhash3": "AAAA"}, "NotImplemented"),
        ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "not base64"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"}, "InvalidRequest"),
    ],
)
def test_a_checksum_that_cannot_be_one_is_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(S3Error) as caught:
        checksums.claimed(headers)
    assert caught.value.code == code


def test_an_unknown_algorithm_is_named_with_those_that_there_are() -> None:
    with pytest.raises(S3Error, match=r"XXHASH3.*CRC32, CRC32C, CRC64NVME"):
        checksums.algorithm_of("XXHASH3")


@pytest.mark.parametrize(
    ("algorithm", "wanted", "kind"),
    [
        ("crc32", None, "COMPOSITE"),
        ("crc32", "FULL_OBJECT", "FULL_OBJECT"),
        ("crc64nvme", None, "FULL_OBJECT"),
        ("sha256", "COMPOSITE", "COMPOSITE"),
        ("sha256", "FULL_OBJECT", None),
        ("crc64nvme", "COMPOSITE", None),
        ("crc32", "HALF", None),
    ],
)
def test_an_algorithm_has_its_kinds(algorithm: str, wanted: str | None, kind: str | None) -> None:
    if kind is not None:
        assert checksums.type_of(algorithm, wanted) == kind
        return
    with pytest.raises(S3Error, match="cannot be used"):
        checksums.type_of(algorithm, wanted)


def _sum(algorithm: str, data: bytes) -> str:
    digest = checksums.ALGORITHMS[algorithm]()
    digest.update(data)
    return checksums.encoded(digest.digest())
