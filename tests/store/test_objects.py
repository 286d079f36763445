from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.store.errors import (
    AlreadyExists,
    BucketNotEmpty,
    KeyConflict,
    NoSuchBucket,
    NoSuchKey,
    ObjectTooLarge,
    StorageFull,
)
from modelyard.store.objects import Objects, ObjectStores, S3Uri
from modelyard.store.s3_uris import key_problem

KEYS = st.text(min_size=1, max_size=8).filter(lambda key: key_problem(key) is None)
#: Few characters, so that keys meet: one is another's folder, or its neighbour.
CROWDED = st.text("ab-/.", min_size=1, max_size=6).filter(lambda key: key_problem(key) is None)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    store = ObjectStores(tmp_path / "objects").of("123456789012")
    store.create_bucket("data")
    return store


def uri(key: str) -> S3Uri:
    return S3Uri("data", key)


def keys(store: Objects, prefix: str = "", after: str = "") -> list[str]:
    return [info.key for info in store.list(uri(prefix), after=after)]


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Let no file grow beyond `limit` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_put_is_what_is_got(objects: Objects) -> None:
    info = objects.put_bytes(uri("a/b c.csv"), b"1,2\n")
    assert objects.get(uri("a/b c.csv")) == b"1,2\n"
    assert objects.head(uri("a/b c.csv")) == info
    assert (info.key, info.size) == ("a/b c.csv", 4)
    assert abs(info.modified - datetime.now(UTC)) < timedelta(minutes=1)
    with objects.open(uri("a/b c.csv")) as file:
        assert file.read() == b"1,2\n"


