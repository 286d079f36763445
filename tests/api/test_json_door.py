from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.api.world import CREATED, FAILURES, House
from tests.identity.world import ACCOUNT


def error_of(call: Any, **members: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    response: dict[str, Any] = dict(caught.value.response)
    return response


def raw(house: House, body: bytes, target: str = "SageMaker.ListModels") -> tuple[int, Any]:
    answer = house.send(
        "POST", "/", body=body, X_Amz_Target=target, Content_Type="application/x-amz-json-1.1"
    )
    return answer.status, json.loads(answer.data)


def test_boto3_gets_what_the_operation_answered(house: House) -> None:
    answer = house.client("sagemaker").list_models(
        CreationTimeBefore=datetime(2024, 1, 1, tzinfo=UTC), MaxResults=5
    )
    [model] = answer["Models"]
    assert model == {"ModelName": "m", "ModelArn": "a" * 20, "CreationTime": CREATED}
    assert "NextToken" not in answer
    context, request = house.toys.requests[-1]
    assert request == {"CreationTimeBefore": datetime(2024, 1, 1, tzinfo=UTC), "MaxResults": 5}
    assert (context.account, context.region) == (ACCOUNT, "us-east-1")
    assert context.principal.is_root
    assert context.source == "127.0.0.1"
    assert answer["ResponseMetadata"]["RequestId"] == context.request_id


def test_an_empty_list_stays_and_no_output_is_an_empty_body(house: House) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/m"
    assert house.client("sagemaker").list_tags(ResourceArn=arn)["Tags"] == []
    house.client("sagemaker").delete_model(ModelName="m")
    answer = house.send(
        "POST", "/", body=b'{"ModelName": "m"}', X_Amz_Target="SageMaker.DeleteModel"
    )
    assert (answer.status, answer.data) == (200, b"")


def test_the_region_is_the_signatures(house: House) -> None:
    house.client("sagemaker", region_name="eu-central-1").list_models()
    assert house.toys.requests[-1][0].region == "eu-central-1"


def test_a_bearer_token_is_as_good(house: House) -> None:
    assert raw(house, b"{}")[0] == 200
    assert house.toys.requests[-1][0].region == "us-east-1"
    answer = house.send(
        "POST", "/", X_Amz_Target="SageMaker.ListModels", X_Modelyard_Region="eu-west-3"
    )
    assert answer.status == 200
    assert house.toys.requests[-1][0].region == "eu-west-3"
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("invalid", 400, "ValidationException"),
        ("missing", 400, "ResourceNotFound"),
        ("in-use", 400, "ResourceInUse"),
        ("limit", 400, "ResourceLimitExceeded"),
        ("conflict", 400, "ConflictException"),
        ("denied", 403, "AccessDeniedException"),
        ("full", 507, "InsufficientStorage"),
        ("token", 400, "ValidationException"),
        ("bug", 500, "InternalFailure"),
    ],
)
def test_boto3_sees_each_failure(house: House, name: str, status: int, code: str) -> None:
    assert name in FAILURES
    client = house.client("sagemaker")
    response = error_of(client.describe_model, ModelName=name)
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    if name == "bug":
        assert response["ResponseMetadata"]["RequestId"] in response["Error"]["Message"]
        assert "secret" not in response["Error"]["Message"]
    else:
        assert response["Error"]["Message"] == "m"


def test_a_modelled_failure_is_the_clients_own_class(house: House) -> None:
    client = house.client("sagemaker")
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_model(ModelName="missing")
    logs = house.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName="g")


def test_an_operation_that_is_not_offered_is_named(house: House) -> None:
    response = error_of(house.client("sagemaker").list_projects)
    assert response["Error"]["Code"] == "UnknownOperationException"
    assert "sagemaker:ListProjects" in response["Error"]["Message"]
    status, error = raw(house, b"{}", "DynamoDB_20120810.PutItem")
    assert (status, error["__type"]) == (400, "UnknownOperationException")
    assert "DynamoDB_20120810.PutItem" in error["message"]


@pytest.mark.parametrize("target", ["", ".", "SageMaker", "SageMaker.", "SageMaker.ä", "a.b.c"])
def test_an_odd_target_is_not_offered(house: House, target: str) -> None:
    status, error = raw(house, b"{}", target)
    assert (status, error["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    "body",
    [
        b'{"MaxResults": ',
        b"[]",
        b"7",
        b"\xff\xfe",
        b'{"MaxResults": NaN}',
        b'{"NextToken": "\\ud800"}',
        b'{"NextToken": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"NextToken": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_json_object_is_a_serialization_error(house: House, body: bytes) -> None:
    status, error = raw(house, body)
    assert (status, error["__type"]) == (400, "SerializationException")


def test_a_wrong_member_is_a_validation_error(house: House) -> None:
    status, error = raw(house, b'{"MaxResult": 5}')
    assert (status, error["__type"]) == (400, "ValidationException")
    assert "did you mean 'MaxResults'" in error["message"]


def test_a_body_of_more_than_a_megabyte_is_refused(house: House) -> None:
    status, error = raw(house, b"x" * ((1 << 20) + 1))
    assert (status, error["__type"]) == (413, "RequestEntityTooLarge")


def test_json_1_0_is_answered_in_kind(house: House) -> None:
    answer = house.send(
        "POST",
        "/",
        X_Amz_Target="SageMaker.ListModels",
        Content_Type="application/x-amz-json-1.0; charset=utf-8",
    )
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIASTRANGER00000000"}, "UnrecognizedClientException"),
        ({"aws_session_token": "forged"}, "UnrecognizedClientException"),
    ],
)
def test_a_strangers_keys_are_refused(house: House, overrides: dict[str, str], code: str) -> None:
    response = error_of(house.client("sagemaker", **overrides).list_models)
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_signature_for_another_service_is_refused(house: House) -> None:
    client = house.client("sagemaker")
    client.meta.events.register(
        "before-sign.sagemaker.ListModels",
        lambda request, **_: request.context.update(signing={"signing_name": "logs"}),
    )
    response = error_of(client.list_models)
    assert response["Error"]["Code"] == "InvalidSignatureException"
    assert "'sagemaker'" in response["Error"]["Message"]


def test_many_requests_at_once_are_answered(house: House) -> None:
    client = house.client("sagemaker", config=Config(max_pool_connections=16))
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: client.list_models()["Models"][0]["ModelName"], range(64))
        )
    assert answers == ["m"] * 64
