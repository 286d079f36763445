"""The envelope that objects are encrypted in, beside one AES-256-GCM call over the same bytes.

The envelope seals frame by frame, so that a file can be read from any place and is never held in
memory whole; what that costs against the plain cipher of the same library is measured here.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.report import Options, Report, Requirement
from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.frames import DATA_KEY_BYTES, FRAME_BYTES
from modelyard.envelope.header import Header
from modelyard.envelope.reading import SealedFile, buffered
from modelyard.envelope.writing import SealingWriter

_SIZE = 64 * 2**20  # bytes
_PIECE = 2**20  # what the store reads and writes at a time
_MAX_SECONDS = 1.5  # of one measurement, so that all of it is short
_KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"


def run(options: Options, *, size: int = _SIZE) -> Report:
    """Measure both, interleaved, and return what was found."""
    content, data_key, nonce = os.urandom(size), os.urandom(DATA_KEY_BYTES), os.urandom(12)
    plain = AESGCM(data_key)
    encrypted = plain.encrypt(nonce, content, None)
    with _sealed(content, data_key) as file:
        if _opened(file, data_key) != hashlib.sha256(content).digest():
            raise RuntimeError("what the envelope gives back is not what was put in")
        ways: dict[str, Callable[[], object]] = {
            "encrypt, envelope": lambda: _sealed(content, data_key).close(),
            "encrypt, one shot": lambda: plain.encrypt(nonce, content, None),
            "decrypt, envelope": lambda: _read(file, data_key),
            "decrypt, one shot": lambda: plain.decrypt(nonce, encrypted, None),
        }
        seconds = min(options.seconds, _MAX_SECONDS) / options.rounds
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, work in ways.items():
                found[name].append(size / 2**20 / _median_of(work, seconds))
    speeds = {name: statistics.median(values) for name, values in found.items()}
    rows = [
        [
            way,
            f"{speeds[f'{way}, envelope']:.0f}",
            f"{speeds[f'{way}, one shot']:.0f}",
            f"{_share(speeds, way):.2f}",
        ]
        for way in ("encrypt", "decrypt")
    ]
    return Report(
        title="Envelope",
        method=(
            f"MiB/s on one core, over {size >> 20} MiB of random bytes: the envelope in pieces of "
            f"{_PIECE >> 20} MiB to and from a file in memory, in frames of {FRAME_BYTES >> 10} "
            "KiB; one shot is AESGCM of cryptography over all of it at once, in memory. The median "
            f"of {options.rounds} interleaved rounds."
        ),
        columns=["MiB/s", "envelope", "one shot", "share"],
        rows=rows,
        requirements=[
            Requirement(text=f"{way}: share of one shot", found=_share(speeds, way), at_least=0.25)
            for way in ("encrypt", "decrypt")
        ],
    )


def _share(speeds: dict[str, float], way: str) -> float:
    return speeds[f"{way}, envelope"] / speeds[f"{way}, one shot"]


def _sealed(content: bytes, data_key: bytes) -> BinaryIO:
    """Return a file in memory that holds the content encrypted, open."""
    sealed_key = Ciphertext(key_arn=_KEY_ARN, key_version=1, salt=bytes(32), sealed=bytes(48))
    file = os.fdopen(os.memfd_create("modelyard-bench"), "w+b", buffering=0)
    writer = SealingWriter(cast("BinaryIO", file), data_key, Header.fresh("aws:kms", sealed_key))
    view = memoryview(content)
    for at in range(0, len(content), _PIECE):
        writer.write(view[at : at + _PIECE])
    writer.finish()
    return cast("BinaryIO", file)


def _pieces(file: BinaryIO, data_key: bytes) -> Iterator[bytes]:
    again = os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
    with buffered(SealedFile(cast("BinaryIO", again), data_key)) as opened:
        while piece := opened.read(_PIECE):
            yield piece


def _read(file: BinaryIO, data_key: bytes) -> int:
    return sum(len(piece) for piece in _pieces(file, data_key))


def _opened(file: BinaryIO, data_key: bytes) -> bytes:
    digest = hashlib.sha256()
    for piece in _pieces(file, data_key):
        digest.update(piece)
    return digest.digest()


def _median_of(work: Callable[[], object], seconds: float) -> float:
    """Return the median seconds of one call, of as many as fit into `seconds`, at least one."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
