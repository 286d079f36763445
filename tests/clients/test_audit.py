"""The audit log of a live server: through boto3, the command line, and kill -9."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from modelyard.gateway.relay import HEADER, Relay
from modelyard.identity.credentials import bearer_token_of
from tests.clients.people import person
from tests.gateway.live import until
from tests.live import ROLE, XGBOOST, LiveServer

SECRET = "not-the-secret-of-anybody-0123456789"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("audit") / "home").start()
    yield live
    live.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of the test's own, which ends with it."""
    live = LiveServer(tmp_path / "home").start()
    yield live
    live.stop()


def audit(server: LiveServer, *options: str) -> list[dict[str, Any]]:
    printed = server.cli("audit", "--json", *options).stdout
    return [json.loads(line) for line in printed.splitlines()]


def create_model(server: LiveServer, name: str) -> str:
    """Create a model and return the request's id."""
    server.client("s3").put_object(Bucket=server.bucket, Key="m.tar.gz", Body=b"a model")
    answer = server.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": f"s3://{server.bucket}/m.tar.gz"},
    )
    return str(answer["ResponseMetadata"]["RequestId"])


def test_a_call_is_found_by_its_request_id(server: LiveServer) -> None:
    request_id = create_model(server, "audited")
    (record,) = audit(server, "--request-id", request_id)
    assert record["Action"] == "sagemaker:CreateModel"
    assert record["Resource"] == "arn:aws:sagemaker:us-east-1:123456789012:model/audited"
    assert record["Principal"] == record["Person"] == "arn:aws:iam::123456789012:root"
    assert (record["SourceAddress"], record["Door"]) == ("127.0.0.1", "json")
    assert (record["Allowed"], record["Outcome"]) == (True, "ok")


def test_an_object_over_s3_is_found_by_its_resource(server: LiveServer) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket=server.bucket, Key="audited/a", Body=b"a")
    with pytest.raises(ClientError):
        s3.get_object(Bucket=server.bucket, Key="audited/missing")
    found = audit(server, "--resource", f"arn:aws:s3:::{server.bucket}/audited/")
    assert [(record["Action"], record["Outcome"]) for record in found] == [
        ("s3:PutObject", "ok"),
        ("s3:GetObject", "NoSuchKey"),
    ]


def test_strangers_are_found_and_nothing_they_sent_is(server: LiveServer) -> None:
    stranger = server.client("sagemaker", aws_access_key_id="AKIASTRANGER")
    with pytest.raises(ClientError):
        stranger.list_models()
    forged = server.client("sts", aws_secret_access_key=SECRET)
    with pytest.raises(ClientError):
        forged.get_caller_identity()
    anonymous = server.client("s3", aws_access_key_id="AKIAOTHER", aws_secret_access_key=SECRET)
    url = anonymous.generate_presigned_url(
        "get_object", Params={"Bucket": server.bucket, "Key": "a"}
    )
    urllib3.request("GET", url)
    urllib3.request("GET", f"{server.env['AWS_ENDPOINT_URL']}/metrics")
    urllib3.request(
        "GET",
        f"{server.env['AWS_ENDPOINT_URL']}/metrics",
        headers={"Authorization": f"Bearer {SECRET}"},
    )
    found = audit(server, "--denied", "--action", "modelyard:Authenticate")
    assert [(record["Principal"], record["Door"], record["Outcome"]) for record in found] == [
        ("AKIASTRANGER", "json", "UnrecognizedClientException"),
        (server.env["AWS_ACCESS_KEY_ID"], "query", "SignatureDoesNotMatch"),
        ("AKIAOTHER", "s3", "InvalidAccessKeyId"),
        ("nobody", "plain", "MissingAuthenticationToken"),
        ("a bearer token", "plain", "InvalidClientTokenId"),
    ]
    assert all(record["Account"] == "" and not record["Allowed"] for record in found)


def test_no_record_and_no_file_of_the_trail_holds_a_secret(server: LiveServer) -> None:
    server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="session")
    url = server.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": server.bucket, "Key": "a"}
    )
    urllib3.request("GET", url)
    written = json.dumps(audit(server, "--limit", "1000"))
    written += (
        (server.home / "audit-head.json").read_text()
        if (server.home / "audit-head.json").exists()
        else ""
    )
    credentials = json.loads((server.home / "credentials").read_text())
    for name in ("secret_access_key", "token", "sealing_key"):
        assert credentials[name] not in written
    assert SECRET not in written
    assert "X-Amz-Signature" not in written


