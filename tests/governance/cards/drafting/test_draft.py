"""Drafts: what the platform writes into a card, and what it leaves to people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.governance.cards import content
from modelyard.governance.cards.drafting.draft import LEFT_TO_PEOPLE, merged, states
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, ResourceNotFound, ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import named
from tests.governance.cards.world import ACCOUNT, World

ARTIFACT = "s3://assets/out/job/output/model.tar.gz"
PACKAGE = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/churn/3"
MODEL = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/m"


class Platform:
    """A platform with a job, the model that it made, its registry version and an endpoint.

    Each description can be changed by a test.
    """

    def __init__(self) -> None:
        self.job: dict[str, Any] = {
            "TrainingJobName": "job",
            "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/job",
            "TrainingJobStatus": "Completed",
            "TrainingTimeInSeconds": 12,
            "ModelArtifacts": {"S3ModelArtifacts": ARTIFACT},
            "AlgorithmSpecification": {"TrainingImage": "xgboost:1"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
            "HyperParameters": {"objective": "reg:squarederror", "eval_metric": "rmse", "x": ""},
            "InputDataConfig": [{"DataSource": {"S3DataSource": {"S3Uri": "s3://assets/train"}}}],
            "FinalMetricDataList": [{"MetricName": "validation:rmse", "Value": 2.5}],
        }
        container = {"Image": "xgboost:1", "ModelDataUrl": ARTIFACT}
        self.package: dict[str, Any] = {
            "ModelPackageArn": PACKAGE,
            "ModelPackageGroupName": "churn",
            "ModelPackageVersion": 3,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "Approved",
            "ModelPackageDescription": "the third",
            "CreatedBy": {"UserProfileName": "ada"},
            "InferenceSpecification": {"Containers": [container]},
            "ModelMetrics": {},
        }
        self.model: dict[str, Any] = {
            "ModelName": "m",
            "ModelArn": MODEL,
            "PrimaryContainer": container,
        }

    @operation("sagemaker", "DescribeTrainingJob", on=named("training-job", "TrainingJobName"))
    def describe_training_job(self, context: Context, request: Request) -> Response:
        if request["TrainingJobName"] != "job":
            raise ResourceNotFound("Requested resource not found.")
        return self.job

    @operation("sagemaker", "DescribeModelPackage", on=named("model-package", "ModelPackageName"))
    def describe_model_package(self, context: Context, request: Request) -> Response:
        return self.package

    @operation("sagemaker", "DescribeModel", on=named("model", "ModelName"))
    def describe_model(self, context: Context, request: Request) -> Response:
        return self.model

    @operation("sagemaker", "DescribeEndpoint", on=named("endpoint", "EndpointName"))
    def describe_endpoint(self, context: Context, request: Request) -> Response:
        arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/e"
        return {"EndpointArn": arn, "EndpointConfigName": "c"}

    @operation(
        "sagemaker", "DescribeEndpointConfig", on=named("endpoint-config", "EndpointConfigName")
    )
    def describe_endpoint_config(self, context: Context, request: Request) -> Response:
        return {"ProductionVariants": [{"ModelName": "m"}]}


@pytest.fixture
def platform(world: World) -> Platform:
    platform = Platform()
    world.table.add(platform)
    return platform


def drafted(world: World, **request: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    answer = world.call("DraftModelCard", **request)
    assert content.problems_of(answer["Content"]) == []
    return json.loads(answer["Content"]), answer


def test_a_job_tells_what_was_trained_on_what_and_how_well(
    world: World, platform: Platform
) -> None:
    card, answer = drafted(world, TrainingJobName="job")
    details = card["training_details"]
    assert details["training_job_details"] == {
        "training_arn": platform.job["TrainingJobArn"],
        "training_datasets": ["s3://assets/train"],
        "training_environment": {"container_image": ["xgboost:1"]},
        "training_metrics": [{"name": "validation:rmse", "value": 2.5}],
        "hyper_parameters": [
            {"name": "eval_metric", "value": "rmse"},
            {"name": "objective", "value": "reg:squarederror"},
        ],
    }
    assert details["objective_function"] == {"function": {"function": "Minimize", "facet": "RMSE"}}
    assert "12 s on 1 × ml.m5.large" in details["training_observations"]
    assert card["model_overview"]["problem_type"] == "Regression"
    assert answer["Sources"] == [platform.job["TrainingJobArn"]]


def test_a_registry_version_leads_to_the_job_that_made_it_and_to_its_reports(
    world: World, platform: Platform
) -> None:
    quality = world.put("q.json", {"regression_metrics": {"rmse": {"value": 2.4}}})
    platform.package["ModelMetrics"] = {
        "ModelQuality": {
            "Statistics": {"ContentType": "application/json", "S3Uri": quality},
            "Constraints": {"ContentType": "application/json", "S3Uri": "s3://assets/no.json"},
        }
    }
    card, answer = drafted(world, ModelPackageName=PACKAGE)
    assert card["model_package_details"]["model_package_version"] == 3
    assert card["model_package_details"]["created_by"] == {"user_profile_name": "ada"}
    assert card["model_overview"]["model_name"] == "churn"
    job = card["training_details"]["training_job_details"]
    assert job["training_arn"] == platform.job["TrainingJobArn"]
    (evaluation,) = card["evaluation_details"]
    assert evaluation["name"] == "model quality"
    assert evaluation["metric_groups"][0]["metric_data"][0]["value"] == 2.4
    assert answer["Sources"] == [platform.job["TrainingJobArn"], PACKAGE, quality]
    assert answer["Notes"] == []


def test_a_report_that_cannot_be_read_is_left_out_and_the_draft_says_so(
    world: World, platform: Platform
) -> None:
    bad = world.put("bad.json", b"{")
    odd = world.put("odd.json", {"metric_groups": [{"name": "g", "metric_data": [{"name": 1}]}]})
    platform.package["ModelMetrics"] = {
        "Bias": {"Report": {"S3Uri": bad}, "PostTrainingReport": {"S3Uri": "s3://assets/none"}},
        "Explainability": {"Report": {"S3Uri": odd}},
    }
    card, answer = drafted(world, ModelPackageName=PACKAGE)
    assert "evaluation_details" not in card
    first, second, third = answer["Notes"]
    assert f"{bad} was left out: it is not JSON" in first
    assert "there is no object s3://assets/none" in second
    assert "metric_data[0]" in third


def test_a_report_that_the_caller_may_not_read_is_left_out(
    world: World, platform: Platform
) -> None:
    uri = world.put("q.json", {"regression_metrics": {"rmse": {"value": 2.4}}})
    platform.package["ModelMetrics"] = {"ModelQuality": {"Statistics": {"S3Uri": uri}}}
    world.policy.denied.add("s3:GetObject")
    card, answer = drafted(world, ModelPackageName=PACKAGE)
    assert "evaluation_details" not in card
    assert "s3:GetObject" in answer["Notes"][0]


def test_a_job_of_the_name_that_made_another_artifact_is_not_the_maker(
    world: World, platform: Platform
) -> None:
    platform.job["ModelArtifacts"] = {"S3ModelArtifacts": "s3://assets/other/output/model.tar.gz"}
    card, _ = drafted(world, ModelPackageName=PACKAGE)
    assert "training_details" not in card


def test_an_endpoint_leads_to_its_model_and_a_model_to_its_registry_version(
    world: World, platform: Platform
) -> None:
    card, answer = drafted(world, EndpointName="e")
    assert card["model_overview"]["model_id"] == MODEL
    assert card["model_overview"]["inference_environment"] == {"container_image": ["xgboost:1"]}
    assert answer["Sources"][:2] == [f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/e", MODEL]
    platform.model["PrimaryContainer"] = {"ModelPackageName": PACKAGE}
    card, _ = drafted(world, ModelName="m")
    assert card["model_package_details"]["model_package_arn"] == PACKAGE
    assert "model_id" not in card["model_overview"]


def test_what_a_person_wrote_is_never_replaced(world: World, platform: Platform) -> None:
    begun: dict[str, Any] = {
        "model_overview": {"model_name": "My name for it"},
        "intended_uses": {"purpose_of_model": "Mine.", "risk_rating": "Unknown"},
        "training_details": {"training_observations": "I watched."},
    }
    card, answer = drafted(world, TrainingJobName="job", Content=json.dumps(begun))
    assert card["model_overview"]["model_name"] == "My name for it"
    assert card["training_details"]["training_observations"] == "I watched."
    assert "training_job_details" in card["training_details"]
    missing = {entry["Path"] for entry in answer["Missing"]}
    assert "intended_uses.purpose_of_model" not in missing
    assert "intended_uses.risk_rating" in missing
    assert missing <= LEFT_TO_PEOPLE.keys()


@pytest.mark.parametrize(
    "begun",
    [
        {"model_overview": {"model_id": MODEL}},
        {"model_package_details": {"model_package_arn": PACKAGE}},
        {
            "training_details": {
                "training_job_details": {
                    "training_arn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/job"
                }
            }
        },
    ],
    ids=["model", "registry version", "training job"],
)
def test_a_content_that_names_something_is_filled_in_from_that(
    world: World, platform: Platform, begun: dict[str, Any]
) -> None:
    card, _ = drafted(world, Content=json.dumps(begun))
    job = card["training_details"]["training_job_details"]
    assert job["training_metrics"] == [{"name": "validation:rmse", "value": 2.5}]


def test_nothing_named_is_an_error_that_says_what_can_be(world: World) -> None:
    with pytest.raises(ValidationError, match=r"give TrainingJobName.*training_arn names one"):
        world.call("DraftModelCard", Content="{}")


def test_what_is_named_must_be_there_and_open_to_the_caller(
    world: World, platform: Platform
) -> None:
    with pytest.raises(ResourceNotFound):
        world.call("DraftModelCard", TrainingJobName="none")
    world.policy.denied.add("sagemaker:DescribeTrainingJob")
    with pytest.raises(AccessDenied, match="sagemaker:DescribeTrainingJob"):
        world.call("DraftModelCard", TrainingJobName="job")
    # Where the job is only inferred, the draft goes on without it, and says so.
    card, answer = drafted(world, ModelPackageName=PACKAGE)
    assert "training_details" not in card
    assert "sagemaker:DescribeTrainingJob" in answer["Notes"][0]


def test_drawings_go_where_the_card_would_be_too_long(world: World, platform: Platform) -> None:
    points = [[number / 7, number / 3] for number in range(900)]
    metrics: list[dict[str, Any]] = [
        {"name": f"curve {number}", "type": "linear_graph", "value": points} for number in range(5)
    ]
    metrics.append({"name": "kept", "type": "number", "value": 1})
    uri = world.put("long.json", {"metric_groups": [{"name": "g", "metric_data": metrics}]})
    platform.package["ModelMetrics"] = {"ModelQuality": {"Statistics": {"S3Uri": uri}}}
    card, answer = drafted(world, ModelPackageName=PACKAGE)
    left = card["evaluation_details"][0]["metric_groups"][0]["metric_data"]
    assert {"name": "kept", "type": "number", "value": 1} in left
    assert 0 < len(answer["Notes"]) < 5
    assert "was left out: with it, the card would be too long" in answer["Notes"][0]


def test_evaluations_are_put_together_by_their_names() -> None:
    mine = {"evaluation_details": [{"name": "a", "evaluation_observation": "mine"}]}
    found = {"evaluation_details": [{"name": "a"}, {"name": "b"}]}
    assert merged(found, mine)["evaluation_details"] == [
        {"name": "a", "evaluation_observation": "mine"},
        {"name": "b"},
    ]


def test_unknown_and_empty_state_nothing() -> None:
    document = {"intended_uses": {"risk_rating": "Unknown", "purpose_of_model": ""}}
    assert not states(document, "intended_uses.risk_rating")
    assert not states(document, "intended_uses.purpose_of_model")
    assert not states(document, "intended_uses.risk_rating.x")
    assert states({"a": {"b": 0}}, "a.b")
