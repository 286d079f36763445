from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from modelyard.account_settings import AccountSettings, default_accounts
from modelyard.identity.accounts import ensure_accounts
from modelyard.identity.aws_accounts import AwsClients, boto3_session
from modelyard.identity.principals import session_of
from modelyard.operations.errors import ValidationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Request, Response, operation
from modelyard.operations.targets import named
from tests.identity.world import ACCOUNT, World
from tests.policies import Denying

PROD, DEV = "456789012345", "234567890123"
ROLE = f"arn:aws:iam::{PROD}:role/deployer"
MODEL = f"arn:aws:sagemaker:eu-west-1:{PROD}:model/m"


class LocalModels:
    """The operation as this server has it; no call of an AWS account may end here."""

    @operation("sagemaker", "DescribeModel", on=named("model", "ModelName"))
    def describe_model(self, context: Any, request: Request) -> Response:
        raise RuntimeError("it was carried out here")


class Cloud:
    """boto3's sessions with stubbed clients: nothing leaves the machine."""

    def __init__(self) -> None:
        self.sessions: list[tuple[str, str]] = []
        self.options: list[dict[str, str]] = []
        self.stubs: dict[str, Stubber] = {}
        self.clients: dict[str, Any] = {}
        for service in ("sts", "sagemaker"):
            self.clients[service] = boto3.session.Session().client(
                service,
                region_name="eu-west-1",
                aws_access_key_id="stub",
                aws_secret_access_key="stub",
            )
            self.stubs[service] = Stubber(self.clients[service])
            self.stubs[service].activate()

    def session(self, profile: str, region: str) -> Cloud:
        self.sessions.append((profile, region))
        return self

    def client(self, service: str, **options: Any) -> Any:
        if service != "sts":
            self.options.append(options)
        return self.clients[service]


class Place:
    def __init__(self, home: World, role: str = ROLE) -> None:
        self.home = home
        self.cloud = Cloud()
        self.policy = Denying()
        table = OperationTable(Schema(), self.policy)
        table.add(LocalModels())
        prod = AccountSettings(
            name="prod",
            id=PROD,
            stage="prod",
            provider="aws",
            profile="company",
            region="eu-west-1",
            role_arn=role,
        )
        every = {**default_accounts(ACCOUNT), "prod": prod}
        ensure_accounts(home.store, ACCOUNT, every, lambda account: None)
        self.clients = AwsClients(home.store, table, ACCOUNT, self.cloud.session, now=home.clock)

    def client(self, account: str = PROD) -> Any:
        person = f"arn:aws:iam::{ACCOUNT}:user/ada"
        role = f"arn:aws:iam::{account}:role/pipeline-role"
        context = self.home.context(session_of(role, "run", person=person))
        return self.clients.client(context, "sagemaker")

    def lets_assume(self, key: str, seconds: int = 3600) -> None:
        credentials = {
            "AccessKeyId": key * 16,
            "SecretAccessKey": "secret",
            "SessionToken": "token",
            "Expiration": self.home.clock() + timedelta(seconds=seconds),
        }
        self.cloud.stubs["sts"].add_response(
            "assume_role",
            {"Credentials": credentials},
            {"RoleArn": ROLE, "RoleSessionName": "user-ada"},
        )

    def has_model(self) -> None:
        answer = {
            "ModelName": "m",
            "ModelArn": MODEL,
            "CreationTime": self.home.clock(),
        }
        self.cloud.stubs["sagemaker"].add_response("describe_model", answer, {"ModelName": "m"})


def test_an_account_of_aws_is_asked_there_in_the_persons_name(home: World) -> None:
    place = Place(home)
    place.lets_assume("A")
    place.has_model()
    assert place.client().describe_model(ModelName="m")["ModelArn"] == MODEL
    assert place.cloud.sessions == [("company", "eu-west-1")]
    assert place.cloud.options[0]["aws_access_key_id"] == "A" * 16
    assert place.policy.asked == ["sagemaker:DescribeModel"]


def test_credentials_are_kept_until_they_are_about_to_end(home: World) -> None:
    place = Place(home)
    for key in "AB":
        place.lets_assume(key)
    place.client()
    home.clock.advance(3600 - 301)
    place.client()
    home.clock.advance(2)
    place.client()
    used = [options["aws_access_key_id"][0] for options in place.cloud.options]
    assert used == ["A", "A", "B"]


def test_a_profile_without_a_role_acts_itself(home: World) -> None:
    place = Place(home, role="")
    place.has_model()
    assert place.client().describe_model(ModelName="m")
    assert place.cloud.options == [{"region_name": "eu-west-1"}]


def test_what_the_policy_forbids_never_reaches_aws(home: World) -> None:
    place = Place(home, role="")
    place.policy.denied.add("sagemaker:DescribeModel")
    with pytest.raises(ClientError) as caught:
        place.client().describe_model(ModelName="m")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_what_aws_answers_is_what_the_caller_gets(home: World) -> None:
    place = Place(home, role="")
    place.cloud.stubs["sagemaker"].add_client_error("describe_model", "ValidationException", "no")
    with pytest.raises(ClientError) as caught:
        place.client().describe_model(ModelName="m")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_what_this_server_does_not_offer_is_not_offered_there(home: World) -> None:
    place = Place(home, role="")
    with pytest.raises(ClientError) as caught:
        place.client().delete_model(ModelName="m")
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    with pytest.raises(AttributeError, match="no operation"):
        place.client().walk_the_dog()


def test_an_account_of_this_server_has_no_client_elsewhere(home: World) -> None:
    assert Place(home).client(DEV) is None


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with pytest.raises(ValidationError, match="nowhere"):
        boto3_session("nowhere", "us-east-1")
