"""Data capture: requests and answers as JSON lines in the object store, off the hot path.

An invocation costs one append. A thread writes what has gathered, every few seconds, or as soon as
there is much of it; each file appears whole, under the hour of its invocations. What cannot be
written (a full disk) is kept and tried again, within `MAX_HELD_BYTES`.

Where the capture names a key, files reach the disk encrypted and only so (`envelope`), under a data
key that came with the routes and is in memory alone.

    <prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/mm-ss-mmm-<uuid>.jsonl      hours in UTC
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.header import Header, Mode
from modelyard.envelope.marking import mark
from modelyard.envelope.writing import sealed
from modelyard.gateway.routes import Capture, CaptureKey

#: What may gather before it is written without waiting for the interval.
FLUSH_BYTES = 16 * 1024 * 1024
#: What is kept while it cannot be written; beyond it, new records are lost, which is logged.
MAX_HELD_BYTES = 256 * 1024 * 1024

_ASIDE = ".capture-"  # at the account's root, where a file is no bucket and no object

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Destination:
    """What is captured of one variant, and where to."""

    root: Path  # the account's folder in the object store
    bucket: str
    prefix: str  # the variant's, without slashes at its ends
    percentage: int
    input: bool
    output: bool
    csv_content_types: frozenset[str]
    json_content_types: frozenset[str]
    key: CaptureKey | None = None

    @classmethod
    def of(cls, capture: Capture, variant: str) -> Destination:
        """Return a variant's destination.

        Raises:
            ValueError: it would lie outside of its bucket.
        """
        prefix = f"{capture.prefix}/{variant}".strip("/")
        if any(part in {"", ".", ".."} for part in f"{capture.bucket}/{prefix}".split("/")):
            raise ValueError(f"s3://{capture.bucket}/{prefix} is no place to capture data at")
        return cls(
            root=Path(capture.folder),
            bucket=capture.bucket,
            prefix=prefix,
            percentage=capture.percentage,
            input=capture.input,
            output=capture.output,
            csv_content_types=frozenset(capture.csv_content_types),
            json_content_types=frozenset(capture.json_content_types),
            key=capture.key,
        )

    def samples(self) -> bool:
        """Return whether this invocation is one of those to capture."""
        return random.random() * 100 < self.percentage  # noqa: S311 - nobody gains by guessing it

    def encoding(self, content_type: str) -> str:
        """Return how data of a content type is kept: CSV, JSON or BASE64."""
        name = content_type.partition(";")[0].strip().lower()
        if name in self.csv_content_types:
            return "CSV"
        return "JSON" if name in self.json_content_types else "BASE64"


class Record(NamedTuple):
    """One invocation."""

    destination: Destination
    event_id: str
    inference_id: str | None
    seconds: float  # since 1970, of the invocation
    input: bytes
    input_type: str
    output: bytes
    output_type: str

    def size(self) -> int:
        """Return about how many bytes of memory it takes."""
        return len(self.input) + len(self.output) + 256

    def line(self) -> bytes:
        """Return the JSON line that is kept."""
        place = self.destination
        data: dict[str, Any] = {}
        if place.input:
            data["endpointInput"] = self._side("INPUT", self.input, self.input_type)
        if place.output:
            data["endpointOutput"] = self._side("OUTPUT", self.output, self.output_type)
        meta = {"eventId": self.event_id}
        if self.inference_id is not None:
            meta["inferenceId"] = self.inference_id
        meta["inferenceTime"] = f"{datetime.fromtimestamp(self.seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
        return orjson.dumps({"captureData": data, "eventMetadata": meta, "eventVersion": "0"})

    def _side(self, mode: str, content: bytes, content_type: str) -> dict[str, str]:
        encoding = self.destination.encoding(content_type)
        text = base64.b64encode(content).decode()
        if encoding != "BASE64":
            try:
                text = content.decode()
            except UnicodeDecodeError:
                encoding = "BASE64"
        return {
            "observedContentType": content_type,
            "mode": mode,
            "data": text,
            "encoding": encoding,
        }


class CaptureLog:
    """What has been captured and not yet written. Used from one event loop.

    Args:
        flush_seconds: how long a record waits at most before it is written.
    """

    def __init__(self, flush_seconds: float) -> None:
        self._flush_seconds = flush_seconds
        self._records: list[Record] = []
        self._gathered_bytes = 0  # of `_records`
        self._held_bytes = 0  # of those, and of what is being written
        self._lost = 0
        self._much = asyncio.Event()
        self._writing = asyncio.Lock()
        self._writer = _Writer()

    def add(self, record: Record) -> None:
        """Take a record; it never waits."""
        size = record.size()
        if self._held_bytes + size > MAX_HELD_BYTES:
            self._lost += 1
            return
        self._records.append(record)
        self._held_bytes += size
        self._gathered_bytes += size
        if self._gathered_bytes > FLUSH_BYTES:
            self._much.set()

    async def run(self) -> None:
        """Write what gathers, until cancelled; then `flush` writes the rest."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._flush_seconds):
                    await self._much.wait()
            if not await self.flush():
                await asyncio.sleep(1)  # the disk will not be less full at once

    async def flush(self) -> bool:
        """Write all there is; return whether that went well. What did not is kept."""
        async with self._writing:
            records, self._records = self._records, []
            self._gathered_bytes = 0
            self._much.clear()
            # Shielded: when the flushing task is cancelled, what it writes is still written once.
            writing = asyncio.ensure_future(asyncio.to_thread(self._writer.write, records))
            try:
                kept = await asyncio.shield(writing)
            except asyncio.CancelledError:
                self._settle(records, await writing)
                raise
            self._settle(records, kept)
            return not kept

    def _settle(self, records: list[Record], kept: list[Record]) -> None:
        kept_bytes = sum(record.size() for record in kept)
        self._held_bytes += kept_bytes - sum(record.size() for record in records)
        self._gathered_bytes += kept_bytes
        self._records = kept + self._records
        if self._lost:
            log.error("%d captured records are lost: too many could not be written", self._lost)
            self._lost = 0


