"""Objects under keys, in process: who acts, what lies on the disk, what buckets do by default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelyard.envelope.ciphertext import Ciphertext
from modelyard.envelope.header import HEADER_BYTES
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.encryption.data_keys import DataKey, EncryptionContext
from modelyard.store.errors import KeyUnusable, ObjectDamaged, ObjectTooLarge
from modelyard.store.object_records import Record
from modelyard.store.objects import Objects, ObjectStores, S3Uri
from modelyard.store.recorded_objects import RecordedObjects

ARN = "arn:aws:kms:us-east-1:123456789012:key/k"
UNDER = Encryption(mode="aws:kms", key=ARN)


class Keys:
    """A key in memory; data keys are bound to their context, as the real ones are."""

    def __init__(self) -> None:
        self.disabled = False
        self._made: dict[bytes, tuple[bytes, dict[str, str]]] = {}

    def generate(self, key: str, context: EncryptionContext) -> DataKey:
        self._check()
        salt, plaintext = os.urandom(32), os.urandom(32)
        self._made[salt] = plaintext, dict(context)
        sealed = Ciphertext(key_arn=key, key_version=1, salt=salt, sealed=b"w" * 48)
        return DataKey(plaintext=plaintext, sealed=sealed)

    def open(self, sealed: Ciphertext, context: EncryptionContext) -> bytes:
        self._check()
        plaintext, made_for = self._made[sealed.salt]
        if made_for != dict(context):
            raise KeyUnusable("the context is another one")
        return plaintext

    def _check(self) -> None:
        if self.disabled:
            raise KeyUnusable(f"{ARN} is disabled", code="DisabledException")


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def plain(tmp_path: Path) -> Objects:
    """The objects as nobody in particular sees them."""
    objects = ObjectStores(tmp_path / "objects").of("123456789012")
    objects.create_bucket("bucket")
    objects.create_bucket("other")
    return objects


@pytest.fixture
def objects(plain: Objects, keys: Keys) -> Objects:
    return plain.acting(keys)


def uri(key: str = "k", bucket: str = "bucket") -> S3Uri:
    return S3Uri(bucket, key)


def put(objects: Objects, data: bytes, target: S3Uri | None = None) -> None:
    with objects.writing(target or uri(), UNDER) as sink:
        sink.write(data)


def test_an_object_is_read_by_who_acts_with_its_key_and_by_nobody_else(
    plain: Objects, objects: Objects
) -> None:
    put(objects, b"secret" * 50_000)
    assert objects.get(uri()) == b"secret" * 50_000
    assert objects.head(uri()).size == 300_000
    assert [info.size for info in plain.list(uri(""))] == [300_000]
    assert objects.encryption_of(uri()) == UNDER
    with pytest.raises(KeyUnusable, match="nobody was named"):
        plain.get(uri())


def test_nothing_of_it_is_on_the_disk_in_clear(objects: Objects) -> None:
    put(objects, b"known plaintext" * 10_000)
    files = [path.read_bytes() for path in objects.root.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert b"known plaintext" not in files[0]


def test_a_key_that_cannot_be_used_stores_and_opens_nothing(objects: Objects, keys: Keys) -> None:
    put(objects, b"old")
    keys.disabled = True
    with pytest.raises(KeyUnusable):
        put(objects, b"new")
    with pytest.raises(KeyUnusable):
        objects.get(uri())
    keys.disabled = False
    assert objects.get(uri()) == b"old"


def test_what_fails_while_it_is_written_leaves_the_old_object(objects: Objects) -> None:
    put(objects, b"old")
    with pytest.raises(RuntimeError), objects.writing(uri(), UNDER) as sink:
        sink.write(b"new" * 100_000)
        raise RuntimeError
    assert objects.get(uri()) == b"old"
    assert not list((objects.private / "aside").iterdir())


def test_a_changed_byte_on_the_disk_is_told_and_not_given_out(objects: Objects) -> None:
    put(objects, b"x" * 200_000)
    path = objects.path_of(uri())
    assert path is not None
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(ObjectDamaged):
        objects.get(uri())


def test_a_file_that_is_marked_and_no_envelope_is_damaged(objects: Objects) -> None:
    objects.put_bytes(uri(), b"plain")
    path = objects.path_of(uri())
    assert path is not None
    path.chmod(0o700)
    with pytest.raises(ObjectDamaged):
        objects.get(uri())


def test_an_upload_that_looks_like_an_envelope_is_an_ordinary_object(objects: Objects) -> None:
    put(objects, b"x")
    path = objects.path_of(uri())
    assert path is not None
    objects.put_bytes(uri("copy"), path.read_bytes())
    assert not objects.is_encrypted(uri("copy"))
    assert objects.get(uri("copy")) == path.read_bytes()


def test_a_file_that_was_moved_to_another_bucket_does_not_open_there(objects: Objects) -> None:
    put(objects, b"x")
    path = objects.path_of(uri())
    assert path is not None
    path.rename(objects.root / "other" / "k")
    with pytest.raises(KeyUnusable, match="another one"):
        objects.get(uri(bucket="other"))


def test_a_bucket_encrypts_by_its_default_whoever_writes(objects: Objects, tmp_path: Path) -> None:
    objects.vault.defaults.put("bucket", UNDER)
    source = tmp_path / "file"
    source.write_bytes(b"y" * 100_000)
    objects.put_bytes(uri("a"), b"x")
    objects.put_file(uri("b"), source)
    objects.put_bytes(uri("a", "other"), b"x")
    assert [objects.is_encrypted(each) for each in (uri("a"), uri("b"), uri("a", "other"))] == [
        True,
        True,
        False,
    ]
    assert objects.get(uri("b")) == b"y" * 100_000
    objects.vault.defaults.remove("bucket")
    objects.put_bytes(uri("a"), b"x")
    assert not objects.is_encrypted(uri("a"))


def test_a_bound_on_the_size_is_one_on_the_plaintext(objects: Objects) -> None:
    put(objects, b"x" * 100)
    assert objects.get(uri(), max_bytes=100) == b"x" * 100
    with pytest.raises(ObjectTooLarge, match="100 bytes"):
        objects.get(uri(), max_bytes=99)


def test_an_open_object_is_read_from_any_place(objects: Objects) -> None:
    body = os.urandom(200_000)
    put(objects, body)
    with objects.open(uri()) as file:
        file.seek(65_530)
        assert file.read(20) == body[65_530:65_550]
        file.seek(-5, os.SEEK_END)
        assert file.read() == body[-5:]


def test_records_tell_how_an_object_is_encrypted(objects: Objects) -> None:
    recorded = RecordedObjects(objects)
    aside = objects.aside()
    with objects.vault.writing("bucket", aside, UNDER) as sink:
        sink.write(b"x")
    stored = recorded.publish(uri(), aside, Record(etag="e"))
    assert (stored.encryption, stored.info.size) == (UNDER, 1)
    assert recorded.find(uri()).encryption == UNDER
    recorded.close()
