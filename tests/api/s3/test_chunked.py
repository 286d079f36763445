from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.s3.chunk_signatures import ChunkChain
from modelyard.api.s3.chunked import ChunkedDecoder
from modelyard.api.s3.errors import S3Error
from modelyard.sigv4 import SignatureError, parse_authorization
from tests.api.s3.raw import ChunkSigner
from tests.api.s3.world import SECRETS

HEADERS = {
    "X-Amz-Date": "20261121T093015Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAONE/20261121/eu-west-1/s3/aws4_request, "
    f"SignedHeaders=host, Signature={'0' * 64}",
}
BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=4)


def plain(chunks: list[bytes], trailers: dict[str, str] | None = None) -> bytes:
    pieces = [f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    lines = [f"{name}:{value}\r\n".encode() for name, value in (trailers or {}).items()]
    return b"".join([*pieces, b"0\r\n", *lines, b"\r\n"])


def chain() -> ChunkChain:
    signature = parse_authorization(HEADERS["Authorization"])
    return ChunkChain(signature, {"x-amz-date": HEADERS["X-Amz-Date"]}, SECRETS["AKIAONE"][0])


def decode(decoder: ChunkedDecoder, data: bytes, step: int = 1) -> bytes:
    return b"".join(decoder.feed(data[at : at + step]) for at in range(0, len(data), step))


@given(chunks=BODIES, step=st.integers(1, 200))
def test_a_body_is_decoded_however_it_is_cut(chunks: list[bytes], step: int) -> None:
    decoder = ChunkedDecoder(None)
    data = plain(chunks, {"x-amz-checksum-crc32": "AAAAAA=="})
    assert decode(decoder, data, step) == b"".join(chunks)
    assert decoder.is_finished
    assert decoder.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


@given(chunks=BODIES, step=st.integers(1, 400), has_trailer=st.booleans())
def test_signed_chunks_are_verified(chunks: list[bytes], step: int, has_trailer: bool) -> None:
    decoder = ChunkedDecoder(chain())
    trailers = {"x-amz-checksum-crc32": "AAAAAA=="} if has_trailer else {}
    assert decode(decoder, ChunkSigner(HEADERS).encode(chunks, trailers), step) == b"".join(chunks)
    assert decoder.is_finished


@given(chunks=BODIES.filter(bool), data=st.data())
def test_no_byte_of_a_signed_body_can_be_altered(chunks: list[bytes], data: st.DataObject) -> None:
    encoded = ChunkSigner(HEADERS).encode(chunks, {"x-amz-checksum-crc32": "AAAAAA=="})
    at = data.draw(st.integers(0, len(encoded) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != encoded[at]))
    altered = encoded[:at] + bytes([byte]) + encoded[at + 1 :]
    decoder = ChunkedDecoder(chain())
    try:
        decoded = decoder.feed(altered)
    except (S3Error, SignatureError):
        return
    # The case of a hex digit or of a header's name, and blanks around it, mean nothing.
    assert not decoder.is_finished or decoded == b"".join(chunks)


def test_a_signed_body_without_its_end_is_not_finished() -> None:
    encoded = ChunkSigner(HEADERS).encode([b"abc"])
    decoder = ChunkedDecoder(chain())
    assert decoder.feed(encoded[:-5]) == b"abc"
    assert not decoder.is_finished


def test_a_trailer_without_its_signature_is_refused() -> None:
    encoded = ChunkSigner(HEADERS).encode([b"abc"]).removesuffix(b"\r\n")
    with pytest.raises(SignatureError):
        ChunkedDecoder(chain()).feed(encoded + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"xyz\r\n",
        b"-1\r\n",
        b"3\r\nabcd\r\n",
        b"1" * 16 + b"\r\n",
        b"3;chunk-signature=" + b"0" * 64 + b"\r\n",
        b"0\r\nno trailer\r\n",
        b"0\r\na:1\r\na:2\r\n",
        b"0\r\n" + b"".join(b"h%d:1\r\n" % n for n in range(20)),
        b"0\r\n\r\nmore",
        b"1" * 10_000,
        b"0\r\n" + b"a" * 10_000,
    ],
)
def test_what_is_not_aws_chunked_is_refused(data: bytes) -> None:
    with pytest.raises(S3Error, match="not aws-chunked"):
        ChunkedDecoder(None).feed(data)


def test_chunks_without_signatures_are_refused_where_they_must_have_them() -> None:
    with pytest.raises(S3Error, match="not aws-chunked"):
        ChunkedDecoder(chain()).feed(plain([b"abc"]))
