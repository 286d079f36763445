"""What can be asked of rules, targets and buses, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.destinations import Topic, Webhook
from modelyard.events.errors import (
    LimitReached,
    NoSuchResource,
    PolicyTooLong,
    ResourceExists,
)
from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.store.database import Database
from tests.events.world import (
    ACCOUNT,
    CREATE_JOB,
    INBOX,
    OTHER,
    PROVISION,
    REGION,
    ROLE,
    World,
    caller,
    pipeline_target,
)

SHOP = json.dumps({"source": ["shop"]})
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus"


@pytest.fixture
def world(sqlite: Database, tmp_path: Path) -> World:
    return World(
        sqlite,
        tmp_path,
        topics=[Topic(name="mlops", urls=("json://127.0.0.1",))],
        webhooks=[Webhook(name="ci", url="https://ci.example.org", key=b"k" * 24)],
    )


def refused(world: World, target: dict[str, Any]) -> str:
    world.call("PutRule", Name="r", EventPattern=SHOP)
    answer = world.call("PutTargets", Rule="r", Targets=[{"Id": "t", **target}])
    (entry,) = answer["FailedEntries"]
    assert (answer["FailedEntryCount"], entry["TargetId"]) == (1, "t")
    assert world.call("ListTargetsByRule", Rule="r")["Targets"] == []
    return f"{entry['ErrorCode']}: {entry['ErrorMessage']}"


def test_a_rule_that_is_put_again_keeps_its_targets(world: World) -> None:
    world.rule("r", {"source": ["shop"]}, pipeline_target())
    world.call("PutRule", Name="r", EventPattern='{"source": ["bank"]}', State="DISABLED")
    found = world.call("DescribeRule", Name="r")
    assert (found["State"], found["EventPattern"]) == ("DISABLED", '{"source": ["bank"]}')
    assert [one["Id"] for one in world.call("ListTargetsByRule", Rule="r")["Targets"]] == ["t"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "EventPattern is missing"),
        ({"ScheduleExpression": "every day"}, "ScheduleExpression"),
        (
            {"EventPattern": SHOP, "State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"},
            "use ENABLED or DISABLED",
        ),
    ],
)
def test_a_rule_that_is_not_offered_is_refused(
    world: World, request_: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        world.call("PutRule", Name="r", **request_)


def test_a_rule_lives_on_a_bus_that_there_is_in_the_callers_account(world: World) -> None:
    with pytest.raises(NoSuchResource, match="Event bus nowhere does not exist"):
        world.call("PutRule", Name="r", EventPattern=SHOP, EventBusName="nowhere")
    foreign = f"arn:aws:events:{REGION}:{OTHER}:event-bus/default"
    with pytest.raises(NoSuchResource, match="not in this account"):
        world.call("PutRule", Name="r", EventPattern=SHOP, EventBusName=foreign)
    with pytest.raises(NoSuchResource, match="Rule r does not exist"):
        world.call("DescribeRule", Name="r")


def test_the_same_name_is_another_rule_on_another_bus_and_account(world: World) -> None:
    world.call("CreateEventBus", Name="own")
    arns = {
        world.call("PutRule", Name="r", EventPattern=SHOP)["RuleArn"],
        world.call("PutRule", Name="r", EventPattern=SHOP, EventBusName="own")["RuleArn"],
        world.call("PutRule", by=caller(OTHER), Name="r", EventPattern=SHOP)["RuleArn"],
    }
    assert len(arns) == 3
    assert [one["Name"] for one in world.call("ListRules")["Rules"]] == ["r"]
    world.call("DeleteRule", Name="r")
    assert world.call("ListRules")["Rules"] == []
    assert len(world.call("ListRules", EventBusName=f"{BUS}/own")["Rules"]) == 1


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"Arn": "nonsense"}, "'nonsense' is not an ARN"),
        ({"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}, "is no target that is offered"),
        ({"Arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:typo"}, "there are inbox, mlops"),
        ({"Arn": f"arn:aws:sns:{REGION}:{OTHER}:inbox"}, "not a topic of the rule's account"),
        ({"Arn": CREATE_JOB, "Input": "{}"}, "RoleArn is missing"),
        ({"Arn": CREATE_JOB, "RoleArn": ROLE}, "give Input, InputPath or InputTransformer"),
        (
            {"Arn": CREATE_JOB.replace("TrainingJob", "Magic"), "RoleArn": ROLE, "Input": "{}"},
            "sagemaker:CreateMagic is not an operation that a rule may call",
        ),
        (
            {
                "Arn": "arn:aws:scheduler:::aws-sdk:sts:assumeRole",
                "RoleArn": ROLE,
                "Input": "{}",
            },
            "is not an operation that a rule may call",
        ),
        ({"Arn": CREATE_JOB, "RoleArn": f"{ROLE}-none", "Input": "{}"}, "there is no such role"),
        ({"Arn": PROVISION.replace("POST", "GET"), "Input": "{}"}, "must end with"),
        ({"Arn": f"{BUS}/default"}, "is the rule's own bus"),
        ({"Arn": f"{BUS}/nowhere"}, "does not exist"),
        ({"Arn": INBOX, "Input": "{"}, "Input is no JSON"),
        ({"Arn": INBOX, "EcsParameters": {"TaskDefinitionArn": "a"}}, "EcsParameters is not"),
        (
            {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/typo"},
            "there is no webhook 'typo' (ci)",
        ),
    ],
)
def test_a_target_that_cannot_work_is_not_taken(
    world: World, target: dict[str, Any], said: str
) -> None:
    assert said in refused(world, target)


@pytest.mark.parametrize(
    ("denied", "target"),
    [
        ("iam:PassRole", {"Arn": CREATE_JOB, "RoleArn": ROLE, "Input": "{}"}),
        ("modelyard:PublishNotification", {"Arn": INBOX}),
        (
            "events:InvokeApiDestination",
            {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/ci"},
        ),
    ],
)
def test_a_target_that_the_caller_may_not_use_is_not_taken(
    world: World, denied: str, target: dict[str, Any]
) -> None:
    world.policy.denied = {denied}
    assert refused(world, target).startswith("AccessDeniedException: ")


def test_right_targets_are_taken_beside_a_wrong_one(world: World) -> None:
    world.call("PutRule", Name="r", EventPattern=SHOP)
    targets = [{"Id": "good", "Arn": INBOX}, {"Id": "bad", "Arn": "x"}]
    assert world.call("PutTargets", Rule="r", Targets=targets)["FailedEntryCount"] == 1
    (target,) = world.call("ListTargetsByRule", Rule="r")["Targets"]
    assert target["Id"] == "good"
    gone = world.call("RemoveTargets", Rule="r", Ids=["good", "bad"])
    assert [one["TargetId"] for one in gone["FailedEntries"]] == ["bad"]


def test_a_rule_has_at_most_five_targets(world: World) -> None:
    world.rule("r", {"source": ["shop"]}, *({"Id": f"t{n}", "Arn": INBOX} for n in range(5)))
    with pytest.raises(LimitReached, match="at most 5 targets, and r would have 6"):
        world.call("PutTargets", Rule="r", Targets=[{"Id": "t6", "Arn": INBOX}])


def test_a_target_id_that_is_given_twice_is_refused(world: World) -> None:
    world.call("PutRule", Name="r", EventPattern=SHOP)
    with pytest.raises(ValidationError, match="t is given twice"):
        world.call("PutTargets", Rule="r", Targets=[{"Id": "t", "Arn": INBOX}] * 2)


def test_a_bus_is_made_once_and_deleted_any_number_of_times(world: World) -> None:
    made = world.call("CreateEventBus", Name="own", Description="d")
    assert made == {"EventBusArn": f"{BUS}/own", "Description": "d"}
    with pytest.raises(ResourceExists):
        world.call("CreateEventBus", Name="own")
    with pytest.raises(ValidationError, match="is not 'default'"):
        world.call("CreateEventBus", Name="default")
    with pytest.raises(ValidationError, match="Cannot delete event bus default"):
        world.call("DeleteEventBus", Name="default")
    world.call("DeleteEventBus", Name="own")
    world.call("DeleteEventBus", Name="own")
    assert [one["Name"] for one in world.call("ListEventBuses")["EventBuses"]] == ["default"]


def test_a_bus_policy_is_put_by_statements_or_as_a_whole(world: World) -> None:
    world.call("PutPermission", Action="events:PutEvents", Principal=OTHER, StatementId="other")
    world.call("PutPermission", Action="events:PutEvents", Principal="*", StatementId="all")
    policy = json.loads(world.call("DescribeEventBus")["Policy"])
    assert [one["Sid"] for one in policy["Statement"]] == ["other", "all"]
    world.call("RemovePermission", StatementId="all")
    with pytest.raises(NoSuchResource, match="no statement 'all'"):
        world.call("RemovePermission", StatementId="all")
    world.call("RemovePermission", RemoveAllPermissions=True)
    assert "Policy" not in world.call("DescribeEventBus")
    world.call("PutPermission", Policy=json.dumps(policy))
    assert json.loads(world.call("DescribeEventBus")["Policy"]) == policy


def test_a_wrong_bus_policy_says_what_is_wrong_with_it(world: World) -> None:
    with pytest.raises(ValidationError, match=r"Action is missing.*StatementId is missing"):
        world.call("PutPermission", Principal=OTHER)
    with pytest.raises(ValidationError, match="Policy is no JSON"):
        world.call("PutPermission", Policy="{")
    with pytest.raises(ValidationError, match="Policy: "):
        world.call("PutPermission", Policy='{"Statement": [{"Effect": "Perhaps"}]}')
    with pytest.raises(PolicyTooLong):
        world.call("PutPermission", Policy=json.dumps({"Statement": [], "Id": "x" * 11_000}))


def test_events_of_another_account_come_by_its_policy_only(world: World) -> None:
    entry = {
        "Source": "shop",
        "DetailType": "t",
        "Detail": "{}",
        "EventBusName": f"arn:aws:events:{REGION}:{OTHER}:event-bus/default",
    }
    (answer,) = world.call("PutEvents", Entries=[entry])["Entries"]
    assert answer["ErrorCode"] == "AccessDeniedException"
    world.call(
        "PutPermission",
        by=caller(OTHER),
        Action="events:PutEvents",
        Principal=ACCOUNT,
        StatementId="s",
    )
    assert world.call("PutEvents", Entries=[entry])["FailedEntryCount"] == 0


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException"),
        ({"Source": "modelyard"}, "NotAuthorizedForSourceException"),
        ({"Source": ""}, "InvalidArgument"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": '{"a": NaN}'}, "MalformedDetail"),
        ({"Detail": "[" * 2000 + "]" * 2000}, "MalformedDetail"),
        ({"Detail": '{"a":' * 200 + "1" + "}" * 200}, "InvalidArgument"),
        ({"Resources": ["x" * 1025]}, "InvalidArgument"),
        ({"EventBusName": "nowhere"}, "ResourceNotFoundException"),
    ],
)
def test_an_entry_that_is_wrong_says_why_and_the_next_one_is_taken(
    world: World, entry: dict[str, Any], code: str
) -> None:
    good = {"Source": "shop", "DetailType": "t", "Detail": "{}"}
    answer = world.call("PutEvents", Entries=[{**good, **entry}, good])
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [code, None]


def test_too_many_bytes_at_once_are_refused(world: World) -> None:
    entry = {"Source": "s", "DetailType": "t", "Detail": json.dumps({"a": "x" * 300_000})}
    with pytest.raises(ValidationError, match="over the limit"):
        world.call("PutEvents", Entries=[entry])


def test_the_policy_is_asked_about_the_bus_and_the_rule(world: World) -> None:
    world.policy.denied = {"events:PutEvents", "events:PutRule"}
    with pytest.raises(AccessDenied):
        world.call("PutEvents", Entries=[])
    with pytest.raises(AccessDenied):
        world.call("PutRule", Name="r")


def test_a_page_begins_where_the_one_before_ended(world: World) -> None:
    for name in ("c", "a", "b"):
        world.call("PutRule", Name=name, EventPattern=SHOP)
    page = world.call("ListRules", Limit=2)
    rest = world.call("ListRules", Limit=2, NextToken=page["NextToken"])
    assert [one["Name"] for one in [*page["Rules"], *rest["Rules"]]] == ["a", "b", "c"]
    assert rest["NextToken"] is None
    with pytest.raises(ValidationError, match="NextToken"):
        world.call("ListRules", NextToken="x")


def test_events_are_listed_from_where_one_begins_to_look(world: World) -> None:
    world.put({"n": 0})
    begin = world.own("ListEvents")
    assert begin["Events"] == []
    world.put({"n": 1})
    world.put({"n": 2})
    page = world.own(
        "ListEvents", NextToken=begin["NextToken"], EventPattern='{"detail": {"n": [2]}}'
    )
    assert [json.loads(event)["detail"]["n"] for event in page["Events"]] == [2]
    after = world.own("ListEvents", NextToken=page["NextToken"])
    assert (after["Events"], after["NextToken"]) == ([], page["NextToken"])
    everything = world.own("ListEvents", FromBeginning=True)["Events"]
    numbers = [json.loads(event)["detail"].get("n") for event in everything]
    assert numbers[-3:] == [0, 1, 2]


def test_the_newest_events_are_listed_without_going_through_all_of_them(world: World) -> None:
    for number in range(5):
        world.put({"n": number})
    page = world.own("ListEvents", Newest=True, MaxResults=2)
    assert [json.loads(event)["detail"]["n"] for event in page["Events"]] == [3, 4]
    even = '{"detail": {"n": [0, 2, 4]}}'
    page = world.own("ListEvents", Newest=True, MaxResults=2, EventPattern=even)
    assert [json.loads(event)["detail"]["n"] for event in page["Events"]] == [2, 4]
    assert world.own("ListEvents", NextToken=page["NextToken"])["Events"] == []
