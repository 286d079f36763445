from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.world import House
from tests.identity.world import ACCOUNT, DEFAULT_ROLE_ARN


def error_of(call: Any, **members: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    response: dict[str, Any] = dict(caught.value.response)
    return response


def form(house: House, body: str, **headers: str) -> tuple[int, str]:
    answer = house.send(
        "POST",
        "/",
        body=body.encode(),
        Content_Type="application/x-www-form-urlencoded; charset=utf-8",
        **headers,
    )
    return answer.status, answer.data.decode()


def test_boto3_learns_who_it_is(house: House) -> None:
    answer = house.client("sts").get_caller_identity()
    assert answer["Account"] == ACCOUNT
    assert answer["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert answer["ResponseMetadata"]["RequestId"]


def test_a_session_works_and_ends(house: House) -> None:
    answer = house.client("sts").assume_role(
        RoleArn=DEFAULT_ROLE_ARN, RoleSessionName="me", DurationSeconds=900
    )
    keys = answer["Credentials"]
    assert keys["Expiration"] == house.now.replace(microsecond=0) + timedelta(seconds=900)
    session = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    identity = house.client("sts", **session).get_caller_identity()
    assert identity["Arn"].endswith(":assumed-role/modelyard-execution/me")
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert house.client("sagemaker", **session).list_models()["Models"]
    refused = error_of(
        house.client("sts", **session).assume_role,
        RoleArn=DEFAULT_ROLE_ARN,
        RoleSessionName="again",
    )
    assert refused["Error"]["Code"] == "AccessDenied"


def test_boto3_decodes_a_roles_policy(house: House) -> None:
    role = house.client("iam").get_role(RoleName="modelyard-execution")["Role"]
    assert role["Arn"] == DEFAULT_ROLE_ARN
    assert role["CreateDate"].tzinfo is not None
    assert role["MaxSessionDuration"] == 43_200
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"


def test_a_missing_role_is_the_clients_own_class(house: House) -> None:
    iam = house.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="nobody"):
        iam.get_role(RoleName="nobody")


def test_lists_in_a_form_arrive_as_lists(house: House) -> None:
    answer = house.client("iam").simulate_principal_policy(
        PolicySourceArn=DEFAULT_ROLE_ARN,
        ActionNames=["sagemaker:CreateModel", "sts:AssumeRole"],
    )
    decisions = [result["EvalDecision"] for result in answer["EvaluationResults"]]
    assert decisions == ["allowed", "explicitDeny"]
    assert answer["IsTruncated"] is False


def test_nested_members_and_numbers_keep_their_types(house: House) -> None:
    answer = house.client("cloudformation").create_stack(
        StackName="s",
        TemplateBody="{}",
        Parameters=[{"ParameterKey": "k", "ParameterValue": "v", "UsePreviousValue": True}],
        TimeoutInMinutes=5,
        Tags=[],
        Capabilities=["CAPABILITY_IAM"],
    )
    assert house.toys.requests[-1][1] == {
        "StackName": "s",
        "TemplateBody": "{}",
        "Parameters": [{"ParameterKey": "k", "ParameterValue": "v", "UsePreviousValue": True}],
        "TimeoutInMinutes": 5,
        "Tags": [],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    assert answer["StackId"] == "<&'\"\ufffd>"  # XML has no way to write a zero character


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("invalid", 400, "ValidationError"),
        ("missing", 400, "ResourceNotFound"),
        ("denied", 403, "AccessDenied"),
        ("full", 507, "InsufficientStorage"),
        ("bug", 500, "InternalFailure"),
    ],
)
def test_boto3_sees_each_failure(house: House, name: str, status: int, code: str) -> None:
    response = error_of(house.client("cloudformation").describe_stacks, StackName=name)
    assert response["Error"]["Code"] == code
    assert response["Error"]["Type"] == ("Receiver" if status >= 500 else "Sender")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert response["ResponseMetadata"]["RequestId"]
    assert "secret" not in response["Error"]["Message"]


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIASTRANGER00000000"}, "InvalidClientTokenId"),
        ({"aws_session_token": "forged"}, "InvalidClientTokenId"),
    ],
)
def test_a_strangers_keys_are_refused(house: House, overrides: dict[str, str], code: str) -> None:
    response = error_of(house.client("sts", **overrides).get_caller_identity)
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_what_is_not_offered_is_named(house: House) -> None:
    response = error_of(house.client("iam").list_groups)
    assert response["Error"]["Code"] == "UnknownOperationException"
    assert "iam:ListGroups" in response["Error"]["Message"]
    response = error_of(house.client("sns").list_topics)
    assert response["Error"]["Code"] == "UnknownOperationException"
    assert "sns:ListTopics" in response["Error"]["Message"]


def test_wrong_members_are_all_named(house: House) -> None:
    members = f"RoleArn={DEFAULT_ROLE_ARN}&RoleSessionName=a+b&DurationSeconds=many&Quux=1"
    status, document = form(house, f"Action=AssumeRole&Version=2011-06-15&{members}")
    assert status == 400
    for named in ("roleSessionName", "durationSeconds", "Quux"):
        assert named in document
    assert "<Code>ValidationError</Code>" in document


@pytest.mark.parametrize(
    "body",
    [
        "Action=GetRole&Version=2010-05-08&RoleName=a&RoleName=b",
        "Action=GetRole&Version=2010-05-08&RoleName=a&RoleName.x=b",
        "Action=GetRole&Version=2010-05-08&RoleName.x=b&RoleName=a",
        "Action=GetRole&Version=2010-05-08&" + ".".join("a" * 40) + "=1",
        "Action=SimulatePrincipalPolicy&Version=2010-05-08&ActionNames.member.one=1",
        "&".join(f"a{number}=1" for number in range(10_001)),
        "Action=%ff",
    ],
)
def test_a_form_that_cannot_be_read_is_a_serialization_error(house: House, body: str) -> None:
    status, document = form(house, body)
    assert status == 400
    assert "<Code>SerializationException</Code>" in document


def test_items_of_a_list_come_in_the_order_of_their_numbers(house: House) -> None:
    names = "".join(f"&ActionNames.member.{n}=sagemaker:A{n}" for n in (10, 2, 1))
    status, document = form(
        house,
        f"Action=SimulatePrincipalPolicy&Version=2010-05-08&PolicySourceArn={DEFAULT_ROLE_ARN}{names}",
    )
    assert status == 200
    found = [
        element.text
        for element in ET.fromstring(document).iter()
        if "EvalActionName" in element.tag
    ]
    assert found == ["sagemaker:A1", "sagemaker:A2", "sagemaker:A10"]


def test_a_bearer_token_needs_no_signature(house: House) -> None:
    status, document = form(house, "Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 200
    assert f"<Account>{ACCOUNT}</Account>" in document


def test_a_presigned_url_is_answered(house: House) -> None:
    url = house.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    answer = house.send("GET", url.removeprefix(house.url), bearer="")
    assert answer.status == 200
    assert f"<Account>{ACCOUNT}</Account>" in answer.data.decode()
    altered = url.removeprefix(house.url).replace("GetCallerIdentity", "GetSessionToken")
    assert house.send("GET", altered, bearer="").status == 403
