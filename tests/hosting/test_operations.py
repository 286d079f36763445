"""What can be asked of models, endpoint configurations and endpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.operations.errors import ValidationError
from tests.hosting.world import IMAGE, ROLE, World, config_request, context


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_model_is_described_as_it_was_created(world: World) -> None:
    world.model()
    described = world.models.describe_model(context(), {"ModelName": "m"})
    assert described["PrimaryContainer"] == {
        "Image": IMAGE,
        "ModelDataUrl": "s3://assets/m.tar.gz",
    }
    assert described["ModelArn"] == "arn:aws:sagemaker:us-east-1:123456789012:model/m"


def test_a_models_name_is_taken_once(world: World) -> None:
    world.model()
    with pytest.raises(ValidationError, match="already existing model"):
        world.model()


def test_a_model_says_everything_that_is_wrong_with_it(world: World) -> None:
    request = {
        "ModelName": "m",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {
            "Image": "nowhere/mine:1",
            "ModelDataUrl": "s3://assets/missing.tar.gz",
            "Mode": "MultiModel",
        },
    }
    with pytest.raises(ValidationError) as caught:
        world.models.create_model(context(), request)
    for said in ("3 validation errors", "nowhere/mine:1", "missing.tar.gz", "MultiModel"):
        assert said in caught.value.message


def test_another_account_or_region_does_not_see_a_model(world: World) -> None:
    world.model()
    for other in (context(account="999999999999"), context(region="eu-west-1")):
        with pytest.raises(ValidationError, match="Could not find model"):
            world.models.describe_model(other, {"ModelName": "m"})
        assert world.models.list_models(other, {})["Models"] == []


def test_a_deleted_model_is_gone(world: World) -> None:
    world.model()
    world.models.delete_model(context(), {"ModelName": "m"})
    with pytest.raises(ValidationError, match="Could not find model"):
        world.models.delete_model(context(), {"ModelName": "m"})


def test_a_configuration_says_everything_that_is_wrong_with_it(world: World) -> None:
    request = config_request(ModelName="missing", InstanceType="ml.m5.lrge")
    request["DataCaptureConfig"] = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://no-such-bucket/x",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    request["ShadowProductionVariants"] = [request["ProductionVariants"][0]]
    with pytest.raises(ValidationError) as caught:
        world.configs.create_endpoint_config(context(), request)
    for said in ("4 validation errors", "missing", "ml.m5.lrge", "no-such-bucket", "Shadow"):
        assert said in caught.value.message


def test_variants_have_names_of_their_own_and_some_weight(world: World) -> None:
    world.model()
    request = config_request(InitialVariantWeight=0.0)
    request["ProductionVariants"] *= 2
    with pytest.raises(ValidationError, match=r"given 2 times[\s\S]*sum to 0"):
        world.configs.create_endpoint_config(context(), request)


def test_creating_an_endpoint_starts_its_workflow_in_the_same_transaction(world: World) -> None:
    world.model()
    world.config()
    arn = world.endpoint()
    assert world.engine.started == [("endpoint", arn)]
    described = world.endpoints.describe_endpoint(context(), {"EndpointName": "e"})
    assert described["EndpointStatus"] == "Creating"
    assert described["ProductionVariants"][0]["VariantName"] == "AllTraffic"


def test_endpoint_names_differ_by_more_than_their_case(world: World) -> None:
    world.model()
    world.config()
    world.endpoint("Mine")
    with pytest.raises(ValidationError, match="already existing endpoint"):
        world.endpoint("mine")
    described = world.endpoints.describe_endpoint(context(), {"EndpointName": "MINE"})
    assert described["EndpointName"] == "Mine"


def test_an_endpoint_that_is_being_created_is_neither_updated_nor_deleted(world: World) -> None:
    world.model()
    world.config()
    world.endpoint()
    with pytest.raises(ValidationError, match="Cannot update in-progress endpoint"):
        world.endpoints.update_endpoint(context(), {"EndpointName": "e", "EndpointConfigName": "c"})
    with pytest.raises(ValidationError, match="Cannot delete in-progress endpoint"):
        world.endpoints.delete_endpoint(context(), {"EndpointName": "e"})


def test_traffic_shifting_is_refused_by_name(world: World) -> None:
    world.model()
    world.config()
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY"}}}
    with pytest.raises(ValidationError, match="CANARY"):
        world.endpoints.create_endpoint(
            context(),
            {"EndpointName": "e", "EndpointConfigName": "c", "DeploymentConfig": policy},
        )
