"""`modelyard logs`: what a training job printed."""

from __future__ import annotations

import sys
import time
from typing import Any

from modelyard.cli.connection import Connection

_GROUP = "/aws/sagemaker/TrainingJobs"
_POLL_SECONDS = 0.5
_ENDED = ("Completed", "Failed", "Stopped")


def logs(connection: Connection, job: str, *, follow: bool) -> None:
    """Print a job's log from its beginning; with `follow`, until the job has ended.

    Raises:
        CommandError: there is no such job.
    """
    tokens: dict[str, str] = {}
    while True:
        ended = _status(connection, job) in _ENDED
        _drain(connection, job, tokens)
        if ended or not follow:
            return
        time.sleep(_POLL_SECONDS)


def _status(connection: Connection, job: str) -> str:
    answer = connection.operation("SageMaker.DescribeTrainingJob", {"TrainingJobName": job})
    return str(answer["TrainingJobStatus"])


def _drain(connection: Connection, job: str, tokens: dict[str, str]) -> None:
    """Print what came since `tokens`, of every host of the job."""
    streams: list[dict[str, Any]] = connection.operation(
        "Logs_20140328.DescribeLogStreams",
        {"logGroupName": _GROUP, "logStreamNamePrefix": f"{job}/"},
    )["logStreams"]
    for stream in streams:
        name = stream["logStreamName"]
        # With one host its name says nothing; with several, each line says whose it is.
        prefix = f"{name.partition('/')[2].rpartition('-')[0]}: " if len(streams) > 1 else ""
        while True:
            request = {"logGroupName": _GROUP, "logStreamName": name, "startFromHead": True}
            if name in tokens:
                request["nextToken"] = tokens[name]
            page = connection.operation("Logs_20140328.GetLogEvents", request)
            for event in page["events"]:
                sys.stdout.write(f"{prefix}{event['message']}\n")
            sys.stdout.flush()
            tokens[name] = page["nextForwardToken"]
            if not page["events"]:
                break