class _Writer:
    """Writes records to files, from one thread at a time."""

    def __init__(self) -> None:
        self._swept: set[Path] = set()

    def write(self, records: Sequence[Record]) -> list[Record]:
        """Write records and return those that could not be written."""
        groups: dict[tuple[Destination, int], list[Record]] = {}
        for record in records:
            hour = int(record.seconds // 3600)
            groups.setdefault((record.destination, hour), []).append(record)
        kept: list[Record] = []
        for (place, hour), group in groups.items():
            try:
                self._write_file(place, hour, b"".join(record.line() + b"\n" for record in group))
            except OSError as error:
                log.error(
                    "captured data cannot be written to s3://%s/%s, and is kept in memory: %s",
                    place.bucket,
                    place.prefix,
                    error,
                )
                kept += group
        return kept

    def _write_file(self, place: Destination, hour: int, content: bytes) -> None:
        bucket = place.root / place.bucket
        if not bucket.is_dir():
            raise FileNotFoundError(f"there is no bucket {place.bucket!r}")
        self._sweep(place.root)
        moment = datetime.now(UTC)
        folder = bucket / place.prefix / f"{datetime.fromtimestamp(hour * 3600, UTC):%Y/%m/%d/%H}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{moment:%M-%S}-{moment.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
        aside = place.root / f"{_ASIDE}{os.getpid()}-{uuid.uuid4().hex}"
        try:
            with aside.open("wb") as file:
                if place.key is not None:
                    mark(file.fileno())
                    content = _sealed(content, place.key)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.rename(folder / name)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        _sync_folder(folder)

    def _sweep(self, root: Path) -> None:
        """Remove, once, what workers that were killed left half written."""
        if root in self._swept:
            return
        self._swept.add(root)
        for path in root.glob(f"{_ASIDE}*"):
            if not _is_alive(int(path.name.removeprefix(_ASIDE).partition("-")[0])):
                path.unlink(missing_ok=True)


def _sealed(content: bytes, key: CaptureKey) -> bytes:
    """Return the encrypted file of `content`; each has a key of its own, derived from `key`."""
    data_key = Ciphertext.decode(base64.b64decode(key.sealed))
    mode: Mode = "AES256" if key.mode == "AES256" else "aws:kms"
    return sealed(content, base64.b64decode(key.plaintext), Header.fresh(mode, data_key))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
