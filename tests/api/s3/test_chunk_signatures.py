from __future__ import annotations

import hashlib

import pytest

from modelyard.api.s3.chunk_signatures import ChunkChain
from modelyard.sigv4 import Signature, SignatureError


def chain(seed: str) -> ChunkChain:
    """Return the chain of the example in Amazon's documentation, after its `seed`."""
    signature = Signature(
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        date="20130524",
        region="us-east-1",
        service="s3",
        signed_headers=("host",),
        signature=seed,
    )
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    return ChunkChain(signature, {"x-amz-date": "20130524T000000Z"}, secret)


SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = [
    (b"a" * 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (b"a" * 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
]
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_CHUNKS = [
    (b"a" * 65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
    (b"a" * 1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
    (b"", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
]
TRAILER = b"x-amz-checksum-crc32c:sOO8/Q==\n"
TRAILER_SIGNATURE = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def test_the_chunks_of_the_documentation_are_verified() -> None:
    links = chain(SEED)
    for data, signature in CHUNKS:
        links.check_chunk(hashlib.sha256(data).hexdigest(), signature)


def test_the_trailer_of_the_documentation_is_verified() -> None:
    links = chain(TRAILER_SEED)
    for data, signature in TRAILER_CHUNKS:
        links.check_chunk(hashlib.sha256(data).hexdigest(), signature)
    links.check_trailer(TRAILER, TRAILER_SIGNATURE)


@pytest.mark.parametrize(
    ("data", "signature"), [(b"b" * 65536, CHUNKS[0][1]), (CHUNKS[1][0], CHUNKS[1][1])]
)
def test_a_chunk_that_is_altered_or_out_of_place_does_not_match(
    data: bytes, signature: str
) -> None:
    digest = hashlib.sha256(data).hexdigest()
    with pytest.raises(SignatureError) as caught:
        chain(SEED).check_chunk(digest, signature)
    assert caught.value.code == "SignatureDoesNotMatch"


def test_an_altered_trailer_does_not_match() -> None:
    links = chain(TRAILER_CHUNKS[-1][1])
    with pytest.raises(SignatureError):
        links.check_trailer(TRAILER.replace(b"s", b"t"), TRAILER_SIGNATURE)
