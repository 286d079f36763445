from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.reading import SealedFile
from modelyard.gateway import capture as capturing
from modelyard.gateway.capture import CaptureLog, Destination, Record
from modelyard.gateway.routes import CaptureKey
from tests.gateway.live import capture, captured, eventually

NOON = datetime(2026, 3, 1, 12, 59, 59, 999_000, UTC).timestamp()


def record(root: Path, **changed: Any) -> Record:
    place = changed.pop("place", {})
    fields: dict[str, Any] = {
        "destination": Destination.of(capture(root, "e", **place), "blue"),
        "event_id": "event",
        "inference_id": None,
        "seconds": NOON,
        "input": b"1,2",
        "input_type": "text/csv; charset=utf-8",
        "output": b'{"predictions":[]}',
        "output_type": "application/json",
    }
    return Record(**{**fields, **changed})


async def written(*records: Record) -> list[dict[str, Any]]:
    log = CaptureLog(3600)
    for one in records:
        log.add(one)
    assert await log.flush()
    return captured(records[0].destination.root)


def files_in(folder: Path, pattern: str = "**/*.jsonl") -> list[Path]:
    return sorted(folder.glob(pattern))


def dead_process() -> int:
    """Return an id that a process had."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


async def test_a_record_has_sagemakers_shape(tmp_path: Path) -> None:
    (found,) = await written(record(tmp_path))
    assert found == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "INPUT",
                "data": "1,2",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": '{"predictions":[]}',
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"eventId": "event", "inferenceTime": "2026-03-01T12:59:59Z"},
        "eventVersion": "0",
    }


async def test_a_file_lies_under_the_hour_of_its_invocations(tmp_path: Path) -> None:
    await written(record(tmp_path), record(tmp_path), record(tmp_path, seconds=NOON + 1))
    files = files_in(tmp_path)
    assert [str(path.parent.relative_to(tmp_path)) for path in files] == [
        "bucket/captured/e/blue/2026/03/01/12",
        "bucket/captured/e/blue/2026/03/01/13",
    ]
    assert re.fullmatch(r"\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl", files[0].name)
    assert len(files[0].read_bytes().splitlines()) == 2


async def test_other_content_types_and_bytes_that_are_no_text_are_base64(tmp_path: Path) -> None:
    binary = b"\xff\x00"
    place = {"csv_content_types": ["text/csv"], "json_content_types": []}
    (found,) = await written(record(tmp_path, place=place, input=binary))
    data = found["captureData"]
    assert data["endpointInput"]["encoding"] == data["endpointOutput"]["encoding"] == "BASE64"
    assert base64.b64decode(data["endpointInput"]["data"]) == binary
    assert base64.b64decode(data["endpointOutput"]["data"]) == b'{"predictions":[]}'


async def test_only_what_is_asked_for_is_captured(tmp_path: Path) -> None:
    (found,) = await written(record(tmp_path, place={"output": False}))
    assert list(found["captureData"]) == ["endpointInput"]
    (found,) = await written(record(tmp_path / "o", place={"input": False}, inference_id="mine"))
    assert list(found["captureData"]) == ["endpointOutput"]
    assert found["eventMetadata"]["inferenceId"] == "mine"


def test_the_percentage_is_of_the_requests(tmp_path: Path) -> None:
    def share(percentage: int) -> int:
        place = Destination.of(capture(tmp_path, "e", percentage=percentage), "blue")
        return sum(place.samples() for _ in range(10_000))

    assert share(0) == 0
    assert share(100) == 10_000
    assert 2700 < share(30) < 3300  # outside once in 10^10 runs


@pytest.mark.parametrize(
    "changed", [{"prefix": "../../x"}, {"prefix": "a//b"}, {"bucket": ".."}, {"bucket": "a/../b"}]
)
def test_a_destination_outside_of_its_bucket_is_refused(
    tmp_path: Path, changed: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="no place to capture data at"):
        Destination.of(capture(tmp_path, "e", **changed), "blue")


async def test_what_cannot_be_written_is_kept_and_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = CaptureLog(3600)
    first = record(tmp_path, event_id="first")
    other = record(tmp_path / "other", event_id="other")
    shutil.rmtree(tmp_path / "bucket")
    log.add(first)
    log.add(other)
    assert not await log.flush()
    assert "there is no bucket 'bucket'" in caplog.text
    assert [one["eventMetadata"]["eventId"] for one in captured(tmp_path / "other")] == ["other"]
    (tmp_path / "bucket").mkdir()
    log.add(record(tmp_path, event_id="second"))
    assert await log.flush()
    events = [one["eventMetadata"]["eventId"] for one in captured(tmp_path)]
    assert events == ["first", "second"]
    assert len(captured(tmp_path / "other")) == 1
    assert log._held_bytes == log._gathered_bytes == 0


async def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    one = record(tmp_path)
    (tmp_path / "bucket" / "captured").touch()  # where a folder must be
    log = CaptureLog(3600)
    log.add(one)
    assert not await log.flush()
    assert files_in(tmp_path, "*") == [tmp_path / "bucket"]


async def test_much_is_written_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "FLUSH_BYTES", 5_000)
    log = CaptureLog(3600)
    writing = asyncio.create_task(log.run())
    for _ in range(30):
        log.add(record(tmp_path))
    await eventually(lambda: len(captured(tmp_path)) == 30)
    writing.cancel()
    await asyncio.wait([writing])


async def test_what_a_cancelled_flush_was_writing_is_written_once(tmp_path: Path) -> None:
    log = CaptureLog(0.001)
    for number in range(500):
        log.add(record(tmp_path, event_id=str(number)))
    running = asyncio.create_task(log.run())
    await eventually(log._writing.locked)
    running.cancel()
    log.add(record(tmp_path, event_id="late"))
    await asyncio.wait([running])
    assert await log.flush()
    events = [one["eventMetadata"]["eventId"] for one in captured(tmp_path)]
    assert sorted(events) == sorted([*map(str, range(500)), "late"])


async def test_beyond_the_bound_new_records_are_lost_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capturing, "MAX_HELD_BYTES", 1_000)
    log = CaptureLog(3600)
    for _ in range(10):
        log.add(record(tmp_path))
    with caplog.at_level(logging.ERROR):
        await log.flush()
    kept = len(captured(tmp_path))
    assert 0 < kept < 10
    assert f"{10 - kept} captured records are lost" in caplog.text


async def test_what_dead_workers_left_half_written_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f".capture-{dead_process()}-abc"
    mine = tmp_path / f".capture-{os.getpid()}-abc"
    left.touch()
    mine.touch()
    await written(record(tmp_path))
    assert not left.exists()
    assert mine.exists()


async def test_what_is_captured_under_a_key_reaches_the_disk_encrypted(tmp_path: Path) -> None:
    data_key, sealed_key = os.urandom(32), os.urandom(48)
    wrapped = Ciphertext(key_arn="arn:k", key_version=1, salt=b"s" * 32, sealed=sealed_key)
    key = CaptureKey(
        mode="aws:kms",
        sealed=base64.b64encode(wrapped.encode()).decode(),
        plaintext=base64.b64encode(data_key).decode(),
    )
    one = record(tmp_path, place={"key": key}, input=b"known,plaintext")
    (tmp_path / "bucket").mkdir(exist_ok=True)
    log = CaptureLog(3600)
    for _ in range(2):
        log.add(one)
        assert await log.flush()
    first, second = files_in(tmp_path)
    assert first.read_bytes()[:8] == second.read_bytes()[:8] == b"MYSEALED"
    assert b"known" not in first.read_bytes() + second.read_bytes()
    assert first.stat().st_mode & 0o100
    assert first.read_bytes()[512:] != second.read_bytes()[512:]
    with SealedFile(first.open("rb"), data_key) as file:
        (line,) = file.read().splitlines()
    assert b"known,plaintext" in line
    assert key.plaintext not in repr(one)
