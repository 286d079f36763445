from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.store.errors import KeyConflict, NoSuchKey
from modelyard.store.object_records import Record
from modelyard.store.objects import Objects, ObjectStores
from modelyard.store.recorded_objects import RecordedObjects, StoredObject
from modelyard.store.s3_uris import S3Uri

KEY = S3Uri("data", "k")
RECORD = Record(etag="abc", headers={"content-type": "text/csv"}, checksums={"crc32": "AAAAAA=="})


@pytest.fixture
def plain(tmp_path: Path) -> Objects:
    store = ObjectStores(tmp_path).of("123456789012")
    store.create_bucket("data")
    return store


@pytest.fixture
def objects(plain: Objects) -> Iterator[RecordedObjects]:
    recorded = RecordedObjects(plain)
    yield recorded
    recorded.close()


def aside(objects: RecordedObjects, data: bytes) -> Path:
    path = objects.objects.aside()
    path.write_bytes(data)
    return path


def test_an_object_is_found_with_its_record(objects: RecordedObjects) -> None:
    stored = objects.publish(KEY, aside(objects, b"1"), RECORD)
    assert objects.find(KEY) == stored
    assert stored.record == RECORD
    with objects.opened(KEY) as (found, file):
        assert (found, file.read()) == (stored, b"1")


def test_a_record_goes_with_its_bytes(objects: RecordedObjects) -> None:
    objects.publish(KEY, aside(objects, b"1"), RECORD)
    objects.objects.put_bytes(KEY, b"2")
    found = objects.find(KEY)
    assert found.record.headers == {}
    assert found.etag != "abc"
    assert objects.find(KEY) == found
    objects.publish(KEY, aside(objects, b"3"), RECORD)
    objects.delete(KEY)
    objects.objects.put_bytes(KEY, b"4")
    assert objects.find(KEY).record.headers == {}


def test_a_record_without_bytes_changes_nothing(objects: RecordedObjects) -> None:
    """As if the server had been killed between the two."""
    stored = objects.publish(KEY, aside(objects, b"1"), RECORD)
    objects.records.put("data", "k", "another version", replace(RECORD, etag="def"))
    assert objects.find(KEY) == stored
    assert objects.recorded("data", [stored.info]) == [stored]


def test_a_refused_object_leaves_the_old_one_and_its_record(objects: RecordedObjects) -> None:
    stored = objects.publish(KEY, aside(objects, b"1"), RECORD)

    def refuse(found: StoredObject | None) -> None:
        assert found == stored
        raise LookupError

    with pytest.raises(LookupError):
        objects.publish(KEY, aside(objects, b"2"), replace(RECORD, etag="def"), refuse)
    with pytest.raises(LookupError):
        objects.delete(KEY, refuse)
    with pytest.raises(KeyConflict):
        objects.publish(S3Uri("data", "k/below"), aside(objects, b"2"), RECORD)
    assert objects.find(KEY) == stored
    with pytest.raises(NoSuchKey):
        objects.find(S3Uri("data", "k/below"))


def test_records_are_found_for_a_whole_listing(objects: RecordedObjects) -> None:
    for key in ("a", "b", "ü"):
        objects.publish(S3Uri("data", key), aside(objects, b"1"), replace(RECORD, etag=key))
    objects.objects.put_bytes(S3Uri("data", "c"), b"1")
    infos = list(objects.objects.list(S3Uri("data", "")))
    tags = {stored.info.key: stored.etag for stored in objects.recorded("data", infos)}
    assert tags == {"a": "a", "b": "b", "ü": "ü", "c": objects.find(S3Uri("data", "c")).etag}
    assert objects.recorded("data", []) == []


def test_of_many_at_once_the_bytes_and_the_record_of_one_remain(objects: RecordedObjects) -> None:
    def put(number: int) -> None:
        data = str(number).encode()
        objects.publish(KEY, aside(objects, data), replace(RECORD, etag=str(number)))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert objects.find(KEY).etag == objects.objects.get(KEY).decode()


def test_records_survive_a_restart(objects: RecordedObjects) -> None:
    stored = objects.publish(KEY, aside(objects, b"1"), RECORD)
    again = RecordedObjects(objects.objects)
    assert again.find(KEY) == stored
    again.close()
