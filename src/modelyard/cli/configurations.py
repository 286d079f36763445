"""`modelyard configurations`: what came in by git or by the bucket, and what became of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError

_SHOWN = 20
_COMMIT = re.compile(r"[0-9a-f]{4,40}")


def list_configurations(connection: Connection) -> None:
    """Print a line for each of the newest configurations."""
    answer = connection.operation("Modelyard.ListConfigurations", {"MaxResults": _SHOWN})
    for one in answer["Configurations"]:
        sys.stdout.write(f"{one['CreationTime'][:19]}Z  {one['State']:8}  {_place(one)}\n")


def show(connection: Connection, named: str) -> None:
    """Print what became of a configuration, by its id, or by its commit or the beginning of it.

    Raises:
        CommandError: there is none, or one that failed: then it is printed first.
    """
    found = _found(connection, named)
    sys.stdout.write(f"{_place(found)}: {found['State']}, by {found['By']}\n")
    for problem in found["Problems"]:
        sys.stdout.write(f"  {problem}\n")
    for entry in found["Entries"]:
        now = f" (the pipeline is {entry['PipelineStatus']})" if entry["PipelineStatus"] else ""
        sys.stdout.write(f"  {entry['Label']}: {entry['Message'] or entry['Status']}{now}\n")
        for problem in entry["Problems"]:
            sys.stdout.write(f"    {problem}\n")
    if found["State"] == "failure":
        raise CommandError(f"{found['ConfigurationId']} did not succeed")


def _found(connection: Connection, named: str) -> Mapping[str, Any]:
    if _COMMIT.fullmatch(named) is None:
        answer = connection.operation("Modelyard.DescribeConfiguration", {"ConfigurationId": named})
        return dict(answer)
    answer = connection.operation(
        "Modelyard.ListConfigurations", {"CommitId": named, "MaxResults": _SHOWN}
    )
    found = [one for one in answer["Configurations"] if one.get("CommitId", "").startswith(named)]
    if not found:
        raise CommandError(
            f"nothing was provisioned at {named}: it did not change mlops-config.json, or it is "
            "not in the branch main"
        )
    if len(found) > 1:
        raise CommandError(f"{named} may be {', '.join(one['CommitId'] for one in found)}")
    return dict(found[0])


def _place(one: Mapping[str, Any]) -> str:
    if one.get("CommitId"):
        return f"{one['CommitId']} of {one['RepositoryName']}"
    return f"s3://{one['Bucket']}/{one['Key']} ({one['ConfigurationId']})"
