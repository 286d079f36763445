"""Integration tests that are scripts: what they are given, and how they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from modelyard.orchestrator.delivery.opened_endpoint import EndpointOpener
from tests.orchestrator.platform import Endpoints
from tests.orchestrator.stages import MIA, TESTS, Stages
from tests.orchestrator.world import REGION, caller, new_store

ASKS = b"""
import os, urllib.request
rows = open("data/rows.csv", "rb").read()
request = urllib.request.Request(
    os.environ["MODELYARD_ENDPOINT_URL"],
    data=rows,
    headers={
        "Authorization": "Bearer " + os.environ["MODELYARD_ENDPOINT_TOKEN"],
        "Content-Type": "text/csv",
    },
)
answer = float(urllib.request.urlopen(request).read())
print("answered", answer)
assert 0 <= answer <= 0.5, answer
"""


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Stages]:
    with new_store() as store:
        made = Stages(store, tmp_path)
        made.upload("models/model.tar.gz")
        yield made


def message(stages: Stages, name: str) -> str:
    return str(stages.action(name, "DeployDev", "TestDev")["errorDetails"]["message"])


async def test_a_script_asks_the_endpoint_of_each_stage_and_passes_ahead_of_the_approval(
    stages: Stages,
) -> None:
    stages.put(f"{TESTS}/smoke.py", ASKS)
    stages.put(f"{TESTS}/rows.csv", b"1,2")
    stages.put_test("low", payload="1,2", expected=0.25)
    name = await stages.deliver(integration_tests=TESTS)
    approval = stages.action(name, "DeployDev", "DeployStaging")["summary"]
    assert approval.endswith("Integration tests: 2 of 2 passed")
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    asked = [(endpoint, body) for _, endpoint, body, _ in stages.endpoints.asked]
    assert asked == [("churn-dev", b"1,2")] * 2 + [("churn-staging", b"1,2")] * 2


async def test_a_script_that_fails_fails_its_stage_with_the_last_it_said(stages: Stages) -> None:
    stages.endpoints.answer = (200, {"content-type": "text/csv"}, b"0.75")
    stages.put(f"{TESTS}/smoke.py", ASKS)
    stages.put(f"{TESTS}/rows.csv", b"1,2")
    name = await stages.deliver(integration_tests=TESTS)
    assert stages.statuses(name) == ["Succeeded", "Failed", None, None]
    said = message(stages, name)
    assert said.startswith("smoke.py: ended with the exit code 1: answered 0.75")
    assert "AssertionError: 0.75" in said


async def test_a_script_that_hangs_is_ended_and_said(stages: Stages) -> None:
    stages.put(f"{TESTS}/hang.py", b"import time\nprint('begun', flush=True)\ntime.sleep(3600)")
    name = await stages.deliver(integration_tests=TESTS, integration_tests_max_seconds=5)
    assert stages.statuses(name) == ["Succeeded", "Failed", None, None]
    said = message(stages, name)
    assert said.startswith("hang.py: did not end, and was ended: all tests together have their")
    assert said.endswith(": begun")


async def test_a_script_sees_nothing_of_the_servers_environment(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_SERVER", "x")
    stages.put(f"{TESTS}/look.py", b"import os\nassert 'A_SECRET_OF_THE_SERVER' not in os.environ")
    name = await stages.deliver(integration_tests=TESTS)
    assert stages.action(name, "DeployDev", "TestDev")["status"] == "Succeeded"


async def test_the_credentials_open_one_endpoint_and_end_with_the_script() -> None:
    endpoints = Endpoints()

    def ask(told: dict[str, str]) -> None:
        client = boto3.session.Session().client(
            "sagemaker-runtime",
            endpoint_url=told["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
            config=Config(retries={"max_attempts": 0}),
        )
        answer = client.invoke_endpoint(EndpointName="churn", Body=b"1", ContentType="text/csv")
        assert answer["Body"].read() == b"0.25"
        with pytest.raises(ClientError):
            client.invoke_endpoint(EndpointName="other", Body=b"1")
        for name in ("Bearer nothing", f"Bearer {told['AWS_SECRET_ACCESS_KEY']}", "Basic eDp5"):
            assert post(told, name) == 403

    async with EndpointOpener(endpoints.invoke)(caller(), "churn") as opened:
        told = dict(opened.environment)
        await asyncio.to_thread(ask, told)
    assert endpoints.asked == [(REGION, "churn", b"1", "text/csv")]
    with pytest.raises(urllib3.exceptions.HTTPError):
        await asyncio.to_thread(post, told, "")


def post(told: dict[str, Any], authorization: str) -> int:
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(
            "POST",
            told["MODELYARD_ENDPOINT_URL"],
            body=json.dumps([1]).encode(),
            headers={"Authorization": authorization},
        )
    return answer.status
