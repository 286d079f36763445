"""Looking up and verifying through the operation table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelyard.audit.operations import AuditOperations
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from tests.audit.world import ACCOUNT, CONTEXT, World
from tests.policies import AllowAll
from tests.store.audits import entry

OTHER = "234567890123"
SCHEMA = Schema()


def call(world: World, name: str, context: Context = CONTEXT, **request: Any) -> Any:
    table = OperationTable(SCHEMA, AllowAll(), world.recorder)
    table.add(AuditOperations(world.trail, ACCOUNT, world.writer.flush, world.heads.read))
    return table.call(context, "modelyard", name, request)


def of(account: str) -> Context:
    principal = Principal(account=account, arn=f"arn:aws:iam::{account}:root", user_id=account)
    return replace(CONTEXT, account=account, principal=principal)


def test_a_look_up_finds_what_was_called_before_it(world: World) -> None:
    call(world, "VerifyAuditTrail")
    found = call(world, "LookupAuditRecords", Action="modelyard:*")["Records"]
    assert [record["Action"] for record in found] == ["modelyard:VerifyAuditTrail"]
    assert found[0]["SourceAddress"] == "192.0.2.7"
    assert world.trail.known.sequence == 1  # looking is no change


def test_an_account_sees_its_own_records_only(world: World) -> None:
    world.trail.write([entry(1), entry(2, account=OTHER), entry(3, account="")])
    seen = {
        account: [r["RequestId"] for r in call(world, "LookupAuditRecords", of(account))["Records"]]
        for account in (OTHER, ACCOUNT)
    }
    assert seen[OTHER] == ["r-2"]
    assert seen[ACCOUNT][1:] == ["r-3", "r-2", "r-1"]  # behind the other's look-up
    with pytest.raises(AccessDenied, match=f"ask account {ACCOUNT}"):
        call(world, "LookupAuditRecords", of(OTHER), Account=ACCOUNT)


def test_a_trail_is_verified_in_pieces(world: World) -> None:
    world.trail.write([entry(number) for number in range(10)])
    answer = call(world, "VerifyAuditTrail", MaxRecords=4)
    assert (answer["Records"], answer["Intact"]) == (4, None)
    while answer["NextToken"]:
        answer = call(world, "VerifyAuditTrail", MaxRecords=4, NextToken=answer["NextToken"])
    # The calls that came before are in it too.
    assert (answer["Records"], answer["Intact"], answer["Damage"]) == (13, True, None)
    assert answer["FirstTime"].timestamp() == entry().at / 1_000_000


def test_damage_is_said_with_its_place(world: World) -> None:
    world.trail.write([entry(number) for number in range(10)])
    with world.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_records_no_update")
        connection.exec_driver_sql("UPDATE audit_records SET person = 'x' WHERE sequence = 6")
    answer = call(world, "VerifyAuditTrail")
    assert (answer["Intact"], answer["Records"]) == (False, 5)
    assert (answer["Damage"]["Sequence"], answer["Damage"]["Fault"]) == (6, "changed")


def test_a_head_that_was_kept_elsewhere_must_be_in_the_trail(world: World) -> None:
    world.trail.write([entry(number) for number in range(3)])
    head = {"Sequence": 2, "Mac": "a" * 64}
    answer = call(world, "VerifyAuditTrail", KnownHead=head)
    assert answer["Damage"]["Sequence"] == 2


@pytest.mark.parametrize("token", ["x", "W10=", "bnVsbA==", "eyJoZWFkIjoxfQ=="])
def test_a_token_that_nobody_gave_is_refused(world: World, token: str) -> None:
    with pytest.raises(ValidationError, match="verify from the beginning"):
        call(world, "VerifyAuditTrail", NextToken=token)