def test_lines_for_people_hold_no_control_characters(server: LiveServer) -> None:
    with pytest.raises(ClientError):
        unchecked = Config(parameter_validation=False)
        server.client("sagemaker", config=unchecked).describe_model(ModelName="\x1b[31mred")
    (line,) = server.cli("audit", "--limit", "1", "--action", "*:DescribeModel").stdout.splitlines()
    assert "\x1b" not in line
    assert "?[31mred" in line
    assert "ValidationException" in line


def test_a_trail_that_is_whole_verifies(server: LiveServer) -> None:
    done = server.cli("audit", "verify")
    assert "the audit trail is intact" in done.stdout
    head = done.stdout.splitlines()[1].removeprefix("head ")
    assert "intact" in server.cli("audit", "verify", "--head", head).stdout
    wrong = server.cli("audit", "verify", "--head", f"1:{'a' * 64}", check=False)
    assert wrong.returncode == 1
    assert "damaged at record 1" in wrong.stderr


# --- who may look


@pytest.mark.parametrize(
    ("persona", "status"), [("auditor", 200), ("governance-officer", 200), ("data-scientist", 403)]
)
def test_auditors_and_governance_officers_look_and_data_scientists_do_not(
    server: LiveServer, persona: str, status: int
) -> None:
    keys = person(server, f"one-{persona}", "dev", persona).exports
    token = bearer_token_of(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    for operation in ("LookupAuditRecords", "VerifyAuditTrail"):
        answer = urllib3.request(
            "POST",
            server.env["AWS_ENDPOINT_URL"],
            body=b"{}",
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"Modelyard.{operation}",
            },
        )
        assert answer.status == status, answer.data
        (record,) = audit(server, "--request-id", answer.headers["x-amzn-requestid"])
        assert (record["Action"], record["Allowed"]) == (f"modelyard:{operation}", status == 200)


# --- where invocations come from


@pytest.mark.parametrize("served", ["server", "secure"])
def test_an_invocation_has_its_clients_address_whichever_port_it_came_by(
    served: str, request: pytest.FixtureRequest
) -> None:
    live: LiveServer = request.getfixturevalue(served)
    token = json.loads((live.home / "credentials").read_text())["token"]
    forged = Relay.new().introduction("192.0.2.7")
    ports = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME")
    expected = set()
    for number, (port, sent) in enumerate(product(ports, ({}, {HEADER: forged}))):
        source = f"127.0.0.{number + 11}"
        http = urllib3.PoolManager(
            source_address=(source, 0), ca_certs=live.env.get("AWS_CA_BUNDLE"), retries=False
        )
        url = f"{live.env[port]}/endpoints/from-{number}/invocations"
        headers = {"Authorization": f"Bearer {token}", **sent}
        answer = http.request("POST", url, body=b"1", headers=headers)
        assert b"not found" in answer.data
        expected.add((f"endpoint/from-{number}", source))

    def found() -> set[tuple[str, str]]:
        records = audit(live, "--action", "sagemaker:InvokeEndpoint")
        return {(one["Resource"].rpartition(":")[2], one["SourceAddress"]) for one in records}

    assert until(lambda: seen if len(seen := found()) >= len(expected) else set()) == expected


# --- kill -9


def test_after_a_kill_every_change_has_its_record_and_the_chain_is_whole(own: LiveServer) -> None:
    server = own
    ids = [create_model(server, f"m-{number}") for number in range(10)]
    server.client("sagemaker").list_models()
    server.kill()
    server.start()
    recorded = {
        record["RequestId"] for record in audit(server, "--action", "sagemaker:CreateModel")
    }
    assert recorded == set(ids)
    assert "intact" in server.cli("audit", "verify").stdout
    assert server.stop() == 0


def test_what_was_done_to_a_stopped_server_is_found(own: LiveServer) -> None:
    server = own
    for number in range(5):
        create_model(server, f"m-{number}")
    assert server.stop() == 0
    with closing(sqlite3.connect(server.home / "modelyard.db")) as connection:
        connection.execute("DROP TRIGGER audit_records_no_delete")
        connection.execute(
            "DELETE FROM audit_records WHERE sequence > (SELECT MAX(sequence) FROM audit_records)-2"
        )
        connection.commit()
    server.start()
    verified = server.cli("audit", "verify", check=False)
    assert verified.returncode == 1
    assert "cut off" in verified.stderr
    assert "the audit trail's end was cut off" in until(
        lambda: server.log.read_text() if "was cut off" in server.log.read_text() else ""
    )
    assert server.stop() == 0