@settings(max_examples=100)
@given(key=KEYS)
def test_every_key_that_is_allowed_is_stored_under_its_own_name(
    key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    objects = ObjectStores(tmp_path_factory.mktemp("o")).of("123456789012")
    objects.create_bucket("data")
    objects.put_bytes(uri(key), key.encode())
    assert objects.get(uri(key)) == key.encode()
    assert keys(objects) == [key]
    assert (objects.root / "data" / key).read_bytes() == key.encode()
    assert objects.path_of(uri(key)) == objects.root / "data" / key
    objects.delete(uri(key))
    assert list((objects.root / "data").iterdir()) == []


@settings(max_examples=60)
@given(
    wanted=st.sets(CROWDED, max_size=8),
    prefix=st.text("ab-/.", max_size=3),
    after=CROWDED | st.just(""),
)
def test_a_listing_is_sorted_by_bytes_and_bounded_by_prefix_and_start(
    wanted: set[str], prefix: str, after: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    objects = ObjectStores(tmp_path_factory.mktemp("o")).of("123456789012")
    objects.create_bucket("data")
    stored = set()
    for key in sorted(wanted):
        try:
            objects.put_bytes(uri(key), b"")
            stored.add(key)
        except KeyConflict:
            assert any(key.startswith(f"{k}/") or k.startswith(f"{key}/") for k in stored)
    expected = sorted(k for k in stored if k.startswith(prefix) and k > after)
    assert keys(objects, prefix, after) == sorted(expected, key=str.encode)


def test_a_listing_is_in_the_order_of_the_keys_not_of_the_folders(objects: Objects) -> None:
    wanted = ["a-b", "a.b", "a/b", "a0", "ü", "\ue000", "\U0001f600"]
    for key in reversed(wanted):
        objects.put_bytes(uri(key), b"")
    assert keys(objects) == wanted


def test_a_key_cannot_also_be_a_folder_of_keys(objects: Objects) -> None:
    objects.put_bytes(uri("a/b"), b"1")
    for key in ("a", "a/b/c", "a/b/c/d"):
        with pytest.raises(KeyConflict, match="folder of other keys"):
            objects.put_bytes(uri(key), b"2")
        with pytest.raises(KeyConflict):
            objects.publish(uri(key), _aside(objects, b"2"))
    assert keys(objects) == ["a/b"]


def test_a_folder_that_holds_no_key_gives_way_to_one(objects: Objects) -> None:
    (objects.root / "data/a/b").mkdir(parents=True)
    objects.put_bytes(uri("a"), b"1")
    assert objects.get(uri("a")) == b"1"


def test_deleting_leaves_no_empty_folders_and_is_no_error_twice(objects: Objects) -> None:
    objects.put_bytes(uri("a/b/c"), b"1")
    objects.put_bytes(uri("a/d"), b"1")
    objects.delete(uri("a/b/c"))
    objects.delete(uri("a/b/c"))
    assert keys(objects) == ["a/d"]
    assert not (objects.root / "data/a/b").exists()


def test_a_version_changes_with_the_bytes_only(objects: Objects) -> None:
    first = objects.put_bytes(uri("k"), b"1").version
    assert objects.head(uri("k")).version == first
    assert objects.put_bytes(uri("k"), b"1").version != first


def test_who_has_an_object_open_keeps_what_he_reads(objects: Objects) -> None:
    objects.put_bytes(uri("k"), b"old")
    with objects.open(uri("k")) as file:
        objects.put_bytes(uri("k"), b"new")
        objects.delete(uri("k"))
        assert file.read() == b"old"


def test_a_file_is_stored_as_a_copy(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(100_000))
    objects.put_file(uri("k"), source)
    before = source.read_bytes()
    source.write_bytes(b"changed")
    assert objects.get(uri("k")) == before


def test_links_and_devices_are_not_stored(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=r"regular|symbolic"):
            objects.put_file(uri("k"), tmp_path / name)
    assert keys(objects) == []


def test_links_lead_nowhere(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    folder = objects.root / "data"
    (folder / "file").symlink_to(tmp_path / "outside/secret")
    (folder / "folder").symlink_to(tmp_path / "outside")
    (objects.root / "bucket").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "pipe")
    assert keys(objects) == []
    for prefix in ("folder/", "../", "/", "//", "a/../../", "./"):
        assert keys(objects, prefix) == []
    assert objects.buckets() == ["data"]
    for key in ("file", "folder/secret", "pipe"):
        assert objects.path_of(uri(key)) is None
        with pytest.raises(NoSuchKey):
            objects.get(uri(key))
        with pytest.raises(NoSuchKey):
            objects.open(uri(key))
    with pytest.raises(KeyConflict):
        objects.put_bytes(uri("folder/secret"), b"overwritten")
    with pytest.raises(KeyConflict):
        objects.publish(uri("folder/secret"), _aside(objects, b"overwritten"))
    assert (tmp_path / "outside/secret").read_bytes() == b"secret"


def test_files_that_no_key_can_name_are_not_listed(objects: Objects) -> None:
    for name in (b"new\nline", b"\xff", b"h#1", b"fine"):
        Path(os.fsdecode(os.fsencode(objects.root / "data") + b"/" + name)).touch()
    assert keys(objects) == ["fine"]


def test_what_is_not_there_is_named(objects: Objects) -> None:
    with pytest.raises(NoSuchKey, match="s3://data/none"):
        objects.get(uri("none"))
    for call in (
        lambda: objects.get(S3Uri("none", "k")),
        lambda: objects.head(S3Uri("none", "k")),
        lambda: objects.open(S3Uri("none", "k")),
        lambda: objects.list(S3Uri("none", "")),
        lambda: objects.put_bytes(S3Uri("none", "k"), b""),
        lambda: objects.delete(S3Uri("none", "k")),
        lambda: objects.delete_bucket("none"),
    ):
        with pytest.raises(NoSuchBucket, match="'none'"):
            call()
    assert not objects.exists(uri("none"))


@pytest.mark.parametrize("key", ["../k", "a/../../k", "/etc/passwd", "", "a/", "a\x00"])
def test_no_key_leads_out_of_its_bucket(objects: Objects, key: str) -> None:
    with pytest.raises(ValueError, match="cannot name an object"):
        objects.put_bytes(uri(key), b"")
    with pytest.raises(NoSuchKey):
        objects.get(uri(key))
    assert objects.path_of(uri(key)) is None


def test_an_object_that_is_too_large_is_not_read(objects: Objects) -> None:
    objects.put_bytes(uri("k"), b"12345")
    assert objects.get(uri("k"), max_bytes=5) == b"12345"
    with pytest.raises(ObjectTooLarge, match="5 bytes, more than 4"):
        objects.get(uri("k"), max_bytes=4)


def test_buckets_are_created_once_and_deleted_when_empty(objects: Objects) -> None:
    with pytest.raises(AlreadyExists, match="'data'"):
        objects.create_bucket("data")
    objects.put_bytes(uri("a/b"), b"")
    with pytest.raises(BucketNotEmpty):
        objects.delete_bucket("data")
    objects.delete(uri("a/b"))
    (objects.root / "data/left/over").mkdir(parents=True)
    objects.delete_bucket("data")
    assert objects.buckets() == []
    with pytest.raises(ValueError, match="cannot name a bucket"):
        objects.create_bucket(".modelyard")


def test_accounts_are_kept_apart(tmp_path: Path) -> None:
    stores = ObjectStores(tmp_path)
    one, other = stores.of("111111111111"), stores.of("222222222222")
    for store in (one, other):
        store.create_bucket("data")
    one.put_bytes(uri("k"), b"1")
    assert not other.exists(uri("k"))
    assert stores.of("111111111111") is one
    for account in ("", "..", "1234", "12345678901a"):
        with pytest.raises(ValueError, match="12 digits"):
            stores.of(account)


def test_a_full_disk_changes_nothing_and_leaves_nothing(objects: Objects, tmp_path: Path) -> None:
    objects.put_bytes(uri("k"), b"old")
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100_000)
    with small_files(4096):
        with pytest.raises(StorageFull):
            objects.put_bytes(uri("k"), b"y" * 100_000)
        with pytest.raises(StorageFull):
            objects.put_file(uri("k"), source)
    assert objects.get(uri("k")) == b"old"
    assert list((objects.private / "aside").iterdir()) == []


def test_what_a_dead_process_left_aside_is_removed(objects: Objects) -> None:
    aside = objects.private / "aside"
    dead = aside / "4194305-leftover"  # beyond the kernel's largest process id
    own = objects.aside()
    for path in (dead, own):
        path.write_bytes(b"")
    ObjectStores(objects.root.parent).of(objects.root.name)
    assert list(aside.iterdir()) == [own]


def test_a_put_never_loses_to_a_delete_of_its_folder(objects: Objects) -> None:
    failures: list[BaseException] = []

    def put_and_delete(name: str) -> None:
        try:
            for _ in range(200):
                objects.put_bytes(uri(f"a/b/{name}"), b"1")
                objects.delete(uri(f"a/b/{name}"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=put_and_delete, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert keys(objects) == []


def _aside(objects: Objects, data: bytes) -> Path:
    path = objects.aside()
    path.write_bytes(data)
    return path
