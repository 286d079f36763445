"""Each call of the table leaves one record that says how it ended."""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context

import pytest
from botocore.exceptions import ClientError

from modelyard.audit.recorder import outcome_of
from modelyard.operations.errors import AccessDenied, ResourceInUse
from modelyard.operations.schema import Schema
from modelyard.operations.table import Decision, OperationTable
from modelyard.store.errors import StorageFull
from modelyard.store.resources import Store
from tests.audit.world import CONTEXT, World
from tests.policies import AllowAll, Denying
from tests.store.contract import created, names

ALLOWED = Decision(allowed=True, policies=("data-scientist", "stage-dev"))
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/m"


def test_a_call_that_changes_nothing_is_recorded_by_the_writer(world: World) -> None:
    with world.recorder.call(CONTEXT, "sagemaker:DescribeModel", ARN, ALLOWED):
        pass
    (record,) = world.records()
    entry = record.entry
    assert (entry.account, entry.principal, entry.person, entry.source, entry.door) == (
        CONTEXT.account,
        CONTEXT.principal.arn,
        CONTEXT.principal.person,
        "192.0.2.7",
        "json",
    )
    assert (entry.action, entry.resource) == ("sagemaker:DescribeModel", ARN)
    assert (entry.allowed, entry.policies, entry.outcome) == (True, ALLOWED.policies, "ok")
    assert (entry.request_id, entry.calls) == ("request-1", 1)


def test_a_change_is_recorded_without_the_writer(world: World) -> None:
    with world.recorder.call(CONTEXT, "sagemaker:CreateModel", ARN, ALLOWED):
        created(Store(world.database), "a")
    assert world.trail.known.sequence == 1
    assert [record.entry.action for record in world.records()] == ["sagemaker:CreateModel"]


def test_a_call_that_fails_after_its_change_has_a_second_record(world: World) -> None:
    with (
        pytest.raises(ResourceInUse),
        world.recorder.call(CONTEXT, "sagemaker:CreateModel", ARN, ALLOWED),
    ):
        created(Store(world.database), "a")
        raise ResourceInUse
    first, second = world.records()
    assert (first.entry.outcome, second.entry.outcome) == ("ok", "ResourceInUse")
    assert first.entry.request_id == second.entry.request_id
    assert "after record 1" in second.entry.note


def test_a_refused_call_is_recorded_with_what_refused_it(world: World) -> None:
    refusing = Denying()
    refusing.denied.add("modelyard:Anything")
    table = OperationTable(Schema(), refusing, world.recorder)
    with pytest.raises(AccessDenied), table.guard(CONTEXT, "modelyard:Anything", ARN, {}):
        created(Store(world.database), "a")
    (record,) = world.records()
    assert (record.entry.allowed, record.entry.outcome) == (False, "AccessDeniedException")
    assert names(Store(world.database)) == []


def test_a_call_inside_another_has_its_own_record(world: World) -> None:
    table = OperationTable(Schema(), AllowAll(), world.recorder)
    store = Store(world.database)
    with table.guard(CONTEXT, "modelyard:Outer", ARN, {}):
        with table.guard(CONTEXT, "modelyard:Inner", ARN, {}):
            created(store, "a")
        created(store, "b")
    assert [r.entry.action for r in world.records()] == ["modelyard:Inner", "modelyard:Outer"]
    assert world.trail.known.sequence == 2


def test_a_change_in_a_thread_of_the_call_is_the_calls(world: World) -> None:
    with world.recorder.call(CONTEXT, "modelyard:Outer", ARN, ALLOWED):
        copied = copy_context()
        thread = threading.Thread(target=lambda: copied.run(created, Store(world.database), "a"))
        thread.start()
        thread.join()
    assert world.trail.known.sequence == 1
    assert len(world.records()) == 1


def test_two_tasks_do_not_record_each_others_changes(world: World) -> None:
    store = Store(world.database)

    async def call(name: str) -> None:
        with world.recorder.call(CONTEXT, f"modelyard:{name}", ARN, ALLOWED):
            await asyncio.sleep(0)
            if name == "Write":
                await asyncio.to_thread(created, store, name)
            await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(call("Read"), call("Write"))

    asyncio.run(both())
    assert world.trail.known.sequence == 1
    assert [r.entry.action for r in world.records()] == ["modelyard:Write", "modelyard:Read"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ResourceInUse(), "ResourceInUse"),
        (ClientError({"Error": {"Code": "Throttled", "Message": "m"}}, "Op"), "Throttled"),
        (StorageFull(), "StorageFull"),
        (RuntimeError("a secret"), "RuntimeError"),
        (asyncio.CancelledError(), "ClientGone"),
    ],
)
def test_an_outcome_is_a_code_and_never_a_message(error: BaseException, outcome: str) -> None:
    assert outcome_of(error) == outcome
