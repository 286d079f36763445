"""`modelyard provision`, `status` and `delete`: the orchestrator's calls, with progress."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError
from modelyard.cli.progress import Progress

_POLL_SECONDS = 0.5
_ENDED = ("Completed", "Failed", "Stopped")
_OPEN = ("InProgress", "Stopping")  # of a run


def provision(connection: Connection, file: Path, *, wait: bool) -> None:
    """Provision what a file asks for, and print the answer.

    Raises:
        CommandError: the file is no JSON, the server refuses, or the pipeline or its job fails.
    """
    answer = connection.orchestrator("/provisionpipeline", _body(file))
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    sys.stdout.flush()
    if wait and "pipeline_id" in answer:  # a model card has nothing to wait for
        _finish(follow(connection, answer["pipeline_id"]))


def status(connection: Connection, pipeline_id: str, *, watch: bool) -> None:
    """Print a pipeline's state as JSON; with `watch`, once it has come to rest.

    Raises:
        CommandError: there is no such pipeline, or it (or its job) failed while watched.
    """
    state = (
        follow(connection, pipeline_id)
        if watch
        else connection.orchestrator("/pipelinestatus", {"pipeline_id": pipeline_id})
    )
    if isinstance(state, str):
        sys.stdout.write(state + "\n")
        return
    sys.stdout.write(json.dumps(state, indent=2) + "\n")
    if watch:
        _finish(state)


def delete(connection: Connection, pipeline: str) -> None:
    """Delete a pipeline by its id or name, and print what is kept.

    Raises:
        CommandError: there is no such pipeline.
    """
    key = "pipeline_id" if pipeline.startswith("arn:") else "pipeline_name"
    answer = connection.orchestrator("/deletepipeline", {key: pipeline})
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


def follow(connection: Connection, pipeline_id: str) -> Any:
    """Return a pipeline's state once its run, and the job that it started, have ended.

    Raises:
        CommandError: the job failed or was stopped; the message has its reason.
    """
    with Progress() as progress:
        while True:
            state = connection.orchestrator("/pipelinestatus", {"pipeline_id": pipeline_id})
            if isinstance(state, str):
                progress.say(state)
            elif not _at_rest(state):
                progress.say(_headline(state))
            else:
                return _follow_jobs(connection, pipeline_id, state, progress)
            time.sleep(_POLL_SECONDS)


def _follow_jobs(
    connection: Connection, pipeline_id: str, state: dict[str, Any], progress: Progress
) -> dict[str, Any]:
    """Return the state once the jobs that a pipeline started, if it did, have completed."""
    progress.say(_headline(state))
    while not _failed_actions(state):
        jobs = state.get("jobs", [])
        for job in jobs:
            progress.say(
                f"{_noun(job)} {job['jobName']}: {job.get('secondaryStatus', job['status'])}"
            )
        for job in jobs:
            if job["status"] in _ENDED and job["status"] != "Completed":
                reason = job.get("failureReason") or job.get("secondaryStatus", "it was stopped")
                raise CommandError(f"{_noun(job)} {job['jobName']}: {job['status']}: {reason}")
        if all(job["status"] in (*_ENDED, None) for job in jobs):
            break
        time.sleep(_POLL_SECONDS)
        state = connection.orchestrator("/pipelinestatus", {"pipeline_id": pipeline_id})
    return state


def _noun(job: dict[str, Any]) -> str:
    found = re.search(
        r":(training|transform|hyper-parameter-tuning|automl)-job/", job.get("jobArn", "")
    )
    kind = "training" if found is None else found[1]
    return "Autopilot job" if kind == "automl" else f"{kind.removeprefix('hyper-parameter-')} job"


def _headline(state: dict[str, Any]) -> str:
    stages = [
        f"{stage['stageName']} {stage.get('latestExecution', {}).get('status', 'waiting')}"
        for stage in state["stageStates"]
    ]
    return f"pipeline {state['pipelineName']}: {', '.join(stages)}"


def _at_rest(state: dict[str, Any]) -> bool:
    """Whether the newest run has ended, or waits for a person."""
    return state["execution"]["status"] not in _OPEN or bool(_waiting(state))


def _waiting(state: dict[str, Any]) -> list[str]:
    """Return what a pipeline waits for a person to approve."""
    return [
        action["latestExecution"]["summary"]
        for stage in state["stageStates"]
        for action in stage["actionStates"]
        if action.get("latestExecution", {}).get("token")
    ]


def _failed_actions(state: dict[str, Any]) -> list[str]:
    """Return what went wrong, one line for each failed action."""
    return [
        action["latestExecution"].get("errorDetails", {}).get("message")
        or action["latestExecution"].get("summary")
        or action["actionName"]
        for stage in state["stageStates"]
        for action in stage["actionStates"]
        if action.get("latestExecution", {}).get("status") == "Failed"
        and stage["latestExecution"]["pipelineExecutionId"] == state["execution"]["id"]
    ]


def _finish(state: Any) -> None:
    failed = _failed_actions(state)
    if failed:
        raise CommandError("the pipeline failed: " + "; ".join(failed))
    for text in _waiting(state):
        sys.stderr.write(f"{text}\nThen: modelyard approve {state['pipelineName']}\n")


def _body(file: Path) -> Any:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"{file} is not JSON: {error}") from error
