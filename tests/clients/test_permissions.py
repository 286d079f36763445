"""Permissions on a live server: personas, the user's own policies, the commands that explain."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.live import ROLE, LiveServer

ACCOUNT = "123456789012"


def person(server: LiveServer, name: str, *personas: str) -> dict[str, Any]:
    """Create a person; return the arguments of a client that signs with the person's key."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    modelyard(server, "SetPersonas", {"UserName": name, "Personas": list(personas)})
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def modelyard(server: LiveServer, name: str, request: dict[str, Any]) -> Any:
    from modelyard.cli.connection import connect

    return connect(server.home).operation(f"Modelyard.{name}", request)


def await_true(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def refusal(call: Callable[..., Any], **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**members)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(caught.value)


def test_an_auditor_reads_everything_and_changes_nothing(server: LiveServer) -> None:
    keys = person(server, "ann", "auditor")
    sagemaker, s3 = server.client("sagemaker", **keys), server.client("s3", **keys)
    assert sagemaker.list_models()["Models"] is not None
    assert server.bucket in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    said = refusal(sagemaker.delete_model, ModelName="m")
    for named in (
        "sagemaker:DeleteModel",
        f"{ACCOUNT}:model/m",
        "guardrail-auditor",
        "ml-engineer",
    ):
        assert named in said
    refusal(s3.put_object, Bucket=server.bucket, Key="x", Body=b"")


def test_a_person_without_personas_may_nothing(server: LiveServer) -> None:
    keys = person(server, "nobody")
    refusal(server.client("sts", **keys).get_caller_identity)
    refusal(server.client("sagemaker", **keys).list_models)
    refusal(server.client("s3", **keys).list_buckets)


def test_a_policy_of_the_users_holds_without_a_restart_and_lifts_no_guardrail(
    server: LiveServer,
) -> None:
    keys = person(server, "gus", "auditor")
    sagemaker = server.client("sagemaker", **keys)
    folder = server.home / "policies"
    user = f'Modelyard::User::"arn:aws:iam::{ACCOUNT}:user/gus"'
    (folder / "gus.cedar").write_text(
        f'@id("gus-sees-no-models")\n'
        f'forbid (principal == {user}, action == Modelyard::Action::"sagemaker:ListModels",'
        f" resource);"
        f"permit (principal == {user}, action, resource);"
    )
    await_true(lambda: "gus-sees-no-models" in server.cli("policies", "list").stdout)
    assert "gus-sees-no-models" in refusal(sagemaker.list_models)
    assert "guardrail-auditor" in refusal(sagemaker.delete_model, ModelName="m")
    (folder / "gus.cedar").write_text("forbid (principal, action resource);")
    await_true(lambda: "gus.cedar:1:27: unexpected token" in server.cli("policies", "list").stdout)
    assert "gus-sees-no-models" in refusal(sagemaker.list_models)
    checked = server.cli("policies", "check", check=False)
    assert (checked.returncode, "gus.cedar:1:27" in checked.stdout) == (1, True)
    (folder / "gus.cedar").unlink()
    await_true(lambda: "gus" not in server.cli("policies", "list").stdout)
    assert sagemaker.list_models()["Models"] is not None
    assert server.cli("policies", "check", check=False).returncode == 1  # there is no file


def test_the_commands_say_who_may_and_why(server: LiveServer) -> None:
    assert f"arn: arn:aws:iam::{ACCOUNT}:root" in server.cli("whoami").stdout
    yes = server.cli("can", "persona:data-scientist", "sagemaker:CreateModel", "model/m").stdout
    assert yes.startswith("yes: ")
    assert '@id("data-scientist-experiments")' in yes
    no = server.cli("can", "role/modelyard-execution", "s3:DeleteBucket", "s3://b", check=False)
    assert no.returncode == 1
    assert "roles that may: data-owner" in no.stderr
    approval = {
        "ModelApprovalStatus": "Approved",
        "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"},
    }
    asked = ("sagemaker:UpdateModelPackage", "model-package/g/1", "--request", json.dumps(approval))
    refused = server.cli("can", "persona:ml-engineer", *asked, check=False)
    assert "guardrail-production-approval" in refused.stderr
    assert "roles that may: governance-officer" in refused.stderr
    assert server.cli("can", "persona:governance-officer", *asked).returncode == 0


def test_asking_about_others_needs_leave(server: LiveServer) -> None:
    from modelyard.cli.connection import Connection
    from modelyard.cli.errors import CommandError

    made = modelyard(server, "CreatePerson", {"UserName": "sue", "Personas": ["data-scientist"]})
    own = Connection(server.env["AWS_ENDPOINT_URL"], made["BearerToken"])
    asked = {"Action": "sagemaker:ListModels"}
    assert own.operation("Modelyard.Authorize", asked)["Allowed"] is True
    with pytest.raises(CommandError, match="modelyard:Authorize"):
        own.operation("Modelyard.Authorize", {**asked, "Principal": ROLE})


def test_a_simulation_asks_the_same_policies(server: LiveServer) -> None:
    answer = server.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution",
        ActionNames=["sagemaker:CreateModel", "iam:CreateRole"],
        ResourceArns=[f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/m"],
    )
    decisions = [result["EvalDecision"] for result in answer["EvaluationResults"]]
    assert decisions == ["allowed", "explicitDeny"]
