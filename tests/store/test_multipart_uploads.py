from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from modelyard import clock
from modelyard.store.multipart_uploads import KEPT_DAYS, MultipartUploads, NoSuchUpload, Upload
from modelyard.store.object_records import Record
from modelyard.store.objects import ObjectStores
from modelyard.store.recorded_objects import RecordedObjects
from modelyard.store.s3_uris import S3Uri

KEY = S3Uri("data", "k")
RECORD = Record(etag="", headers={"content-type": "text/csv"})


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[RecordedObjects]:
    store = ObjectStores(tmp_path).of("123456789012")
    store.create_bucket("data")
    recorded = RecordedObjects(store)
    yield recorded
    recorded.close()


@pytest.fixture
def uploads(objects: RecordedObjects) -> MultipartUploads:
    return MultipartUploads(objects)


def add(objects: RecordedObjects, uploads: MultipartUploads, upload: Upload, data: bytes) -> None:
    body = objects.objects.aside()
    body.write_bytes(data)
    uploads.add_part(upload, len(uploads.parts(upload)) + 1, body, etag=data.hex(), checksum=None)


def test_parts_are_joined_in_their_order_and_stay(
    objects: RecordedObjects, uploads: MultipartUploads
) -> None:
    upload = uploads.begin(KEY, RECORD)
    for data in (b"one", b"two", b"three"):
        add(objects, uploads, upload, data)
    parts = uploads.parts(upload)
    assert uploads.assemble(upload, parts).read_bytes() == b"onetwothree"
    assert uploads.assemble(upload, parts[1:]).read_bytes() == b"twothree"
    assert uploads.assemble(upload, parts[:1]).read_bytes() == b"one"


def test_a_completion_that_was_broken_off_can_be_repeated(
    objects: RecordedObjects, uploads: MultipartUploads
) -> None:
    """Also when the object is there already, and is the very file of its only part."""
    upload = uploads.begin(KEY, RECORD)
    add(objects, uploads, upload, b"one")
    for _ in range(2):
        aside = uploads.assemble(upload, uploads.parts(upload))
        objects.publish(KEY, aside, RECORD)
        aside.unlink(missing_ok=True)
    uploads.end(upload)
    assert objects.objects.get(KEY) == b"one"
    assert objects.find(KEY).record == RECORD


def test_an_upload_that_was_ended_takes_no_part(
    objects: RecordedObjects, uploads: MultipartUploads
) -> None:
    upload = uploads.begin(KEY, RECORD)
    uploads.end(upload)
    with pytest.raises(NoSuchUpload):
        add(objects, uploads, upload, b"one")
    with pytest.raises(NoSuchUpload):
        uploads.get(KEY, upload.id)


def test_uploads_that_nobody_ends_are_given_up(
    objects: RecordedObjects, uploads: MultipartUploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = uploads.begin(KEY, RECORD)
    add(objects, uploads, old, b"one")
    stray = objects.objects.private / "multipart" / "stray"
    stray.mkdir()
    later = clock.now() + timedelta(days=KEPT_DAYS - 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    recent = uploads.begin(KEY, RECORD)
    assert MultipartUploads(objects).get(KEY, old.id) == old
    assert not stray.exists()
    later += timedelta(days=2)
    again = MultipartUploads(objects)
    assert again.get(KEY, recent.id) == recent
    with pytest.raises(NoSuchUpload):
        again.get(KEY, old.id)
    assert not (objects.objects.private / "multipart" / old.id).exists()
