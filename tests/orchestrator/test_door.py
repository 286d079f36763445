"""The orchestrator's HTTP answers: statuses, bodies and messages that clients know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrator.platform import REALTIME, Platform, realtime, training
from tests.orchestrator.world import caller, new_store


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with new_store() as store:
        platform = Platform(store, tmp_path)
        platform.upload("data/train.csv", "models/model.tar.gz")
        yield platform


async def test_a_first_provision_answers_with_the_pipelines_id(platform: Platform) -> None:
    answer = await platform.ask("/provisionpipeline", realtime())
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.json["message"] == "success: stack creation started"
    assert list(answer.json) == ["message", "pipeline_id"]


async def test_the_state_is_indented_and_in_json(platform: Platform) -> None:
    provisioned = await platform.provision(realtime())
    answer = await platform.ask("/pipelinestatus", {"pipeline_id": provisioned["pipeline_id"]})
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.text.startswith('{\n    "pipelineName": "')


async def test_a_stack_without_a_pipeline_is_answered_in_plain_words(platform: Platform) -> None:
    await platform.provision(realtime())
    answer = await platform.ask("/pipelinestatus", {"pipeline_id": REALTIME})
    assert answer.status == 200
    assert answer.text == ("pipeline cloudformation stack has not provisioned the pipeline yet.")


async def test_a_bad_request_has_all_its_problems_in_its_details(platform: Platform) -> None:
    body = {"pipeline_type": "byom_realtime_builtin", "model_name": "a_b"}
    answer = await platform.ask("/provisionpipeline", body)
    assert answer.status == 400
    assert answer.json["message"] == "A BadRequest exception occurred"
    details = answer.json["detailedMessage"]
    missing = "Bad request. API body does not have the necessary parameter: "
    assert details.startswith(f"{missing}inference_instance; {missing}model_framework; ")
    assert "model_name: 'a_b' must match" in details


async def test_details_are_left_out_where_the_settings_say_so(platform: Platform) -> None:
    answer = await platform.ask("/provisionpipeline", {}, detailed=False)
    assert answer.json == {"message": "A BadRequest exception occurred"}


@pytest.mark.parametrize(
    ("path", "body", "message", "details"),
    [
        (
            "/provisionpipeline",
            {"pipeline_type": "none"},
            "A BadRequest exception occurred",
            "Bad request format. Pipeline type not supported. "
            "Check documentation for API & config formats",
        ),
        (
            "/elsewhere",
            {},
            "A BadRequest exception occurred",
            "Unacceptable event path. Path must be /provisionpipeline or /pipelinestatus",
        ),
        (
            "/provisionpipeline/",
            {},
            "A BadRequest exception occurred",
            "Unacceptable event path. Path must be /provisionpipeline or /pipelinestatus",
        ),
        (
            "/pipelinestatus",
            {},
            "A BadRequest exception occurred",
            "Bad request. API body does not have the necessary parameter: pipeline_id",
        ),
        (
            "/deletepipeline",
            {},
            "A BadRequest exception occurred",
            "Bad request. API body does not have the necessary parameter: pipeline_id",
        ),
        (
            "/pipelinestatus",
            {"pipeline_id": "arn:aws:cloudformation:us-east-1:123456789012:stack/x/y"},
            "A boto3 ClientError occurred",
            "An error occurred (ValidationError) when calling the ListStackResources operation: "
            "Stack with id arn:aws:cloudformation:us-east-1:123456789012:stack/x/y does not exist",
        ),
        (
            "/provisionpipeline",
            b"",
            "An Unexpected Server side exception occurred",
            "Expecting value: line 1 column 1 (char 0)",
        ),
        (
            "/provisionpipeline",
            b'{"model_name": NaN}',
            "An Unexpected Server side exception occurred",
            "NaN is not JSON",
        ),
        (
            "/provisionpipeline",
            b"\xff",
            "An Unexpected Server side exception occurred",
            "'utf-8' codec can't decode",
        ),
        (
            "/provisionpipeline",
            b"[" * 100_000,
            "An Unexpected Server side exception occurred",
            "",
        ),
        (
            "/provisionpipeline",
            [],
            "A BadRequest exception occurred",
            "Bad request. The body must be one JSON object",
        ),
        (
            "/0123456789/prod/inference",
            {"payload": "1", "content_type": "text/csv"},
            "A BadRequest exception occurred",
            "Unacceptable event path. There is no pipeline with the inference API 0123456789",
        ),
    ],
)
async def test_a_clients_mistake_is_a_400_with_the_words_that_it_knows(
    platform: Platform, path: str, body: Any, message: str, details: str
) -> None:
    answer = await platform.ask(path, body)
    assert answer.status == 400
    assert answer.content_type == "application/json"
    assert answer.json["message"] == message
    assert answer.json["detailedMessage"].startswith(details)


async def test_another_method_is_refused(platform: Platform) -> None:
    answer = await platform.ask("/provisionpipeline", b"", method="GET")
    assert answer.status == 400
    assert answer.json["detailedMessage"].startswith(
        "Bad request format. Expected httpMethod or pipeline_type, received none."
    )


async def test_who_may_not_is_told_so(platform: Platform) -> None:
    platform.policy.denied.add("modelyard:ProvisionPipeline")
    answer = await platform.ask("/provisionpipeline", training())
    assert answer.status == 403
    assert "is not authorized to perform: modelyard:ProvisionPipeline" in answer.json["message"]


async def test_what_nobody_foresaw_tells_no_secrets(platform: Platform) -> None:
    def broken(framework: str, version: str, region: str) -> str:
        raise RuntimeError("secret")

    platform.retrieve = broken
    answer = await platform.ask("/provisionpipeline", training())
    assert answer.status == 500
    assert answer.json["message"] == "An Unexpected Server side exception occurred"
    assert "secret" not in answer.text


async def inference_path(platform: Platform) -> str:
    answer = await platform.provision(realtime(endpoint_name="mine"))
    state = platform.service.pipeline_status(caller(), answer)
    assert isinstance(state, dict)
    url: str = state["stack"]["outputs"]["BYOMInferenceLambdaRestApiEndpoint"]
    return url.removeprefix("http://127.0.0.1:8080") + "inference"


async def test_a_prediction_is_the_endpoints_own_answer(platform: Platform) -> None:
    path = await inference_path(platform)
    answer = await platform.ask(path, {"payload": "1.0, 2.0", "content_type": "text/csv"})
    assert (answer.status, answer.text) == (200, "0.25")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert platform.endpoints.asked == [("us-east-1", "mine", b"1.0, 2.0", "text/csv")]


@pytest.mark.parametrize("payload", [{"instances": [{"features": [1.5]}]}, [1, 2], 5, True])
async def test_a_payload_that_is_no_text_is_sent_as_json(platform: Platform, payload: Any) -> None:
    path = await inference_path(platform)
    await platform.ask(path, {"Payload": payload, "ContentType": "application/json"})
    assert json.loads(platform.endpoints.asked[0][2]) == payload


async def test_a_missing_payload_is_named(platform: Platform) -> None:
    path = await inference_path(platform)
    answer = await platform.ask(path, {"content_type": 5})
    assert answer.status == 400
    assert answer.json["detailedMessage"] == (
        "Bad request. API body does not have the necessary parameter: payload; "
        "Bad request. content_type must be a MIME type such as text/csv"
    )
    assert platform.endpoints.asked == []


@pytest.mark.parametrize("status", [400, 424, 503])
async def test_an_endpoints_error_keeps_its_status(platform: Platform, status: int) -> None:
    path = await inference_path(platform)
    body = json.dumps({"Message": "7 features were expected"}).encode()
    platform.endpoints.answer = (status, {"X-Amzn-ErrorType": "ModelError"}, body)
    answer = await platform.ask(path, {"payload": "1", "content_type": "text/csv"})
    assert answer.status == status
    assert answer.json == {
        "message": "A boto3 ClientError occurred",
        "detailedMessage": "An error occurred (ModelError) when calling the InvokeEndpoint "
        "operation: 7 features were expected",
    }


async def test_an_inference_url_follows_its_pipelines_endpoint(platform: Platform) -> None:
    path = await inference_path(platform)
    await platform.provision(realtime(endpoint_name="other"))
    await platform.ask(path, {"payload": "1", "content_type": "text/csv"})
    assert platform.endpoints.asked[0][1] == "other"
    assert platform.toys.names("endpoint") == ["other"]
