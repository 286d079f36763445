from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelyard import clock
from modelyard.keys.errors import KeyNotFound
from modelyard.keys.keeper import KeyKeeper
from modelyard.keys.master import MasterKey, MasterKeyError, load_master
from modelyard.keys.ring import KeyRing
from modelyard.store.errors import KeyUnusable
from modelyard.store.key_material import materials_of
from modelyard.store.resources import Scope
from tests.keys.world import ACCOUNT, OTHER, REGION, ROLE, ROOT, SESSION, STRANGER, World

SCOPE = Scope(account=ACCOUNT, region=REGION)


def test_the_material_lies_in_no_file_in_clear(world: World, tmp_path: Path) -> None:
    arn = world.key()
    with world.store.read() as snapshot:
        (material,) = materials_of(snapshot, arn)
    clear = MasterKey(b"m" * 32).open(material.sealed, f"version 1 of {arn}")
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(clear in data for data in files)


def test_another_master_key_is_told_at_the_start(world: World) -> None:
    world.key()
    world.ring.check_master()
    with pytest.raises(MasterKeyError, match="not the one that this database was written with"):
        KeyRing(world.store, MasterKey(b"n" * 32)).check_master()


def test_a_master_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master"
    sealed = load_master(path, may_make=True).seal(b"x", "p")
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_master(path, may_make=True).open(sealed, "p") == b"x"
    with pytest.raises(MasterKeyError):
        load_master(path, may_make=True).open(sealed, "q")


def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master"
    load_master(path, may_make=True)
    path.chmod(0o644)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        load_master(path, may_make=True)


@pytest.mark.parametrize("text", ["", "abc", "not base64!", "YWJj"])
def test_a_file_that_holds_no_master_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(MasterKeyError, match="32 bytes"):
        load_master(path, may_make=False)


def test_a_master_key_file_that_was_named_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="cannot be read"):
        load_master(tmp_path / "master", may_make=False)


def test_a_key_is_destroyed_when_its_time_is_over_and_not_before(world: World) -> None:
    arn = world.key()
    world.call("CreateAlias", AliasName="alias/a", TargetKeyId=arn)
    kept = world.key()
    blob = world.call("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    world.call("ScheduleKeyDeletion", KeyId=arn, PendingWindowInDays=7)
    start = clock.now()
    KeyKeeper(world.ring, now=lambda: start + timedelta(days=6, hours=23)).keep()
    assert world.call("DescribeKey", KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    KeyKeeper(world.ring, now=lambda: start + timedelta(days=7, minutes=1)).keep()
    for name, request in (
        ("DescribeKey", {"KeyId": arn}),
        ("CancelKeyDeletion", {"KeyId": arn}),
        ("Decrypt", {"CiphertextBlob": blob}),
        ("DescribeKey", {"KeyId": "alias/a"}),
    ):
        with pytest.raises(KeyNotFound):
            world.call(name, **request)
    with world.store.read() as snapshot:
        assert materials_of(snapshot, arn) == []
        assert len(materials_of(snapshot, kept)) == 1


def test_a_cancelled_deletion_destroys_nothing(world: World) -> None:
    arn = world.key()
    world.call("ScheduleKeyDeletion", KeyId=arn)
    world.call("CancelKeyDeletion", KeyId=arn)
    KeyKeeper(world.ring, now=lambda: datetime(2999, 1, 1, tzinfo=UTC)).keep()
    assert world.call("DescribeKey", KeyId=arn)["KeyMetadata"]["KeyState"] == "Disabled"


def test_a_key_is_rotated_each_time_its_period_is_over(world: World) -> None:
    arn = world.key()
    world.call("EnableKeyRotation", KeyId=arn, RotationPeriodInDays=90)
    start = clock.now()
    moment = start
    keeper = KeyKeeper(world.ring, now=lambda: moment)
    for days in (89, 91, 92, 180, 182):
        moment = start + timedelta(days=days)
        keeper.keep()
    rotations = world.call("ListKeyRotations", KeyId=arn)["Rotations"]
    assert [entry["RotationType"] for entry in rotations] == ["AUTOMATIC"] * 2


def test_the_accounts_own_key_is_one_however_many_ask_at_once(world: World) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(world.ring.managed(SCOPE).arn))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_accounts_own_key_cannot_be_changed(world: World) -> None:
    arn = world.ring.managed(SCOPE).arn
    for name in ("DisableKey", "ScheduleKeyDeletion", "RotateKeyOnDemand", "EnableKeyRotation"):
        with pytest.raises(Exception, match="own key"):
            world.call(name, KeyId=arn)


def test_data_keys_are_made_and_opened_for_who_may(world: World) -> None:
    arn = world.key()
    keys = world.service.of(SESSION)
    made = keys.generate(arn, {"a": "1"})
    assert keys.open(made.sealed, {"a": "1"}) == made.plaintext
    with pytest.raises(KeyUnusable, match="cannot be used"):
        keys.open(made.sealed, {"a": "2"})
    assert "kms:Decrypt" in world.policy.asked


def test_a_role_that_may_not_is_told_in_a_sentence(world: World) -> None:
    arn = world.key()
    made = world.service.of(SESSION).generate(arn, {})
    world.policy.denied.add("kms:Decrypt")
    sentence = f"role {ROLE} may not use key {arn}: kms:Decrypt is not allowed by"
    with pytest.raises(KeyUnusable) as caught:
        world.service.of(SESSION).open(made.sealed, {})
    assert str(caught.value).startswith(sentence)
    problem = world.service.problem(SCOPE, ROLE, arn, reads=True)
    assert problem is not None
    assert problem.startswith(sentence)
    assert world.service.problem(SCOPE, ROLE, arn) is None


def test_a_disabled_key_is_named_with_its_state(world: World) -> None:
    arn = world.key()
    made = world.service.of(ROOT).generate(arn, {})
    world.call("DisableKey", KeyId=arn)
    with pytest.raises(KeyUnusable, match=f"{arn} is disabled") as caught:
        world.service.of(ROOT).open(made.sealed, {})
    assert caught.value.code == "DisabledException"


def test_another_accounts_own_key_opens_nothing_here(world: World) -> None:
    made = world.service.of(ROOT).generate("", {})
    assert world.service.of(SESSION).open(made.sealed, {}) == made.plaintext
    with pytest.raises(KeyUnusable, match=OTHER):
        world.service.of(STRANGER).open(made.sealed, {})


def test_secrets_are_in_no_representation(world: World) -> None:
    made = world.service.of(ROOT).generate(world.key(), {})
    assert made.plaintext.hex() not in repr(made)
    assert repr(made.plaintext) not in repr(made)


def test_several_processes_use_one_key(world: World, tmp_path: Path) -> None:
    arn = world.key()
    blob = world.call("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    other = World(tmp_path)
    try:
        assert other.call("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"
        other.call("DisableKey", KeyId=arn)
        with pytest.raises(Exception, match="is disabled"):
            world.call("Decrypt", CiphertextBlob=blob)
    finally:
        other.database.dispose()
