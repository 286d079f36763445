"""Small requests for Autopilot jobs, in both forms."""

from __future__ import annotations

from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"
_SOURCE = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data"}}


def first(name: str = "search", **overrides: Any) -> dict[str, Any]:
    """Return a CreateAutoMLJob request; None removes a member."""
    request: dict[str, Any] = {
        "AutoMLJobName": name,
        "InputDataConfig": [{"DataSource": _SOURCE, "TargetAttributeName": "y"}],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out/"},
        "RoleArn": ROLE,
        **overrides,
    }
    return {member: value for member, value in request.items() if value is not None}


def second(name: str = "search", *, tabular: dict[str, Any] | None = None, **overrides: Any) -> Any:
    """Return a CreateAutoMLJobV2 request."""
    return {
        "AutoMLJobName": name,
        "AutoMLJobInputDataConfig": [{"ChannelType": "training", "DataSource": _SOURCE}],
        "AutoMLProblemTypeConfig": {
            "TabularJobConfig": {"TargetAttributeName": "y", **(tabular or {})}
        },
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "RoleArn": ROLE,
        **overrides,
    }


def channel(kind: str = "training", **overrides: Any) -> dict[str, Any]:
    """Return an entry of InputDataConfig."""
    return {
        "ChannelType": kind,
        "DataSource": _SOURCE,
        "TargetAttributeName": "y",
        **overrides,
    }


def candidate(number: int, value: float | None = None, **overrides: Any) -> dict[str, Any]:
    """Return a candidate as the search tells of it."""
    found: dict[str, Any] = {
        "name": f"search-{number + 1:03d}",
        "number": number,
        "algorithm": "lightgbm",
        "config": {"n_estimators": 3},
        "status": "InProgress" if value is None else "Completed",
        "started": 1_000_000 * (number + 1),
        "ended": None if value is None else 1_000_000 * (number + 2),
        "metrics": {} if value is None else {"AUC": value, "LogLoss": 0.5},
        "failure": "",
    }
    return {**found, **overrides}
