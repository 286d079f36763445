"""The aws CLI with nothing but what `modelyard env` exports, and AWS_ENDPOINT_URL alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.jobs import deploy, train
from tests.data import breast_cancer
from tests.live import LiveServer, clean_environment

AWS = Path(sys.executable).with_name("aws")


def aws(server: LiveServer, *arguments: str) -> str:
    exported = {
        name: value
        for name, value in server.env.items()
        if name != "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
    }
    ran = subprocess.run(
        [AWS, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**clean_environment(), **exported},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def answer(server: LiveServer, *arguments: str) -> Any:
    return json.loads(aws(server, *arguments, "--output", "json"))


def test_objects_are_copied_listed_and_synchronised(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "a b.csv").write_text("1,2\n")
    aws(server, "s3", "mb", "s3://cli-bucket")
    aws(server, "s3", "sync", str(tmp_path / "up"), "s3://cli-bucket/data")
    assert "a b.csv" in aws(server, "s3", "ls", "s3://cli-bucket/data/")
    aws(server, "s3", "cp", "s3://cli-bucket/data/a b.csv", str(tmp_path / "down.csv"))
    assert (tmp_path / "down.csv").read_text() == "1,2\n"


def test_jobs_are_listed_and_endpoints_invoked(server: LiveServer, tmp_path: Path) -> None:
    job = train(server, "aws-cli")
    deploy(server, "aws-cli", job["ModelArtifacts"]["S3ModelArtifacts"])
    listed = answer(server, "sagemaker", "list-training-jobs", "--name-contains", "aws-cli")
    assert [each["TrainingJobStatus"] for each in listed["TrainingJobSummaries"]] == ["Completed"]
    (tmp_path / "row.csv").write_text(breast_cancer().test_csv.splitlines()[0])
    target = tmp_path / "answer.csv"
    invoked = answer(
        server,
        *("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "aws-cli"),
        *("--content-type", "text/csv", "--body", f"fileb://{tmp_path / 'row.csv'}", str(target)),
    )
    assert invoked["InvokedProductionVariant"] == "AllTraffic"
    assert 0.0 <= float(target.read_text()) <= 1.0


@pytest.mark.parametrize("service", ["sts get-caller-identity", "iam get-role --role-name"])
def test_identity_is_told(server: LiveServer, service: str) -> None:
    arguments = service.split()
    if arguments[-1] == "--role-name":
        arguments.append("modelyard-execution")
    assert "123456789012" in aws(server, *arguments)
