"""A pipeline's tags: on its stacks, on all their resources, in every account, and changed later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.operations.errors import ValidationError
from modelyard.orchestrator.errors import BadRequest
from modelyard.store.resources import Scope
from modelyard.store.tagged import tagged as found_in
from modelyard.tagging.resources import TaggedResources
from tests.orchestrator.platform import REALTIME, Platform, realtime, training
from tests.orchestrator.stages import ACCOUNTS, Stages
from tests.orchestrator.world import REGION, caller, new_store


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with new_store() as store:
        made = Platform(store, tmp_path)
        made.table.add(TaggedResources(store))
        made.upload("data/train.csv", "models/model.tar.gz")
        yield made


def tagged(platform: Platform, **filters: list[str]) -> dict[str, dict[str, str]]:
    """Return by its ARN the tags of each resource that has them all."""
    asked = [{"Key": key, "Values": values} for key, values in filters.items()]
    answer = platform.table.call(
        caller(), "resourcegroupstaggingapi", "GetResources", {"TagFilters": asked}
    )
    return {
        one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        for one in answer["ResourceTagMappingList"]
    }


def tags_of(platform: Platform, kind: str, name: str) -> dict[str, str]:
    """Return the tags that a toy was given."""
    return platform.toys.things[kind, name].tags


async def test_the_pipeline_its_stacks_and_its_resources_have_the_requests_tags(
    platform: Platform,
) -> None:
    await platform.provision(realtime(tags={"team": "risk"}))
    found = tagged(platform, team=["risk"])
    pipeline = next(arn for arn in found if ":codepipeline:" in arn)
    services = sorted(arn.split(":")[2] for arn in found)
    assert services == ["cloudformation", "cloudformation", "codepipeline", "execute-api"]
    assert found[pipeline]["team"] == "risk"
    stack = platform.stack_named(REALTIME)
    with platform.store.read() as snapshot:
        assert snapshot.tags(stack) == {"stack_name": REALTIME, "team": "risk"}
    # The toys are in no store: what they were created with tells.
    for kind in ("model", "endpoint-config", "endpoint"):
        (name,) = platform.toys.names(kind)
        tags = tags_of(platform, kind, name)
        assert (tags["team"], tags["stack_name"]) == ("risk", REALTIME)


async def test_the_next_request_changes_the_tags_and_nothing_else(platform: Platform) -> None:
    await platform.provision(realtime(tags={"team": "risk", "cost": "1"}))
    before = platform.toys.names("endpoint")
    answer = await platform.provision(realtime(tags=[{"Key": "team", "Value": "fraud"}]))
    assert all("updated in place: Tags" in change for change in answer["changes"])
    assert platform.toys.names("endpoint") == before
    assert tagged(platform, team=["risk"]) == {}
    assert tagged(platform, cost=[]) == {}
    (name,) = platform.toys.names("endpoint")
    tags = tags_of(platform, "endpoint", name)
    assert tags["team"] == "fraud"
    assert "cost" not in tags
    found = tagged(platform, team=["fraud"])
    assert any(":execute-api:" in arn for arn in found)


async def test_without_tags_nothing_is_tagged_but_with_the_stacks_name(platform: Platform) -> None:
    await platform.provision(training())
    for tags in tagged(platform, stack_name=[]).values():
        assert [key for key in tags if not key.startswith("modelyard:")] == ["stack_name"]


async def test_the_tags_are_there_in_every_stages_account(tmp_path: Path) -> None:
    with new_store() as store:
        stages = Stages(store, tmp_path)
        stages.upload("models/model.tar.gz")
        name = await stages.deliver(tags={"team": "risk"})
        await stages.to_prod(name)
        for account in ACCOUNTS.values():
            with store.read() as snapshot:
                scope = Scope(account=account, region=REGION)
                found = found_in(snapshot, scope, {"team": ["risk"]})
            assert {one.kind for one in found} >= {"stack", "inference-api"}


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("team", "must be an object"),
        ({"team": 1}, "must be text"),
        ({"": "x"}, "1 to 128 letters"),
        ({"k": "x" * 257}, "at most 256"),
        ({"aws:team": "x"}, "platform's own"),
        ({"modelyard:stack-id": "x"}, "platform's own"),
        ({"stack_name": "x"}, "platform's own"),
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "given twice"),
        ({f"k{number}": "" for number in range(41)}, "more than 40"),
        ({"a\0": "x"}, "leave NUL"),
    ],
)
def test_tags_that_are_none_are_refused_with_all_else(
    platform: Platform, tags: Any, said: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        platform.service.provision(caller(), realtime(tags=tags, model_name="a_b"))
    assert any(
        problem.startswith(("tags:", "Bad request. tags:")) for problem in caught.value.problems
    )
    assert said in str(caught.value)
    assert "'a_b' must match" in str(caught.value)


async def test_resources_are_listed_page_by_page_and_by_their_type(platform: Platform) -> None:
    await platform.provision(realtime(tags={"team": "risk"}))
    everything = tagged(platform, team=[])
    request: dict[str, Any] = {"TagFilters": [{"Key": "team"}], "ResourcesPerPage": 1}
    seen: list[str] = []
    while True:
        answer = platform.table.call(caller(), "resourcegroupstaggingapi", "GetResources", request)
        seen += [one["ResourceARN"] for one in answer["ResourceTagMappingList"]]
        if not answer["PaginationToken"]:
            break
        request["PaginationToken"] = answer["PaginationToken"]
    assert seen == list(everything)
    only = {"TagFilters": [{"Key": "team"}], "ResourceTypeFilters": ["cloudformation:stack"]}
    answer = platform.table.call(caller(), "resourcegroupstaggingapi", "GetResources", only)
    assert {one["ResourceARN"].split(":")[2] for one in answer["ResourceTagMappingList"]} == {
        "cloudformation"
    }


@pytest.mark.parametrize("token", ["x", "-1", "1" * 30])
def test_a_token_that_is_none_is_refused(platform: Platform, token: str) -> None:
    with pytest.raises(ValidationError):
        platform.table.call(
            caller(), "resourcegroupstaggingapi", "GetResources", {"PaginationToken": token}
        )
