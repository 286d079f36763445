from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.keys.errors import (
    DryRun,
    IncorrectKey,
    InvalidAliasName,
    InvalidCiphertext,
    InvalidKeyArn,
    InvalidKeyState,
    InvalidMarker,
    InvalidTag,
    KeyDisabled,
    KeyNotFound,
    MalformedPolicy,
    UnsupportedOperation,
)
from modelyard.operations.errors import AccessDenied, OperationError, ValidationError
from tests.keys.world import ACCOUNT, OTHER, ROLE, ROOT, SESSION, STRANGER, World, context


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: str, action: str = "kms:*") -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": action,
        "Resource": "*",
    }


OWNER = allow(f"arn:aws:iam::{ACCOUNT}:root")


def test_a_new_key_is_enabled_and_described(world: World) -> None:
    made = world.call("CreateKey", Description="for tests")["KeyMetadata"]
    found = world.call("DescribeKey", KeyId=made["KeyId"])["KeyMetadata"]
    assert found == made
    assert found["KeyState"] == "Enabled"
    assert found["Arn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{found['KeyId']}"


@pytest.mark.parametrize(
    "request_",
    [
        {"KeySpec": "RSA_2048"},
        {"KeyUsage": "SIGN_VERIFY"},
        {"Origin": "EXTERNAL"},
        {"MultiRegion": True},
    ],
)
def test_kinds_of_keys_that_are_not_offered_are_refused(
    world: World, request_: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOperation, match=next(iter(request_))):
        world.call("CreateKey", **request_)


def test_what_is_encrypted_is_decrypted_by_whatever_names_the_key(world: World) -> None:
    arn = world.key()
    world.call("CreateAlias", AliasName="alias/a", TargetKeyId=arn)
    alias_arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a"
    for name in (arn, arn.rpartition("/")[2], "alias/a", alias_arn):
        blob = world.call("Encrypt", KeyId=name, Plaintext=b"secret")["CiphertextBlob"]
        found = world.call("Decrypt", CiphertextBlob=blob, KeyId=name)
        assert (found["Plaintext"], found["KeyId"]) == (b"secret", arn)


def test_two_ciphertexts_of_one_text_differ(world: World) -> None:
    arn = world.key()
    blobs = {world.call("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"] for _ in range(20)}
    assert len(blobs) == 20


@pytest.mark.parametrize("given", [{}, {"a": "2"}, {"a": "1", "b": "2"}])
def test_an_encryption_context_must_be_said_again(world: World, given: dict[str, str]) -> None:
    blob = world.call("Encrypt", KeyId=world.key(), Plaintext=b"x", EncryptionContext={"a": "1"})[
        "CiphertextBlob"
    ]
    with pytest.raises(InvalidCiphertext):
        world.call("Decrypt", CiphertextBlob=blob, EncryptionContext=given)
    same = world.call("Decrypt", CiphertextBlob=blob, EncryptionContext={"a": "1"})
    assert same["Plaintext"] == b"x"


def test_a_ciphertext_with_any_byte_changed_is_refused(world: World) -> None:
    blob = world.call("Encrypt", KeyId=world.key(), Plaintext=b"x")["CiphertextBlob"]
    for position in range(len(blob)):
        changed = bytearray(blob)
        changed[position] ^= 1
        with pytest.raises(OperationError) as caught:
            world.call("Decrypt", CiphertextBlob=bytes(changed))
        assert isinstance(caught.value, InvalidCiphertext | KeyNotFound | InvalidKeyArn)


def test_a_ciphertext_of_another_key_is_told(world: World) -> None:
    blob = world.call("Encrypt", KeyId=world.key(), Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(IncorrectKey):
        world.call("Decrypt", CiphertextBlob=blob, KeyId=world.key())


def test_a_data_key_comes_in_clear_and_sealed_or_only_sealed(world: World) -> None:
    arn = world.key()
    made = world.call("GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    opened = world.call("Decrypt", CiphertextBlob=made["CiphertextBlob"])
    assert opened["Plaintext"] == made["Plaintext"]
    assert len(made["Plaintext"]) == 32
    without = world.call("GenerateDataKeyWithoutPlaintext", KeyId=arn, NumberOfBytes=7)
    assert "Plaintext" not in without
    assert len(world.call("Decrypt", CiphertextBlob=without["CiphertextBlob"])["Plaintext"]) == 7


def test_a_data_key_needs_exactly_one_size(world: World) -> None:
    arn = world.key()
    both: dict[str, Any] = {"KeySpec": "AES_256", "NumberOfBytes": 3}
    for sizes in ({}, both):
        with pytest.raises(ValidationError, match="number of bytes or key spec"):
            world.call("GenerateDataKey", KeyId=arn, **sizes)


def test_re_encrypting_moves_a_ciphertext_to_another_key(world: World) -> None:
    old, new = world.key(), world.key()
    blob = world.call("Encrypt", KeyId=old, Plaintext=b"x", EncryptionContext={"a": "1"})
    moved = world.call(
        "ReEncrypt",
        CiphertextBlob=blob["CiphertextBlob"],
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=new,
        DestinationEncryptionContext={"b": "2"},
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (old, new)
    world.call("DisableKey", KeyId=old)
    found = world.call(
        "Decrypt", CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"}
    )
    assert found["Plaintext"] == b"x"


def test_random_bytes_are_as_many_as_asked_for(world: World) -> None:
    assert len(world.call("GenerateRandom", NumberOfBytes=100)["Plaintext"]) == 100


def test_a_dry_run_says_that_it_would_have_worked_or_why_not(world: World) -> None:
    arn = world.key()
    with pytest.raises(DryRun):
        world.call("Encrypt", KeyId=arn, Plaintext=b"x", DryRun=True)
    world.call("DisableKey", KeyId=arn)
    with pytest.raises(KeyDisabled):
        world.call("Encrypt", KeyId=arn, Plaintext=b"x", DryRun=True)


def test_a_disabled_key_does_nothing_until_it_is_enabled(world: World) -> None:
    arn = world.key()
    blob = world.call("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    world.call("DisableKey", KeyId=arn)
    requests: list[tuple[str, dict[str, Any]]] = [
        ("Encrypt", {"KeyId": arn, "Plaintext": b"x"}),
        ("Decrypt", {"CiphertextBlob": blob}),
        ("GenerateDataKey", {"KeyId": arn, "KeySpec": "AES_256"}),
        ("RotateKeyOnDemand", {"KeyId": arn}),
    ]
    for name, request in requests:
        with pytest.raises(KeyDisabled, match="is disabled"):
            world.call(name, **request)
    world.call("EnableKey", KeyId=arn)
    assert world.call("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_deletion_is_scheduled_stops_all_use_and_can_be_cancelled(world: World) -> None:
    arn = world.key()
    blob = world.call("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    scheduled = world.call("ScheduleKeyDeletion", KeyId=arn, PendingWindowInDays=7)
    described = world.call("DescribeKey", KeyId=arn)["KeyMetadata"]
    assert described["KeyState"] == "PendingDeletion"
    assert abs((described["DeletionDate"] - scheduled["DeletionDate"]).total_seconds()) < 1e-3
    with pytest.raises(InvalidKeyState, match="pending deletion"):
        world.call("Decrypt", CiphertextBlob=blob)
    with pytest.raises(InvalidKeyState, match="pending deletion"):
        world.call("EnableKey", KeyId=arn)
    world.call("CancelKeyDeletion", KeyId=arn)
    assert world.call("DescribeKey", KeyId=arn)["KeyMetadata"]["KeyState"] == "Disabled"
    world.call("EnableKey", KeyId=arn)
    assert world.call("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize("days", [6, 31])
def test_a_deletion_leaves_seven_to_thirty_days(world: World, days: int) -> None:
    with pytest.raises(OperationError, match="7 to 30"):
        world.call("ScheduleKeyDeletion", KeyId=world.key(), PendingWindowInDays=days)


def test_keys_and_aliases_are_listed_page_by_page(world: World) -> None:
    arns = {world.key() for _ in range(5)}
    for number, arn in enumerate(sorted(arns)):
        world.call("CreateAlias", AliasName=f"alias/{number}", TargetKeyId=arn)
    found: set[str] = set()
    marker: dict[str, Any] = {}
    while True:
        page = world.call("ListKeys", Limit=2, **marker)
        found |= {entry["KeyArn"] for entry in page["Keys"]}
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert found == arns
    first = world.call("ListAliases", Limit=3)
    rest = world.call("ListAliases", Marker=first["NextMarker"])
    names = [alias["AliasName"] for alias in first["Aliases"] + rest["Aliases"]]
    assert names == [f"alias/{number}" for number in range(5)]
    only = world.call("ListAliases", KeyId=sorted(arns)[3])["Aliases"]
    assert [alias["AliasName"] for alias in only] == ["alias/3"]
    with pytest.raises(InvalidMarker):
        world.call("ListKeys", Marker="nonsense")


def test_an_alias_comes_to_mean_another_key_and_goes(world: World) -> None:
    old, new = world.key(), world.key()
    world.call("CreateAlias", AliasName="alias/a", TargetKeyId=old)
    with pytest.raises(OperationError) as caught:
        world.call("CreateAlias", AliasName="alias/a", TargetKeyId=new)
    assert caught.value.code == "AlreadyExistsException"
    world.call("UpdateAlias", AliasName="alias/a", TargetKeyId=new)
    assert world.call("DescribeKey", KeyId="alias/a")["KeyMetadata"]["Arn"] == new
    world.call("DeleteAlias", AliasName="alias/a")
    with pytest.raises(KeyNotFound):
        world.call("DescribeKey", KeyId="alias/a")


@pytest.mark.parametrize("name", ["alias/aws/s3", "alias/", "a", "alias/a b"])
def test_an_alias_has_a_name_of_its_own(world: World, name: str) -> None:
    with pytest.raises((InvalidAliasName, ValidationError)):
        world.call("CreateAlias", AliasName=name, TargetKeyId=world.key())


@pytest.mark.parametrize(
    "name", ["nothing", "alias/nothing", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0"]
)
def test_a_key_that_is_not_there_is_not_found(world: World, name: str) -> None:
    with pytest.raises(KeyNotFound):
        world.call("DescribeKey", KeyId=name)


def test_an_arn_of_something_else_is_invalid(world: World) -> None:
    with pytest.raises(InvalidKeyArn):
        world.call("DescribeKey", KeyId=f"arn:aws:s3:us-east-1:{ACCOUNT}:key/x")


def test_rotation_keeps_what_older_versions_sealed_readable(world: World) -> None:
    arn = world.key()
    blobs = []
    for _ in range(3):
        blobs.append(world.call("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"])
        world.call("RotateKeyOnDemand", KeyId=arn)
    answers = [world.call("Decrypt", CiphertextBlob=blob) for blob in blobs]
    assert [answer["Plaintext"] for answer in answers] == [b"x"] * 3
    assert len({answer["KeyMaterialId"] for answer in answers}) == 3
    rotations = world.call("ListKeyRotations", KeyId=arn)["Rotations"]
    assert [entry["RotationType"] for entry in rotations] == ["ON_DEMAND"] * 3
    every = world.call("ListKeyRotations", KeyId=arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    states = [entry["KeyMaterialState"] for entry in every["Rotations"]]
    assert states == ["NON_CURRENT"] * 3 + ["CURRENT"]


def test_yearly_rotation_is_switched_on_and_off(world: World) -> None:
    arn = world.key()
    assert not world.call("GetKeyRotationStatus", KeyId=arn)["KeyRotationEnabled"]
    world.call("EnableKeyRotation", KeyId=arn, RotationPeriodInDays=90)
    status = world.call("GetKeyRotationStatus", KeyId=arn)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    world.call("DisableKeyRotation", KeyId=arn)
    assert not world.call("GetKeyRotationStatus", KeyId=arn)["KeyRotationEnabled"]


def test_keys_have_tags(world: World) -> None:
    arn = world.key(Tags=[{"TagKey": "team", "TagValue": "a"}])
    world.call("TagResource", KeyId=arn, Tags=[{"TagKey": "stage", "TagValue": "dev"}])
    world.call("UntagResource", KeyId=arn, TagKeys=["team"])
    tags = world.call("ListResourceTags", KeyId=arn)["Tags"]
    assert tags == [{"TagKey": "stage", "TagValue": "dev"}]
    with pytest.raises(InvalidTag, match="reserved"):
        world.call("TagResource", KeyId=arn, Tags=[{"TagKey": "aws:x", "TagValue": ""}])


def test_a_description_is_changed(world: World) -> None:
    arn = world.key()
    world.call("UpdateKeyDescription", KeyId=arn, Description="new")
    assert world.call("DescribeKey", KeyId=arn)["KeyMetadata"]["Description"] == "new"


def test_a_key_of_another_account_cannot_be_used_until_its_policy_says_so(world: World) -> None:
    arn = world.key()
    with pytest.raises(AccessDenied, match=f"arn:aws:iam::{OTHER}:root may not use key {arn}"):
        world.call("Encrypt", STRANGER, KeyId=arn, Plaintext=b"x")
    shared = policy(OWNER, allow(f"arn:aws:iam::{OTHER}:root", "kms:Encrypt"))
    world.call("PutKeyPolicy", KeyId=arn, Policy=shared)
    blob = world.call("Encrypt", STRANGER, KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(AccessDenied, match="kms:Decrypt is not allowed by the key's own policy"):
        world.call("Decrypt", STRANGER, CiphertextBlob=blob)
    assert world.call("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_another_account_rules_no_key_whatever_its_policy_says(world: World) -> None:
    arn = world.key(Policy=policy(OWNER, allow(f"arn:aws:iam::{OTHER}:root")))
    with pytest.raises(KeyNotFound, match="another account"):
        world.call("DisableKey", STRANGER, KeyId=arn)


def test_an_id_of_another_account_means_nothing(world: World) -> None:
    name = world.key().rpartition("/")[2]
    with pytest.raises(KeyNotFound):
        world.call("DescribeKey", STRANGER, KeyId=name)


def test_an_alias_is_no_way_round_what_the_account_denies_of_its_key(world: World) -> None:
    arn = world.key()
    world.call("CreateAlias", AliasName="alias/a", TargetKeyId=arn)
    world.policy.denied.add("kms:Encrypt")
    with pytest.raises(AccessDenied):
        world.call("Encrypt", KeyId="alias/a", Plaintext=b"x")


def test_a_policy_that_would_lock_its_author_out_is_refused(world: World) -> None:
    arn = world.key()
    with pytest.raises(MalformedPolicy, match="will not allow you"):
        world.call("PutKeyPolicy", KeyId=arn, Policy=policy(allow(ROLE)))
    world.call("Encrypt", KeyId=arn, Plaintext=b"x")
    world.call(
        "PutKeyPolicy",
        KeyId=arn,
        Policy=policy(allow(ROLE)),
        BypassPolicyLockoutSafetyCheck=True,
    )
    with pytest.raises(AccessDenied):
        world.call("Encrypt", KeyId=arn, Plaintext=b"x")
    world.call("Encrypt", SESSION, KeyId=arn, Plaintext=b"x")
    assert "trainer" in world.call("GetKeyPolicy", SESSION, KeyId=arn)["Policy"]


@pytest.mark.parametrize("text", ["{", "[]", '{"Statement": [{"Effect": "Maybe"}]}'])
def test_a_policy_that_is_none_is_refused(world: World, text: str) -> None:
    with pytest.raises(MalformedPolicy):
        world.call("CreateKey", Policy=text)


def test_a_key_is_looked_up_in_the_callers_region(world: World) -> None:
    arn = world.key()
    elsewhere = context(ROOT.principal, "eu-west-1")
    with pytest.raises(KeyNotFound):
        world.call("DescribeKey", elsewhere, KeyId=arn.rpartition("/")[2])
    assert world.call("DescribeKey", elsewhere, KeyId=arn)["KeyMetadata"]["Arn"] == arn
