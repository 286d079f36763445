"""`modelyard delete --all`: every pipeline of an account, in the order that works.

Monitors first, since an endpoint that is watched stays; then the rest; of each the newest first,
as the reference has it. What is kept is said, with where it lies.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelyard.cli.acting import query
from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError

_MONITOR = re.compile(r"-byom(data|model)(quality|bias|explainability)monitor(-codepipeline)?$")
_POLL_SECONDS = 0.5
PATIENCE_SECONDS = 1800.0  # for one pipeline


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline's own stack."""

    id: str
    name: str
    created: datetime

    @property
    def is_monitor(self) -> bool:
        return _MONITOR.search(self.name) is not None


def in_order(pipelines: Sequence[Pipeline]) -> list[Pipeline]:
    """Return pipelines in the order in which they can go."""
    newest_first = sorted(pipelines, key=lambda one: one.created, reverse=True)
    return sorted(newest_first, key=lambda one: not one.is_monitor)


def delete_all(connection: Connection, *, confirm: Callable[[str], bool] | None) -> None:
    """Delete every pipeline, wait until all are gone, and print what is kept.

    Args:
        confirm: asks the user whether to go on; None: nobody is asked.

    Raises:
        CommandError: the user does not want it, or something could not be deleted.
    """
    found = in_order(_pipelines(connection))
    for one in found:
        sys.stdout.write(f"{one.name}  {one.created:%Y-%m-%d %H:%M:%SZ}\n")
    sys.stdout.flush()
    if not found:
        sys.stdout.write("there is no pipeline\n")
    elif confirm is not None and not confirm(
        f"Delete these {len(found)} pipelines, with all that they deployed, in every stage?"
    ):
        raise CommandError("nothing was deleted")
    kept: dict[str, None] = {}
    failed: list[str] = []
    for one in found:
        try:
            answer = connection.orchestrator("/deletepipeline", {"pipeline_id": one.id})
            kept.update(dict.fromkeys(answer["retained"]))
            reason = _gone(connection, one)
        except CommandError as error:
            reason = str(error)
        sys.stdout.write(f"{one.name}: {'deleted' if reason is None else f'kept: {reason}'}\n")
        sys.stdout.flush()
        if reason is not None:
            failed.append(one.name)
    _tell_kept(connection, list(kept))
    if failed:
        raise CommandError(f"could not be deleted: {', '.join(failed)}: mend it, then run it again")


def _pipelines(connection: Connection) -> list[Pipeline]:
    found: list[Pipeline] = []
    members: dict[str, Any] = {}
    while True:
        page = query(connection, "cloudformation", "DescribeStacks", **members)
        found += [
            Pipeline(id=one["StackId"], name=one["StackName"], created=one["CreationTime"])
            for one in page.get("Stacks", [])
            if any(output["OutputKey"] == "Pipelines" for output in one.get("Outputs", []))
        ]
        if not page.get("NextToken"):
            return found
        members = {"NextToken": page["NextToken"]}


def _gone(connection: Connection, pipeline: Pipeline) -> str | None:
    """Wait until a pipeline is gone; return why it is not, or None."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = query(connection, "cloudformation", "DescribeStacks", StackName=pipeline.id)
        (stack,) = answer["Stacks"]
        if stack["StackStatus"] == "DELETE_COMPLETE":
            return None
        if stack["StackStatus"] == "DELETE_FAILED":
            return str(stack.get("StackStatusReason") or "DELETE_FAILED")
        time.sleep(_POLL_SECONDS)
    return f"it is still being deleted after {PATIENCE_SECONDS:.0f} s"


def _tell_kept(connection: Connection, kept: Sequence[str]) -> None:
    """Print what is kept, and where: nothing of it is ever deleted along with pipelines."""
    sys.stdout.write("kept:\n")
    for place in kept:
        sys.stdout.write(f"  {place}\n")
    for what, told in (("assets buckets", _buckets), ("model registry", _groups)):
        try:
            found = told(connection)
        except CommandError as error:
            found = [f"not looked into: {error}"]
        sys.stdout.write(f"  {what}: {', '.join(found) or 'none'}\n")
    sys.stdout.write(
        "  images, the configuration repository and bucket, records, logs and keys: "
        "in the server's home\n"
    )


def _buckets(connection: Connection) -> list[str]:
    answer: Mapping[str, Any] = connection.operation("Modelyard.ListAccounts", {})
    return [f"s3://{one['AssetsBucket']} ({one['Name']})" for one in answer["Accounts"]]


def _groups(connection: Connection) -> list[str]:
    answer = connection.operation("SageMaker.ListModelPackageGroups", {"MaxResults": 100})
    return [str(one["ModelPackageGroupArn"]) for one in answer["ModelPackageGroupSummaryList"]]
