"""`modelyard pipelines`, `approve`, `retry` and their neighbours: CodePipeline's calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError

_SERVICE = "CodePipeline_20150709"
_STOPPED = ("Failed", "Stopped", "Cancelled")

State = Mapping[str, Any]


def list_pipelines(connection: Connection) -> None:
    """Print a line for each pipeline: its name, and how far each stage is."""
    names = [str(one["name"]) for one in _all(connection, "ListPipelines", {}, "pipelines")]
    wide = max([len(name) for name in names], default=0)
    for name in names:
        try:
            state = _call(connection, "GetPipelineState", {"name": name})
        except CommandError as error:
            if "PipelineNotFoundException" in str(error):
                continue  # deleted meanwhile
            raise
        stages = ", ".join(_told(stage) for stage in state["stageStates"])
        sys.stdout.write(f"{name:{wide}}  {stages}\n")


def decide(
    connection: Connection, pipeline: str, status: str, reason: str, stage: str | None
) -> None:
    """Approve or reject what a pipeline waits for.

    Raises:
        CommandError: nothing waits, or the caller may not decide.
    """
    state = _state(connection, pipeline, _waits)
    waiting = [
        (one["stageName"], action["actionName"], action["latestExecution"]["token"])
        for one in state["stageStates"]
        for action in one["actionStates"]
        if action.get("latestExecution", {}).get("token")
        and stage in (None, one["stageName"], action["actionName"])
    ]
    if not waiting:
        said = ", ".join(_told(one) for one in state["stageStates"])
        raise CommandError(f"{state['pipelineName']} waits for no approval: {said}")
    in_stage, action, token = waiting[0]
    _call(
        connection,
        "PutApprovalResult",
        {
            "pipelineName": state["pipelineName"],
            "stageName": in_stage,
            "actionName": action,
            "token": token,
            "result": {"status": status, "summary": reason},
        },
    )
    sys.stdout.write(f"{status}: {action} of {state['pipelineName']}\n")


def retry(connection: Connection, pipeline: str, stage: str | None, *, whole: bool) -> None:
    """Begin a stage once more that failed or was stopped.

    Raises:
        CommandError: none is, or the caller may not.
    """
    state = _state(connection, pipeline, _has_failed)
    failed = [
        one
        for one in state["stageStates"]
        if one.get("latestExecution", {}).get("status") in _STOPPED
        and stage in (None, one["stageName"])
    ]
    if not failed:
        said = ", ".join(_told(one) for one in state["stageStates"])
        raise CommandError(f"nothing of {state['pipelineName']} failed: {said}")
    _call(
        connection,
        "RetryStageExecution",
        {
            "pipelineName": state["pipelineName"],
            "stageName": failed[0]["stageName"],
            "pipelineExecutionId": failed[0]["latestExecution"]["pipelineExecutionId"],
            "retryMode": "ALL_ACTIONS" if whole else "FAILED_ACTIONS",
        },
    )
    sys.stdout.write(f"{failed[0]['stageName']} of {state['pipelineName']} is retried\n")


def stop(connection: Connection, pipeline: str, reason: str, *, abandon: bool) -> None:
    """Stop a pipeline's run.

    Raises:
        CommandError: none runs, or the caller may not.
    """
    name = _state(connection, pipeline)["pipelineName"]
    execution = next(_executions(connection, name), None)
    if execution is None:
        raise CommandError(f"{name} has no run")
    id_ = execution["pipelineExecutionId"]
    request = {"pipelineName": name, "pipelineExecutionId": id_, "abandon": abandon}
    _call(connection, "StopPipelineExecution", {**request, "reason": reason})
    sys.stdout.write(f"the run {id_} of {name} is stopped\n")


def roll_back(connection: Connection, pipeline: str, stage: str, target: str | None) -> None:
    """Bring a stage back to what an earlier run deployed there; without a target, the one before.

    Raises:
        CommandError: there is none, or the caller may not.
    """
    state = _state(connection, pipeline)
    name = state["pipelineName"]
    target = target or _previous(connection, state, stage)
    answer = _call(
        connection,
        "RollbackStage",
        {"pipelineName": name, "stageName": stage, "targetPipelineExecutionId": target},
    )
    sys.stdout.write(
        f"{stage} of {name} goes back to what {target} deployed, "
        f"in the run {answer['pipelineExecutionId']}\n"
    )


def _previous(connection: Connection, state: State, stage: str) -> str:
    """Return the run ahead of the one whose deployment is in a stage."""
    found = next((one for one in state["stageStates"] if one["stageName"] == stage), None)
    if found is None:
        names = ", ".join(one["stageName"] for one in state["stageStates"])
        raise CommandError(f"{state['pipelineName']} has no stage {stage}: {names}")
    now = found.get("latestExecution", {}).get("pipelineExecutionId")
    deployed = list(_executions(connection, state["pipelineName"], stage))
    ids = [_source_of(one) for one in deployed if one["pipelineExecutionId"] == now] or [now]
    earlier = [
        one["pipelineExecutionId"]
        for one in deployed
        if one["executionType"] == "STANDARD" and one["pipelineExecutionId"] not in ids
    ]
    # What a rollback brought back is as old as the run that it went back to.
    order = [one["pipelineExecutionId"] for one in deployed]
    if ids[0] in order:
        earlier = [one for one in earlier if order.index(one) > order.index(ids[0])]
    if not earlier:
        raise CommandError(f"nothing earlier was deployed to {stage} of {state['pipelineName']}")
    return str(earlier[0])


def _source_of(execution: State) -> str:
    """Return the run whose source another one delivered: of a rollback, its target."""
    went_back = execution.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId")
    return str(went_back or execution["pipelineExecutionId"])


def _told(stage: State) -> str:
    for action in stage["actionStates"]:
        if action.get("latestExecution", {}).get("token"):
            return f"{stage['stageName']} waits for {action['actionName']}"
    return f"{stage['stageName']} {stage.get('latestExecution', {}).get('status', '-')}"


def _waits(state: State) -> bool:
    """Return whether a person has to decide."""
    actions = (action for stage in state["stageStates"] for action in stage["actionStates"])
    return any(action.get("latestExecution", {}).get("token") for action in actions)


def _has_failed(state: State) -> bool:
    """Return whether a stage could be begun once more."""
    stages = (stage.get("latestExecution", {}).get("status") for stage in state["stageStates"])
    return any(status in _STOPPED for status in stages)


def _state(
    connection: Connection, pipeline: str, wanted: Callable[[State], bool] | None = None
) -> State:
    """Return the state of a pipeline by its id, its name or a part of it that no other has.

    Args:
        wanted: which one is meant where several have that part, if it is one only.
    """
    if pipeline.startswith("arn:"):
        found = connection.orchestrator("/pipelinestatus", {"pipeline_id": pipeline})
        if isinstance(found, str):
            raise CommandError(found)
        return _described(connection, str(found["pipelineName"]))
    names = _names(connection, pipeline)
    if len(names) == 1:
        return _described(connection, names[0])
    states = [] if wanted is None else [_described(connection, name) for name in names]
    meant = [state for state in states if wanted is not None and wanted(state)]
    if len(meant) != 1:
        raise CommandError(f"{pipeline!r} may mean {', '.join(names)}: say more of the name")
    return meant[0]


def _described(connection: Connection, name: str) -> State:
    state: State = _call(connection, "GetPipelineState", {"name": name})
    return state


def _names(connection: Connection, part: str) -> list[str]:
    """Return the names that a part may mean, at least one."""
    names = [str(one["name"]) for one in _all(connection, "ListPipelines", {}, "pipelines")]
    if part in names:
        return [part]
    found = [name for name in names if part.lower() in name.lower()]
    if not found:
        raise CommandError(f"there is no pipeline {part!r}: see 'modelyard pipelines'")
    return found


def _executions(connection: Connection, pipeline: str, stage: str | None = None) -> Iterator[State]:
    """Yield a pipeline's runs, the newest first; those that succeeded in a stage."""
    request: dict[str, Any] = {"pipelineName": pipeline}
    if stage is not None:
        request["filter"] = {"succeededInStage": {"stageName": stage}}
    yield from _all(connection, "ListPipelineExecutions", request, "pipelineExecutionSummaries")


def _all(
    connection: Connection, operation: str, request: Mapping[str, Any], member: str
) -> Iterator[State]:
    token: str | None = None
    while True:
        more = {} if token is None else {"nextToken": token}
        page = _call(connection, operation, {**request, **more})
        yield from page[member]
        token = page.get("nextToken")
        if not token:
            return


def _call(connection: Connection, operation: str, request: Mapping[str, Any]) -> Any:
    return connection.operation(f"{_SERVICE}.{operation}", request)
