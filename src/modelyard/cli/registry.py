"""`modelyard register` and `modelyard models …` call the registry's operations."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError


def register(
    connection: Connection,
    group: str,
    source: str,
    metrics: Sequence[Path],
    given: Mapping[str, str | None],
) -> None:
    """Register a model, in a group that is made if it is not there, and print its ARN.

    Raises:
        CommandError: a file holds no metrics, or the server refuses.
    """
    request: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    read = {name: value for path in metrics for name, value in _metrics(path).items()}
    if read:
        request["Metrics"] = read
    if not group.startswith("arn:"):
        try:
            connection.operation(
                "SageMaker.CreateModelPackageGroup", {"ModelPackageGroupName": group}
            )
        except CommandError as error:
            if "already exists" not in str(error):
                raise
    answer = connection.operation(
        "Modelyard.RegisterModelFrom",
        {"ModelPackageGroupName": group, "SourceUri": source, **request},
    )
    _print(answer)


def list_models(connection: Connection, group: str | None) -> None:
    """Print a line for each group, or for each version of one."""
    if group is None:
        for found in _all(connection, "ListModelPackageGroups", {}, "ModelPackageGroupSummaryList"):
            sys.stdout.write(f"{found['ModelPackageGroupName']}\n")
        return
    request = {"ModelPackageGroupName": group}
    for found in _all(connection, "ListModelPackages", request, "ModelPackageSummaryList"):
        stage = found.get("ModelLifeCycle", {})
        shown = " ".join(str(stage[key]) for key in ("Stage", "StageStatus") if key in stage)
        name = found["ModelPackageArn"].partition("model-package/")[2]
        sys.stdout.write(f"{name:40} {found['ModelApprovalStatus']:24} {shown}".rstrip() + "\n")


def show(connection: Connection, version: str) -> None:
    """Print a version as JSON, with its approvals."""
    described = connection.operation(
        "SageMaker.DescribeModelPackage", {"ModelPackageName": version}
    )
    approval = connection.operation("Modelyard.DescribeApproval", {"ModelPackageName": version})
    _print({**described, "Approval": approval})


def decide(
    connection: Connection, version: str, status: str, reason: str, stage: str | None
) -> None:
    """Approve or reject a version or a stage, and print how it stands.

    Raises:
        CommandError: the approval policy does not allow it; the message says why.
    """
    described = connection.operation(
        "SageMaker.DescribeModelPackage", {"ModelPackageName": version}
    )
    request: dict[str, Any] = {"ModelPackageArn": described["ModelPackageArn"]}
    if stage is None:
        request |= {"ModelApprovalStatus": status, "ApprovalDescription": reason}
    else:
        request["ModelLifeCycle"] = {
            "Stage": stage,
            "StageStatus": status,
            "StageDescription": reason,
        }
    connection.operation("SageMaker.UpdateModelPackage", request)
    approval = connection.operation("Modelyard.DescribeApproval", {"ModelPackageName": version})
    _print({key: approval[key] for key in ("ModelPackageArn", "ModelApprovalStatus", "Approvals")})


def _all(
    connection: Connection, operation: str, request: Mapping[str, Any], member: str
) -> Sequence[Any]:
    found: list[Any] = []
    token: str | None = None
    while True:
        page = connection.operation(
            f"SageMaker.{operation}",
            {**request, "MaxResults": 100, **({"NextToken": token} if token else {})},
        )
        found += page[member]
        token = page.get("NextToken")
        if not token:
            return found


def _metrics(path: Path) -> dict[str, str]:
    try:
        said = json.loads(path.read_text())
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}") from error
    if not isinstance(said, dict) or any(isinstance(one, dict | list) for one in said.values()):
        raise CommandError(f'{path} must hold numbers by their names, as {{"auc": 0.97}}')
    return {str(name): str(value) for name, value in said.items()}


def _print(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
