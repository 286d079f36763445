"""What several tests ask of a server: an Autopilot job on real data, and its end."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import polars as pl
from sklearn.datasets import load_wine

from tests.clients.jobs import ENDED
from tests.live import ROLE, LiveServer

_VARIETIES = ("barolo", "grignolino", "barbera")


@cache
def wine() -> pl.DataFrame:
    """Return scikit-learn's wines, 178 rows, shuffled, with their varieties in words."""
    data = load_wine()
    columns = {
        name.replace("/", "-"): data.data[:, at] for at, name in enumerate(data.feature_names)
    }
    varieties = [_VARIETIES[number] for number in data.target]
    return pl.DataFrame({**columns, "variety": varieties}).sample(fraction=1, shuffle=True, seed=1)


def autopilot_request(
    server: LiveServer, name: str, *, target: str = "variety", **overrides: Any
) -> dict[str, Any]:
    """Return a small Autopilot job, uploading its data first.

    Args:
        overrides: of the completion criteria, or members of the request.
    """
    server.client("s3").put_object(
        Bucket=server.bucket, Key="autopilot/train.csv", Body=wine().write_csv()
    )
    criteria: dict[str, Any] = {"MaxCandidates": 2}
    request: dict[str, Any] = {
        "AutoMLJobName": name,
        "InputDataConfig": [
            {
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{server.bucket}/autopilot/train.csv",
                    }
                },
                "TargetAttributeName": target,
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{server.bucket}/autopilot-out"},
        "AutoMLJobConfig": {
            "CompletionCriteria": criteria,
            "DataSplitConfig": {"ValidationFraction": 0.3},
        },
        "RoleArn": ROLE,
    }
    for member, value in overrides.items():
        (criteria if member.startswith("Max") else request)[member] = value
    return request


def await_autopilot(server: LiveServer, name: str, seconds: float = 280) -> dict[str, Any]:
    """Return the description of an Autopilot job that has ended."""
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job: dict[str, Any] = sagemaker.describe_auto_ml_job(AutoMLJobName=name)
        if job["AutoMLJobStatus"] in ENDED:
            return job
        time.sleep(0.2)
    raise AssertionError(f"{name} is still {job['AutoMLJobSecondaryStatus']}: {job}")


def candidates_of(server: LiveServer, name: str, **members: Any) -> list[dict[str, Any]]:
    """Return all candidates of an Autopilot job, page by page."""
    pages = server.client("sagemaker").get_paginator("list_candidates_for_auto_ml_job")
    return [
        candidate
        for page in pages.paginate(AutoMLJobName=name, **members)
        for candidate in page["Candidates"]
    ]
