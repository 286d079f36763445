"""CloudFormation's reading operations, as boto3 asks them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from modelyard.operations.client import InProcessClient
from tests.orchestrator.platform import REALTIME, Platform, realtime, training
from tests.orchestrator.world import caller, new_store


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with new_store() as store:
        platform = Platform(store, tmp_path)
        platform.upload("data/train.csv", "models/model.tar.gz")
        yield platform


def cloudformation(platform: Platform, account: str = "123456789012") -> InProcessClient:
    return InProcessClient(platform.table, caller(account=account), "cloudformation")


async def test_a_stack_is_described_with_its_parameters_outputs_and_tags(
    platform: Platform,
) -> None:
    await platform.provision(realtime(endpoint_name="mine"))
    (stack,) = cloudformation(platform).describe_stacks(StackName=REALTIME)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "stack_name", "Value": REALTIME}]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    assert outputs["SageMakerEndpointName"] == "mine"
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
    assert parameters["ModelName"] == "Churn"
    assert stack["Description"].startswith("A model behind an endpoint")


async def test_all_stacks_are_listed_newest_first(platform: Platform) -> None:
    await platform.provision(realtime())
    await platform.provision(training())
    names = [stack["StackName"] for stack in cloudformation(platform).describe_stacks()["Stacks"]]
    assert names == [
        "mlops-pipeline-churn-modeltraining",
        "mlops-pipeline-churn-modeltraining-codepipeline",
        REALTIME,
        f"{REALTIME}-codepipeline",
    ]
    listed = cloudformation(platform).list_stacks(StackStatusFilter=["CREATE_COMPLETE"])
    assert len(listed["StackSummaries"]) == 4
    assert cloudformation(platform, "999999999999").describe_stacks()["Stacks"] == []


async def test_a_stacks_resources_are_described(platform: Platform) -> None:
    await platform.provision(realtime(endpoint_name="mine"))
    client = cloudformation(platform)
    resources = client.describe_stack_resources(StackName=REALTIME)["StackResources"]
    assert [resource["ResourceType"] for resource in resources] == [
        "Modelyard::Inference::Api",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Model",
    ]
    listed = client.list_stack_resources(StackName=REALTIME)["StackResourceSummaries"]
    assert [item["PhysicalResourceId"] for item in listed] == [
        item["PhysicalResourceId"] for item in resources
    ]
    (endpoint,) = client.describe_stack_resources(
        StackName=REALTIME, LogicalResourceId="MLOpsSagemakerEndpoint"
    )["StackResources"]
    assert endpoint["PhysicalResourceId"].endswith(":endpoint/mine")


async def test_the_pipelines_own_stack_holds_the_pipeline(platform: Platform) -> None:
    await platform.provision(realtime())
    client = cloudformation(platform)
    (resource,) = client.list_stack_resources(StackName=f"{REALTIME}-codepipeline")[
        "StackResourceSummaries"
    ]
    assert resource["ResourceType"] == "AWS::CodePipeline::Pipeline"
    (stack,) = client.describe_stacks(StackName=f"{REALTIME}-codepipeline")["Stacks"]
    (output,) = stack["Outputs"]
    assert output["OutputKey"] == "Pipelines"
    assert output["OutputValue"].endswith(resource["PhysicalResourceId"])


async def test_a_deleted_stack_is_found_by_its_id_and_no_more_by_its_name(
    platform: Platform,
) -> None:
    answer = await platform.provision(realtime())
    arn = platform.stack_named(REALTIME).arn
    platform.service.delete(caller(), {"pipeline_id": answer["pipeline_id"]})
    await platform.run()
    client = cloudformation(platform)
    (stack,) = client.describe_stacks(StackName=arn)["Stacks"]
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert client.describe_stack_events(StackName=arn)["StackEvents"][0]["ResourceStatus"] == (
        "DELETE_COMPLETE"
    )
    with pytest.raises(ClientError) as caught:
        client.describe_stacks(StackName=REALTIME)
    assert caught.value.response["Error"] == {
        "Code": "ValidationError",
        "Message": f"Stack with id {REALTIME} does not exist",
    }


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/none/1",
        "arn:aws:cloudformation:us-east-1:123456789012:stack",
        "arn:nonsense",
    ],
)
async def test_what_is_no_stack_does_not_exist(platform: Platform, name: str) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation(platform).describe_stacks(StackName=name)


async def test_another_accounts_stack_does_not_exist(platform: Platform) -> None:
    await platform.provision(realtime())
    arn = platform.stack_named(REALTIME).arn
    for name in (arn, REALTIME):
        with pytest.raises(ClientError, match="does not exist"):
            cloudformation(platform, "999999999999").describe_stacks(StackName=name)


async def test_events_come_in_pages(platform: Platform) -> None:
    await platform.provision(realtime())
    for number in range(12):
        instance = "ml.m5.large" if number % 2 else "ml.c5.large"
        await platform.provision(realtime(inference_instance=instance))
    client = cloudformation(platform)
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = client.describe_stack_events(StackName=REALTIME, **token)
        found.extend(event["EventId"] for event in page["StackEvents"])
        assert len(page["StackEvents"]) <= 100
        if page["NextToken"] is None:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(found) == len(set(found)) > 100
    with pytest.raises(ClientError, match="begin without one"):
        client.describe_stack_events(StackName=REALTIME, NextToken="none")


def test_a_client_has_the_operations_that_are_offered(platform: Platform) -> None:
    with pytest.raises(AttributeError, match="offers no operation 'create_stack'"):
        cloudformation(platform).create_stack()
