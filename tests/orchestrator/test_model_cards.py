"""The model-card operations of POST /provisionpipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, ResourceNotFound
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import named
from modelyard.orchestrator.card_requests import CARD_TYPES, card_type_of
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.model_cards import ModelCards
from tests.governance.cards.world import ACCOUNT, World, caller

QUALITY = {
    "binary_classification_metrics": {
        "auc": {"value": 0.97, "standard_deviation": 0.01},
        "confusion_matrix": {"0": {"0": 50, "1": 2}, "1": {"0": 3, "1": 45}},
    }
}
JOB = {
    "TrainingJobName": "job",
    "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/job",
    "TrainingJobStatus": "Completed",
    "TrainingTimeInSeconds": 12,
    "ModelArtifacts": {"S3ModelArtifacts": "s3://assets/out/job/output/model.tar.gz"},
    "AlgorithmSpecification": {"TrainingImage": "image:1"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
    "HyperParameters": {"objective": "binary:logistic", "eval_metric": "auc"},
    "FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.9731}],
}


class OneJob:
    """A platform that has one training job."""

    @operation("sagemaker", "DescribeTrainingJob", on=named("training-job", "TrainingJobName"))
    def describe_training_job(self, context: Context, request: Request) -> Response:
        if request["TrainingJobName"] != "job":
            raise ResourceNotFound("Requested resource not found.")
        return dict(JOB)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, at_once=True)


@pytest.fixture
def cards(world: World) -> ModelCards:
    world.table.add(OneJob())
    return ModelCards(world.table, world.objects_of, world.drafter, lambda account: "assets")


def ask(cards: ModelCards, kind: str, by: Context | None = None, **body: Any) -> Any:
    text = cards.answer(by or caller(), {"pipeline_type": kind, **body})
    assert text is not None
    answer = json.loads(text)
    assert text == json.dumps(answer, indent=4)
    assert list(answer) == ["message"]
    return answer["message"]


def test_a_card_is_created_and_the_answer_describes_it(cards: ModelCards) -> None:
    said = ask(
        cards,
        "create_model_card",
        name="card",
        model_overview={"model_name": "churn", "colour": "blue", "inference_environment": ["i:1"]},
        intended_uses={"risk_rating": "Low"},
        training_details={
            "objective_function": {
                "function": "Maximize",
                "facet": "AUC",
                "condition": "validation",
                "notes": "n",
            }
        },
        hobby="none",
    )
    assert said["ModelCardName"] == "card"
    assert (said["ModelCardStatus"], said["ModelCardVersion"]) == ("Draft", 1)
    assert said["CreationTime"].endswith("+00:00")
    assert json.loads(said["Content"]) == {
        "model_overview": {
            "model_name": "churn",
            "inference_environment": {"container_image": ["i:1"]},
        },
        "intended_uses": {"risk_rating": "Low"},
        "training_details": {
            "objective_function": {
                "function": {"function": "Maximize", "facet": "AUC", "condition": "validation"},
                "notes": "n",
            }
        },
    }


def test_training_is_discovered_from_the_job_that_is_named(cards: ModelCards) -> None:
    said = ask(
        cards,
        "create_model_card",
        name="card",
        training_details={"training_job_name": "job", "training_observations": "mine"},
    )
    details = json.loads(said["Content"])["training_details"]
    assert details["training_observations"] == "mine"
    assert details["training_job_details"]["training_arn"] == JOB["TrainingJobArn"]
    assert details["training_job_details"]["training_metrics"] == [
        {"name": "validation:auc", "value": 0.9731}
    ]


def test_a_metrics_file_becomes_groups_of_metrics(world: World, cards: ModelCards) -> None:
    uri = world.put("quality.json", QUALITY)
    evaluation = {
        "name": "test",
        "metric_file_s3_url": uri,
        "metric_type": "binary_classification",
    }
    said = ask(cards, "create_model_card", name="card", evaluation_details=[evaluation])
    (job,) = json.loads(said["Content"])["evaluation_details"]
    (group,) = job["metric_groups"]
    assert group["name"] == "binary_classification_metrics"
    assert group["metric_data"][0] == {"name": "auc", "type": "number", "value": 0.97}


def test_all_problems_are_told_at_once_and_nothing_is_made(world: World, cards: ModelCards) -> None:
    with pytest.raises(BadRequest) as caught:
        ask(
            cards,
            "create_model_card",
            status="Perfect",
            intended_uses={"risk_rating": "Severe"},
            training_details={"training_job_name": "none"},
            evaluation_details=[
                {"name": "e", "metric_file_s3_url": "s3://assets/none.json", "metric_type": "f1"}
            ],
        )
    details = caught.value.details
    assert details.startswith("Bad request. API body does not have the necessary parameter: name; ")
    for problem in (
        "status is 'Perfect': it must be one of Draft, PendingReview, Approved, Archived",
        'intended_uses.risk_rating is "Severe": it must be one of High, Medium, Low, Unknown',
        "Requested resource not found.",
        "evaluation_details[0].metric_type is 'f1': it must be one of model_card_metric_schema",
        "there is no object s3://assets/none.json",
    ):
        assert problem in details
    assert world.call("ListModelCards")["ModelCardSummaries"] == []


def test_an_update_replaces_the_sections_it_gives_and_approves_what_comes_with_it(
    cards: ModelCards,
) -> None:
    ask(
        cards,
        "create_model_card",
        name="card",
        intended_uses={"purpose_of_model": "old"},
        additional_information={"ethical_considerations": "kept"},
    )
    said = ask(
        cards,
        "update_model_card",
        name="card",
        status="Approved",
        intended_uses={"purpose_of_model": "new"},
    )
    assert (said["ModelCardVersion"], said["ModelCardStatus"]) == (2, "Approved")
    assert json.loads(said["Content"]) == {
        "intended_uses": {"purpose_of_model": "new"},
        "additional_information": {"ethical_considerations": "kept"},
    }


def test_a_version_is_described_by_its_number(cards: ModelCards) -> None:
    ask(cards, "create_model_card", name="card", intended_uses={"purpose_of_model": "old"})
    ask(cards, "update_model_card", name="card", intended_uses={"purpose_of_model": "new"})
    assert "old" in ask(cards, "describe_model_card", name="card", version="1")["Content"]
    assert "new" in ask(cards, "describe_model_card", name="card")["Content"]


def test_deleting_listing_and_exporting_answer_in_the_apis_words(
    world: World, cards: ModelCards
) -> None:
    ask(cards, "create_model_card", name="card")
    listed = ask(cards, "list_model_cards")["ModelCardSummaries"]
    assert [card["ModelCardName"] for card in listed] == ["card"]
    for kind in ("export_model_card", "export_model_cards"):
        assert ask(cards, kind, name="card", export_job_name=kind.replace("_", "-")) == (
            "Model card with the name: card has been exported to s3://assets/model_card_exports"
        )
    assert world.objects.of(ACCOUNT).exists(
        world.uri("model_card_exports/export-model-card/card-v1.pdf")
    )
    assert ask(cards, "delete_model_card", name="card") == (
        "Model card with the name: card has been deleted"
    )
    assert ask(cards, "list_model_cards")["ModelCardSummaries"] == []


def test_an_error_of_the_platform_is_told_as_its_clients_know_it(cards: ModelCards) -> None:
    with pytest.raises(ClientError, match=r"ResourceNotFound.*DescribeModelCard operation"):
        ask(cards, "describe_model_card", name="none")
    ask(cards, "create_model_card", name="card")
    with pytest.raises(ClientError, match=r"ConflictException.*CreateModelCard operation"):
        ask(cards, "create_model_card", name="card")


@pytest.mark.parametrize("kind", CARD_TYPES)
def test_each_is_an_action_of_its_own(world: World, cards: ModelCards, kind: str) -> None:
    action = "modelyard:" + "".join(word.capitalize() for word in kind.split("_"))
    world.policy.denied.add(action)
    with pytest.raises(AccessDenied, match=action):
        ask(cards, kind, name="card")


def test_the_caller_needs_leave_for_what_is_done_on_his_behalf(
    world: World, cards: ModelCards
) -> None:
    world.policy.denied.add("sagemaker:CreateModelCard")
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(cards, "create_model_card", name="card")


def test_what_is_no_card_is_left_to_the_pipelines(cards: ModelCards) -> None:
    assert cards.answer(caller(), {"pipeline_type": "byom_realtime_builtin"}) is None
    assert cards.answer(caller(), {"pipeline_type": 7}) is None
    assert card_type_of({"pipeline_type": " Create_Model_Card "}) == "create_model_card"
