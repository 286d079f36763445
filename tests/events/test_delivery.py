"""What reaches a target, in which order, how often, and what becomes of what does not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from modelyard.events.backoff import Backoff
from modelyard.events.dispatcher import Pace
from modelyard.operations.errors import ValidationError
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.outbox import Event
from tests.events.world import (
    ACCOUNT,
    CREATE_JOB,
    INBOX,
    OTHER,
    REGION,
    ROLE,
    SCOPE,
    World,
    caller,
    job,
    pipeline_target,
    until,
)

SHOP = {"source": ["shop"]}


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


def waiting(world: World) -> int:
    with world.store.database.read() as connection:
        return (
            connection.scalar(sa.select(sa.func.count()).select_from(tables.target_deliveries)) or 0
        )


async def test_an_event_reaches_the_targets_of_the_rules_that_it_matches(world: World) -> None:
    world.rule("paid", {**SHOP, "detail": {"state": ["paid"]}}, pipeline_target())
    world.rule("other", {"source": ["bank"]}, pipeline_target())
    async with world.running():
        world.put({"state": "open"})
        world.put({"state": "paid", "n": 1})
        await until(lambda: len(world.provisioned.bodies) == 1 and waiting(world) == 0)
    assert world.provisioned.bodies == [{"state": "paid", "n": 1}]


async def test_a_training_jobs_end_is_told_in_the_inbox(world: World) -> None:
    world.rule(
        "ends",
        {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Training Job State Change"],
            "detail": {"TrainingJobStatus": ["Completed", "Failed"]},
        },
        {"Id": "tell", "Arn": INBOX},
    )
    async with world.running():
        with world.store.write() as transaction:
            made = job(transaction, "one")
        with world.store.write() as transaction:
            transaction.update(made, status="Completed")
        await until(lambda: bool(world.notifications()))
    assert world.notifications() == ["The training job one status is: Completed."]


async def test_events_of_one_resource_arrive_in_order_whatever_fails(world: World) -> None:
    world.rule("all", SHOP, pipeline_target())
    # Every third one fails twice before it is taken.
    world.provisioned.fails = lambda body, times: (
        OSError("not now") if body["n"] % 3 == 0 and times < 3 else None
    )
    async with world.running():
        for n in range(12):
            world.put({"n": n, "of": n % 2}, resource=f"arn:{n % 2}")
        await until(lambda: len(world.provisioned.bodies) == 12 and waiting(world) == 0)
    for of in (0, 1):
        arrived = [body["n"] for body in world.provisioned.bodies if body["of"] == of]
        assert arrived == sorted(arrived)
    assert len(world.provisioned.tried) == 12 + 4 * 2


async def test_a_target_that_fails_for_ever_ends_as_dead_letters_and_delays_nothing(
    world: World,
) -> None:
    retries = {"MaximumRetryAttempts": 2}
    world.rule("bad", SHOP, pipeline_target(RetryPolicy=retries, InputPath="$.detail.bad"))
    world.rule("good", SHOP, pipeline_target(InputPath="$.detail.good"))
    world.provisioned.fails = lambda body, times: OSError("down") if body.get("b") else None
    async with world.running():
        for n in range(3):
            world.put({"bad": {"b": True, "n": n}, "good": {"n": n}}, resource="arn:one")
        await until(lambda: len(world.dead_letters()) == 3)
        await until(lambda: len(world.provisioned.bodies) == 3)
    assert [body["n"] for body in world.provisioned.bodies] == [0, 1, 2]
    for letter in world.dead_letters():
        assert letter["Attempts"] == 3  # the first, and two retries
        assert letter["Error"] == "OSError: down"
        assert letter["RuleArn"] == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/bad"
        assert json.loads(letter["Event"])["source"] == "shop"


async def test_a_target_that_hangs_holds_up_no_other(world: World) -> None:
    world.provisioned.hangs.clear()
    world.rule(
        "hangs", SHOP, pipeline_target(Input='{"hang": true}'.replace("'", '"')) | {"InputPath": ""}
    )
    world.rule("good", SHOP, pipeline_target())
    async with world.running():
        for n in range(5):
            world.put({"n": n}, resource=f"arn:{n}")
        await until(lambda: len(world.provisioned.bodies) == 5)
        assert all("n" in body for body in world.provisioned.bodies)


async def test_what_the_target_refuses_is_not_tried_again(world: World) -> None:
    world.rule("all", SHOP, pipeline_target())
    world.provisioned.fails = lambda body, times: ValidationError("no such pipeline type")
    async with world.running():
        world.put({"n": 1})
        await until(lambda: len(world.dead_letters()) == 1)
    (letter,) = world.dead_letters()
    assert letter["Attempts"] == 1
    assert letter["Error"] == "ValidationException: no such pipeline type"


async def test_dead_letters_are_replayed_and_deleted(world: World) -> None:
    world.rule("all", SHOP, pipeline_target(RetryPolicy={"MaximumRetryAttempts": 0}))
    world.provisioned.fails = lambda body, times: OSError("down")
    async with world.running():
        for n in range(3):
            world.put({"n": n})
        await until(lambda: len(world.dead_letters()) == 3)
        world.provisioned.fails = lambda body, times: None
        first, second, third = world.dead_letters()
        assert world.own("DeleteDeadLetters", Ids=[second["Id"]]) == {"Count": 1}
        assert world.own("ReplayDeadLetters", Ids=[third["Id"]]) == {"Count": 1}
        await until(lambda: len(world.provisioned.bodies) == 1)
        assert world.own("ReplayDeadLetters", Rule="other") == {"Count": 0}
        assert world.own("ReplayDeadLetters", Rule="all", TargetId="t") == {"Count": 1}
        await until(lambda: waiting(world) == 0)
    assert world.provisioned.bodies == [{"n": 2}, {"n": 0}]
    assert first["CreationTime"] <= third["CreationTime"]


def test_dead_letters_are_those_of_the_callers_account_and_come_in_pages(world: World) -> None:
    world.rule("all", SHOP, pipeline_target())
    for n in range(3):
        world.put({"n": n})
    route_all(world)
    with world.store.database.write() as connection:
        connection.execute(sa.update(tables.target_deliveries).values(due_at=None, error="x"))
    page = world.own("ListDeadLetters", MaxResults=2)
    rest = world.own("ListDeadLetters", MaxResults=2, NextToken=page["NextToken"])
    assert (len(page["DeadLetters"]), len(rest["DeadLetters"]), rest["NextToken"]) == (2, 1, None)
    by_another = world.table.call(caller(OTHER), "modelyard", "ListDeadLetters", {})
    assert by_another["DeadLetters"] == []
    with pytest.raises(ValidationError, match="go with Rule"):
        world.own("ReplayDeadLetters", TargetId="t")


def route_all(world: World) -> list[int]:
    """Hand every event that there is to the router, and return how many deliveries each made."""
    from modelyard.store import deliveries

    with world.store.database.read() as connection:
        events, _ = deliveries.events_after(connection, SCOPE, 0, limit=1000)
    made = []
    for event in events:
        queue = world.bus.router([event])
        before = waiting(world)
        with world.store.write() as transaction:
            if queue is not None:
                queue(transaction)
        made.append(waiting(world) - before)
    return made


def test_an_event_that_is_routed_twice_waits_once(world: World) -> None:
    world.rule("all", SHOP, pipeline_target())
    world.put({"n": 1})
    assert sum(route_all(world)) == 1
    assert sum(route_all(world)) == 0
    assert waiting(world) == 1


async def test_what_was_queued_before_a_crash_is_delivered_after_it(
    database: Database, tmp_path: Path
) -> None:
    before = World(database, tmp_path)
    before.rule("all", SHOP, pipeline_target())
    before.put({"n": 1})
    route_all(before)
    # The server died here; the one that follows finds the row.
    after = World(database, tmp_path)
    async with after.running():
        await until(lambda: after.provisioned.bodies == [{"n": 1}] and waiting(after) == 0)


async def test_an_operation_is_called_as_a_session_of_the_targets_role(world: World) -> None:
    transformer = {
        "InputPathsMap": {"n": "$.detail.n"},
        "InputTemplate": json.dumps(
            {
                "TrainingJobName": "job-<n>",
                "RoleArn": ROLE,
                "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "x"},
                "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
                "ResourceConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                },
                "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            }
        ),
    }
    target = {"Id": "t", "Arn": CREATE_JOB, "RoleArn": ROLE, "InputTransformer": transformer}
    world.rule("train", SHOP, target)
    async with world.running():
        world.put({"n": 7})
        await until(lambda: bool(world.jobs.asked))
    ((context, name),) = world.jobs.asked
    assert name == "job-7"
    principal = context.principal
    assert principal.arn == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/modelyard-execution/events-train"
    )
    assert (principal.role, principal.person) == (ROLE, caller().principal.arn)


async def test_what_the_role_may_not_do_is_a_dead_letter(world: World) -> None:
    target = {"Id": "t", "Arn": CREATE_JOB, "RoleArn": ROLE, "InputPath": "$.detail"}
    world.rule("train", SHOP, target)
    world.policy.denied = {"sagemaker:CreateTrainingJob"}
    async with world.running():
        world.put({"TrainingJobName": "a"})
        await until(lambda: len(world.dead_letters()) == 1)
    assert "is not authorized to perform" in world.dead_letters()[0]["Error"]
    assert world.jobs.asked == []


async def test_rules_that_set_each_other_off_come_to_an_end(world: World) -> None:
    template = json.dumps(
        {
            "TrainingJobName": "x<name>",
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "x"},
            "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
    )
    transformer = {
        "InputPathsMap": {"name": "$.detail.TrainingJobName"},
        "InputTemplate": template,
    }
    target = {"Id": "t", "Arn": CREATE_JOB, "RoleArn": ROLE, "InputTransformer": transformer}
    world.rule("again", {"source": ["aws.sagemaker"]}, target)
    async with world.running():
        with world.store.write() as transaction:
            job(transaction, "a")
        await until(lambda: len(world.dead_letters()) == 1)
    (letter,) = world.dead_letters()
    assert "looks like a loop" in letter["Error"]
    assert [name for _, name in world.jobs.asked] == ["x" * n + "a" for n in range(1, 9)]


async def test_a_delivery_without_its_target_is_a_dead_letter(world: World) -> None:
    world.rule("all", SHOP, pipeline_target())
    world.put({"n": 1})
    route_all(world)
    world.call("RemoveTargets", Rule="all", Ids=["t"])
    async with world.running():
        await until(lambda: len(world.dead_letters()) == 1)
    assert "has no target t any more" in world.dead_letters()[0]["Error"]


async def test_another_accounts_bus_takes_events_as_far_as_its_policy_says(world: World) -> None:
    bus = f"arn:aws:events:{REGION}:{OTHER}:event-bus/default"
    world.call("PutRule", Name="share", EventPattern=json.dumps(SHOP))
    refused = world.call("PutTargets", Rule="share", Targets=[{"Id": "b", "Arn": bus}])
    (entry,) = refused["FailedEntries"]
    assert f"does not allow events:PutEvents to account {ACCOUNT}" in entry["ErrorMessage"]
    world.call(
        "PutPermission",
        by=caller(OTHER),
        Action="events:PutEvents",
        Principal=ACCOUNT,
        StatementId="hub",
    )
    world.rule("share", SHOP, {"Id": "b", "Arn": bus})
    there = f"arn:aws:sns:{REGION}:{OTHER}:inbox"
    world.call("PutRule", by=caller(OTHER), Name="told", EventPattern=json.dumps(SHOP))
    world.call(
        "PutTargets",
        by=caller(OTHER),
        Rule="told",
        Targets=[{"Id": "i", "Arn": there, "InputPath": "$"}],
    )

    def arrived() -> list[dict[str, Any]]:
        found = world.table.call(caller(OTHER), "modelyard", "ListNotifications", {})
        return [json.loads(one["Text"]) for one in found["Notifications"]]

    async with world.running():
        id_ = world.put({"n": 1})
        await until(lambda: len(arrived()) == 1)
        (event,) = arrived()
        assert (event["id"], event["account"], event["detail"]) == (id_, ACCOUNT, {"n": 1})
        assert world.notifications() == []
        world.call("RemovePermission", by=caller(OTHER), StatementId="hub")
        world.put({"n": 2})
        await until(lambda: len(world.dead_letters()) == 1)
    assert len(arrived()) == 1


async def test_retries_wait_longer_and_longer(database: Database, tmp_path: Path) -> None:
    slow = Pace(poll_seconds=0.02, backoff=Backoff(first_seconds=600, last_seconds=3600))
    world = World(database, tmp_path, pace=slow)
    world.rule("all", SHOP, pipeline_target())
    world.provisioned.fails = lambda body, times: OSError("down") if body["n"] == 0 else None

    def due() -> list[tuple[int, int]]:
        with world.store.database.read() as connection:
            rows = connection.execute(sa.select(tables.target_deliveries))
            return [(row.attempts, row.due_at - row.created_at) for row in rows]

    async with world.running():
        world.put({"n": 0}, resource="arn:one")
        await until(lambda: [attempts for attempts, _ in due()] == [1])
        world.put({"n": 1}, resource="arn:one")
        world.put({"n": 2}, resource="arn:two")
        await until(lambda: len(world.provisioned.bodies) == 1)
        await asyncio.sleep(0)
    # What is of the same resource waits behind it, and is not tried.
    assert world.provisioned.bodies == [{"n": 2}]
    (attempts, wait), behind = due()
    assert attempts == 1
    assert 300e6 <= wait <= 700e6
    assert behind[0] == 0


def test_events_are_told_with_what_the_resource_was_then(world: World) -> None:
    from modelyard.events.arrivals import arrivals_of
    from modelyard.store import deliveries

    with world.store.write() as transaction:
        made = job(transaction, "one")
        done = transaction.update(made, status="Completed", observed={"model": "s3://b/m"})
        transaction.update(done, observed={"model": "s3://b/later"})
    with world.store.read() as snapshot:
        events, _ = deliveries.events_after(snapshot.connection, SCOPE, 0, limit=10)
        told = [arrivals_of(snapshot, event)[0] for event in events if event.kind != "role"]
        again = [arrivals_of(snapshot, event)[0] for event in events if event.kind != "role"]
    assert told == again  # the same ids too: a repeated event is known as such
    begun, completed = (one.envelope["detail"] for one in told)
    assert (begun["TrainingJobStatus"], completed["TrainingJobStatus"]) == (
        "InProgress",
        "Completed",
    )
    assert completed["ModelArtifacts"] == {"S3ModelArtifacts": "s3://b/m"}
    assert completed["RoleArn"] == ROLE
    assert completed["Tags"] == {"team": "risk"}
    assert "s3cr3t" not in json.dumps([one.envelope for one in told])
    assert all(isinstance(event, Event) for event in events)
