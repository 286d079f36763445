from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.errors import EnvelopeError
from modelyard.envelope.frames import (
    FRAME_BYTES,
    TAG_BYTES,
    FrameCipher,
    plain_size,
    sealed_size,
)
from modelyard.envelope.header import HEADER_BYTES, Header
from modelyard.envelope.reading import SealedFile, buffered, read_header
from modelyard.envelope.writing import Sealer, SealingWriter, sealed, sealed_pieces

KEY = bytes(range(32))
WRAPPED = Ciphertext(
    key_arn="arn:aws:kms:us-east-1:123456789012:key/0b1f",
    key_version=3,
    salt=b"s" * 32,
    sealed=b"w" * 48,
)


def header() -> Header:
    return Header.fresh("aws:kms", WRAPPED)


def opened(path: Path, data: bytes, key: bytes = KEY) -> SealedFile:
    path.write_bytes(data)
    return SealedFile(path.open("rb"), key)


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


SIZES = st.one_of(
    st.integers(0, 300),
    st.sampled_from([FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES]),
    st.integers(0, 3 * FRAME_BYTES + 5),
)


@given(SIZES, st.lists(st.integers(1, 70_000), max_size=8))
def test_what_was_written_in_any_pieces_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, size: int, cuts: list[int]
) -> None:
    plain, sealer, at = content(size), Sealer(KEY, header()), 0
    parts = [sealer.begin()]
    for cut in cuts:
        parts.append(sealer.update(plain[at : at + cut]))
        at += cut
    parts += [sealer.update(plain[at:]), sealer.finish()]
    data = b"".join(parts)
    assert len(data) == sealed_size(size)
    assert plain_size(len(data)) == size
    with opened(tmp_path_factory.mktemp("e") / "f", data) as file:
        assert file.size == size
        assert file.read() == plain


@given(SIZES, st.data())
def test_a_range_is_the_slice_of_the_plaintext(
    tmp_path_factory: pytest.TempPathFactory, size: int, draw: st.DataObject
) -> None:
    plain = content(size)
    start = draw.draw(st.integers(0, size))
    length = draw.draw(st.integers(0, size + 10))
    with opened(tmp_path_factory.mktemp("e") / "f", sealed(plain, KEY, header())) as file:
        assert file.pread(length, start) == plain[start : start + length]
        reader = buffered(file)
        reader.seek(start)
        assert reader.read(length) == plain[start : start + length]
        assert reader.tell() == min(start + length, max(size, start))


@pytest.mark.parametrize("size", [0, 1, 40])
def test_every_change_of_a_single_byte_is_detected(tmp_path: Path, size: int) -> None:
    data = sealed(content(size), KEY, header())
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        with pytest.raises(EnvelopeError), opened(tmp_path / "f", bytes(changed)) as file:
            file.read()


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_changed_byte_of_a_long_file_is_detected_where_it_is_read(
    tmp_path: Path, draw: st.DataObject
) -> None:
    data = sealed(content(3 * FRAME_BYTES + 100), KEY, header())
    position = draw.draw(st.integers(0, len(data) - 1))
    changed = bytearray(data)
    changed[position] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(EnvelopeError), opened(tmp_path / "f", bytes(changed)) as file:
        file.read()


@given(st.integers(0, 3 * (FRAME_BYTES + TAG_BYTES) + HEADER_BYTES + 99))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_file_that_was_cut_anywhere_does_not_even_open(tmp_path: Path, kept: int) -> None:
    data = sealed(content(3 * FRAME_BYTES + 100), KEY, header())
    with pytest.raises(EnvelopeError):
        opened(tmp_path / "f", data[:kept])


@pytest.mark.parametrize("frames", [1, 2])
def test_a_file_cut_between_frames_does_not_even_open(tmp_path: Path, frames: int) -> None:
    data = sealed(content(3 * FRAME_BYTES), KEY, header())
    with pytest.raises(EnvelopeError):
        opened(tmp_path / "f", data[: HEADER_BYTES + frames * (FRAME_BYTES + TAG_BYTES)])


def test_frames_that_were_swapped_or_added_are_detected(tmp_path: Path) -> None:
    data = sealed(content(3 * FRAME_BYTES), KEY, header())
    head, size = data[:HEADER_BYTES], FRAME_BYTES + TAG_BYTES
    a, b, c = (data[HEADER_BYTES + i * size :][:size] for i in range(3))
    for frames in ([b, a, c], [a, a, c], [a, b, c, c], [a, b, c, a], [a, c]):
        with pytest.raises(EnvelopeError), opened(tmp_path / "f", head + b"".join(frames)) as file:
            file.read()


def test_a_frame_of_another_file_under_the_same_data_key_is_refused(tmp_path: Path) -> None:
    one, two = sealed(b"a" * 10, KEY, header()), sealed(b"b" * 10, KEY, header())
    with pytest.raises(EnvelopeError):
        opened(tmp_path / "f", one[:HEADER_BYTES] + two[HEADER_BYTES:])


def test_another_data_key_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(EnvelopeError):
        opened(tmp_path / "f", sealed(b"secret", KEY, header()), key=b"\1" * 32)


def test_two_files_of_one_content_and_data_key_share_no_frame() -> None:
    one, two = (sealed(content(FRAME_BYTES), KEY, header()) for _ in range(2))
    assert one[HEADER_BYTES:] != two[HEADER_BYTES:]


def test_a_writer_that_is_not_finished_leaves_no_whole_file(tmp_path: Path) -> None:
    sink = io.BytesIO()
    writer = SealingWriter(sink, KEY, header())
    writer.write(content(FRAME_BYTES * 2 + 5))
    writer.close()
    with pytest.raises(EnvelopeError):
        opened(tmp_path / "f", sink.getvalue())


def test_a_header_tells_its_key_without_any_key(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(sealed(b"", KEY, header()))
    with path.open("rb") as file:
        found = read_header(file)
    assert (found.mode, found.data_key) == ("aws:kms", WRAPPED)


@given(st.binary(max_size=600))
def test_no_bytes_crash_the_parsers(data: bytes) -> None:
    for parse in (Header.decode, Ciphertext.decode):
        try:
            parse(data)
        except EnvelopeError:
            continue


@given(st.integers(0, 10 * FRAME_BYTES))
def test_a_size_that_no_envelope_has_is_refused_and_any_other_is_its_inverse(size: int) -> None:
    try:
        plain = plain_size(size)
    except EnvelopeError:
        return
    assert sealed_size(plain) == size


def test_a_data_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        FrameCipher(b"k" * 16, header())


async def test_a_body_is_encrypted_on_its_way(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 30_000

    data = b"".join([piece async for piece in sealed_pieces(pieces(), KEY, header())])
    with opened(tmp_path / "f", data) as file:
        assert file.read() == b"x" * 150_000
