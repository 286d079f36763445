"""Accounts, people, roles and sessions, as boto3 and the command line see them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.clients.people import (
    DEV,
    ORCHESTRATOR,
    PROD,
    STAGING,
    As,
    administrator,
    exported,
    person,
)
from tests.live import LiveServer

WAIT_SECONDS = 20


def trust(principal: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_role(
    server: LiveServer, account: str, name: str, principal: Any, persona: str = "auditor"
) -> str:
    answer = (
        administrator(server, account)
        .client("iam")
        .create_role(
            RoleName=name,
            AssumeRolePolicyDocument=trust(principal),
            Tags=[{"Key": "modelyard:persona", "Value": persona}],
        )
    )
    return str(answer["Role"]["Arn"])


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def eventually(call: Callable[[], Any], code: str) -> None:
    """Return once `call` fails with `code`; a process of its own is told by message."""
    deadline = time.monotonic() + WAIT_SECONDS
    seen = ""
    while time.monotonic() < deadline:
        try:
            call()
            seen = "no error"
        except ClientError as error:
            seen = error.response["Error"]["Code"]
            if seen == code:
                return
        time.sleep(0.05)
    raise AssertionError(f"it never answered {code}, but {seen}")


def test_the_command_line_lists_and_adds_accounts(server: LiveServer) -> None:
    listed = server.cli("accounts", "list").stdout
    for name, id_ in (("dev", DEV), ("staging", STAGING), ("prod", PROD)):
        assert re.search(rf"^{name} +{id_} +{name} +local$", listed, re.MULTILINE)
    assert "stage prod" in server.cli("accounts", "add", "risk", "--stage", "prod").stdout
    again = server.cli("accounts", "add", "risk", check=False)
    assert again.returncode == 1
    assert "EntityAlreadyExists" in again.stderr


def test_a_user_of_dev_assumes_a_role_of_staging_and_none_of_prod(server: LiveServer) -> None:
    ada = person(server, "ada", "dev", "data-scientist")
    assert ada.arn() == f"arn:aws:iam::{DEV}:user/ada"
    role = make_role(server, "staging", "for-ada", {"AWS": ada.arn()}, "data-scientist")
    there = ada.assume(role)
    assert there.arn() == f"arn:aws:sts::{STAGING}:assumed-role/for-ada/me"
    for name in ("data-scientist", "nobody"):
        refused = code_of(lambda name=name: ada.assume(f"arn:aws:iam::{PROD}:role/{name}"))  # type: ignore[misc]
        assert refused == "AccessDenied"
    own = ada.assume(f"arn:aws:iam::{DEV}:role/data-scientist")
    assert own.arn() == f"arn:aws:sts::{DEV}:assumed-role/data-scientist/me"


def test_accounts_do_not_see_each_others_resources(server: LiveServer) -> None:
    for account in ("dev", "staging"):
        s3 = administrator(server, account).client("s3")
        s3.create_bucket(Bucket=f"only-{account}")
    names = {
        bucket["Name"]
        for bucket in administrator(server, "dev").client("s3").list_buckets()["Buckets"]
    }
    assert f"modelyard-assets-{DEV}" in names
    assert "only-dev" in names
    assert "only-staging" not in names


def test_a_chain_that_loops_is_refused_with_the_chain(server: LiveServer) -> None:
    first = make_role(server, "dev", "first", {"AWS": [DEV, ORCHESTRATOR]})
    second = make_role(server, "dev", "second", {"AWS": DEV})
    root = As(server, server.env)
    deep = root.assume(first).assume(second)
    with pytest.raises(ClientError, match=re.escape(f"{first} -> {second} -> {first}")):
        deep.assume(first)


def test_a_revoked_session_ends_on_the_main_port_and_at_the_gateway(server: LiveServer) -> None:
    role = make_role(server, "dev", "revoked", {"AWS": ORCHESTRATOR})
    session = As(server, server.env).assume(role, "first")
    other = As(server, server.env).assume(role, "second")
    at_gateway = session.client(
        "sagemaker-runtime",
        endpoint_url=server.env["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"],
    )

    def invoke() -> Any:
        return at_gateway.invoke_endpoint(EndpointName="nothing", Body=b"1")

    before = code_of(invoke)
    assert before not in {"ExpiredTokenException", "UnrecognizedClientException"}
    server.cli("sessions", "revoke", "dev/revoked", "--session", "first")
    assert code_of(session.arn) == "ExpiredToken"
    eventually(invoke, "ExpiredTokenException")
    assert other.arn().endswith("/second")


def test_a_users_key_is_known_at_the_gateway_until_its_person_is_removed(
    server: LiveServer,
) -> None:
    gina = person(server, "gina", "dev", "ml-engineer")
    runtime = gina.client(
        "sagemaker-runtime",
        endpoint_url=server.env["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"],
    )

    def invoke() -> Any:
        return runtime.invoke_endpoint(EndpointName="nothing", Body=b"1")

    deadline = time.monotonic() + WAIT_SECONDS
    while code_of(invoke) == "UnrecognizedClientException":
        assert time.monotonic() < deadline, "the gateway never knew the key"
        time.sleep(0.05)
    server.cli("people", "remove", "gina", "--account", "dev")
    eventually(invoke, "UnrecognizedClientException")
    assert code_of(gina.arn) == "InvalidClientTokenId"


def test_a_persons_bearer_token_is_the_persons(server: LiveServer) -> None:
    tom = person(server, "tom", "staging", "auditor")
    with urllib3.PoolManager(retries=False) as http:
        answer = http.request(
            "POST",
            server.env["AWS_ENDPOINT_URL"],
            body=b"{}",
            headers={
                "Authorization": f"Bearer {tom.exports['MODELYARD_TOKEN']}",
                "X-Amz-Target": "Modelyard.WhoAmI",
                "Content-Type": "application/x-amz-json-1.1",
            },
        )
    assert json.loads(answer.data)["Arn"] == f"arn:aws:iam::{STAGING}:user/tom"


def test_a_session_of_the_command_line_names_the_root_as_its_person(server: LiveServer) -> None:
    made = server.cli("env", "--account", "prod", "--as", "auditor", "--session", "look")
    values = exported(made.stdout)
    session = As(server, values)
    assert session.arn() == f"arn:aws:sts::{PROD}:assumed-role/auditor/look"
    assert "MODELYARD_TOKEN" not in values
