"""AssumeRoleWithWebIdentity as boto3 calls it: unsigned, with a local issuer's token."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.identity.issuer import AUDIENCE, Issuer, listening
from tests.live import LiveServer

ACCOUNT = "123456789012"


class Federation:
    """A server that knows a local issuer, and a role for that issuer's main branches."""

    def __init__(self, server: LiveServer, issuer: Issuer) -> None:
        self.server = server
        self.issuer = issuer
        host = issuer.url.partition("://")[2]
        iam = server.client("iam")
        provider = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=[AUDIENCE])
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringLike": {f"{host}:sub": "repo:org/*:ref:refs/heads/main"}},
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self.role = iam.create_role(
            RoleName="ci",
            AssumeRolePolicyDocument=json.dumps(document),
            Tags=[{"Key": "modelyard:persona", "Value": "auditor"}],
        )["Role"]["Arn"]

    def assume(self, **claims: Any) -> dict[str, Any]:
        sts = self.server.client("sts", config=Config(signature_version=UNSIGNED))
        answer: dict[str, Any] = sts.assume_role_with_web_identity(
            RoleArn=self.role,
            RoleSessionName="build",
            WebIdentityToken=self.issuer.token(now=time.time(), **claims),
        )
        return answer


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    issuer = Issuer()
    with listening(issuer) as port:
        issuer.url = f"http://127.0.0.1:{port}/realm"
        home: Path = tmp_path_factory.mktemp("federation") / "home"
        environment = {"MODELYARD_OUTBOUND_ALLOWED_HOSTS": "127.0.0.1"}
        server = LiveServer(home, environment=environment).start()
        try:
            yield Federation(server, issuer)
        finally:
            assert server.stop() == 0, server.log.read_text()


def test_a_token_is_all_that_a_pipeline_needs(federation: Federation) -> None:
    keys = federation.assume()["Credentials"]
    session = federation.server.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build"
    assert session.get_caller_identity()["Arn"] == arn


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 1}, "ExpiredTokenException"),
        ({"aud": "another"}, "InvalidIdentityToken"),
        ({"sub": "repo:org/x:ref:refs/heads/other"}, "AccessDenied"),
    ],
)
def test_a_token_that_does_not_do_is_refused(
    federation: Federation, claims: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        federation.assume(**claims)
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    "body",
    [
        "Action=AssumeRole&Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2011-06-15",
        "Action=AssumeRoleWithWebIdentity&Version=2010-05-08",
        "Action=AssumeRoleWithWebIdentity",
        "Action=AssumeRole&Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
        "nonsense",
        "",
    ],
)
def test_nothing_else_passes_unsigned(federation: Federation, body: str) -> None:
    with urllib3.PoolManager(retries=False) as http:
        answer = http.request(
            "POST",
            federation.server.env["AWS_ENDPOINT_URL"],
            body=body.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    assert answer.status == 403
    assert b"MissingAuthenticationToken" in answer.data
