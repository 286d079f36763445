"""Deliveries: how far each is, and what a person does on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import BUSY_SECONDS, nothing
from modelyard.console.pages.waiting import approvals_in
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.forms import act, field, form, refused
from modelyard.console.pieces.links import arn_link, url
from modelyard.console.pieces.moments import ago
from modelyard.console.pieces.panels import empty, note, panel
from modelyard.console.pieces.tables import PAGE_SIZE, listed, pager, table
from modelyard.console.routes import action, page
from modelyard.console.visits import Done, Page, Visit
from modelyard.operations.errors import ValidationError


def pipelines(visit: Visit) -> Page:
    """Return the list of deliveries."""
    query, path = visit.query, url("deliveries")
    answer = visit.desk.call(
        "codepipeline", "ListPipelines", maxResults=PAGE_SIZE, nextToken=query.get("page")
    )
    rows = listed(answer, "pipelines")
    states = {
        row["name"]: visit.desk.find("codepipeline", "GetPipelineState", name=row["name"]) or {}
        for row in rows
    }
    return Page(
        title="Deliveries",
        intro="From a request, stage by stage, to what serves.",
        body=h.section(".panel.list-panel", id="list", data_live=True)[
            table(
                "Deliveries",
                [
                    ("Pipeline", lambda row: h.a(href=url("deliveries", row["name"]))[row["name"]]),
                    ("Stages", lambda row: _small_stages(states[row["name"]])),
                    ("Changed", lambda row: ago(row.get("updated"), visit.now)),
                ],
                rows,
            )
            if rows
            else nothing("delivery", False),
            pager(path, query, answer.get("nextToken")),
        ],
    )


def _small_stages(state: Mapping[str, Any]) -> h.Node:
    waits = {one["stage"] for one in approvals_in(state)}
    return [
        [
            chip("PendingManualApproval", words=f"{stage['stageName']}: approval")
            if stage["stageName"] in waits
            else chip(_status(stage), words=stage["stageName"]),
            " ",
        ]
        for stage in listed(state, "stageStates")
    ]


def _status(stage: Mapping[str, Any]) -> str:
    return str((stage.get("latestExecution") or {}).get("status", "None"))


def show(visit: Visit) -> Page:
    """Return one delivery: its stages, what waits, its executions."""
    name = visit.name("name")
    state = visit.desk.call("codepipeline", "GetPipelineState", name=name)
    answer = visit.desk.call(
        "codepipeline",
        "ListPipelineExecutions",
        pipelineName=name,
        maxResults=PAGE_SIZE,
        nextToken=visit.query.get("page"),
    )
    executions = listed(answer, "pipelineExecutionSummaries")
    stages = listed(state, "stageStates")
    busy = any(_status(stage) == "InProgress" for stage in stages)
    return Page(
        title=name,
        intro=h.span["changed ", ago(state.get("updated"), visit.now)],
        crumbs=[("Deliveries", url("deliveries"))],
        actions=[_start(visit, name), _stop(visit, name, executions)],
        seconds=BUSY_SECONDS if busy else 0,
        body=[
            panel(
                "Stages",
                h.ol(".stages")[[_stage(visit, name, stage, executions) for stage in stages]],
                id="stages",
            ),
            h.div(id="waiting", data_live=True)[
                [_approval(visit, waiting) for waiting in approvals_in(state)]
            ],
            panel(
                "Executions",
                _executions(visit, executions) if executions else empty("Nothing has run yet."),
                pager(url("deliveries", name), visit.query, answer.get("nextToken")),
                id="executions",
            ),
        ],
    )


def _stage(
    visit: Visit, pipeline: str, stage: Mapping[str, Any], executions: Sequence[Mapping[str, Any]]
) -> h.Node:
    status = _status(stage)
    return h.li[
        h.h3[stage["stageName"], chip(status, words="not yet" if status == "None" else "")],
        h.ol[[h.li[_action(visit, one)] for one in listed(stage, "actionStates")]],
        status == "Failed" and _retry(visit, pipeline, stage),
        _roll_back(visit, pipeline, stage, executions),
    ]


def _action(visit: Visit, action_: Mapping[str, Any]) -> h.Node:
    latest = action_.get("latestExecution") or {}
    waits = bool(latest.get("token")) and latest.get("status") == "InProgress"
    made = latest.get("externalExecutionId", "")
    return [
        h.div[
            h.strong[action_["actionName"]],
            " ",
            latest and chip("PendingManualApproval" if waits else latest.get("status", "None")),
        ],
        latest.get("summary") and h.div[latest["summary"]],
        made.startswith("arn:") and h.div[arn_link(made, visit.desk.context.account)],
        latest.get("errorDetails") and note(latest["errorDetails"]["message"], tone="bad"),
        latest.get("lastStatusChange")
        and h.div(".muted")[ago(latest["lastStatusChange"], visit.now)],
    ]


def _approval(visit: Visit, waiting: Mapping[str, Any]) -> h.Node:
    pipeline, stage, name = waiting["pipeline"], waiting["stage"], waiting["action"]
    verdict = visit.desk.verdict(
        "codepipeline",
        "PutApprovalResult",
        pipelineName=pipeline,
        stageName=stage,
        actionName=name,
    )
    content = (
        form(
            visit,
            url("deliveries", pipeline, "approve"),
            h.input(type="hidden", name="stage", value=stage),
            h.input(type="hidden", name="action", value=name),
            h.input(type="hidden", name="token", value=waiting["token"]),
            field(visit, "reason", "Reason", lines=3, required=True, longest=512),
            h.div(".row")[
                h.button(".primary", type="submit", name="decision", value="Approved")["Approve"],
                h.button(".danger", type="submit", name="decision", value="Rejected")["Reject"],
            ],
            label=f"Decide on {stage}",
        )
        if verdict.allowed
        else refused("Approve or reject", verdict)
    )
    return panel(
        f"{stage} waits for a decision",
        waiting["summary"] and h.p[waiting["summary"]],
        content,
    )


def decide(visit: Visit) -> Done:
    """Approve or reject what a delivery waits at."""
    typed, name = visit.typed, visit.name("name")
    if not typed.get("reason", "").strip():
        raise ValidationError("give a reason: it stays on record")
    decision = typed.get("decision", "")
    visit.desk.call(
        "codepipeline",
        "PutApprovalResult",
        pipelineName=name,
        stageName=typed.get("stage"),
        actionName=typed.get("action"),
        token=typed.get("token"),
        result={"status": decision, "summary": typed["reason"].strip()},
    )
    notice = "approved" if decision == "Approved" else "rejected"
    return Done(url=url("deliveries", name), notice=notice)


def _start(visit: Visit, name: str) -> h.Node:
    verdict = visit.desk.verdict("codepipeline", "StartPipelineExecution", name=name)
    if not verdict.allowed:
        return None
    return act(
        visit,
        url("deliveries", name, "start"),
        "Deliver again",
        verdict,
        confirm=f"Start a new execution of {name}?",
    )


def start(visit: Visit) -> Done:
    """Begin a new execution."""
    name = visit.name("name")
    visit.desk.call("codepipeline", "StartPipelineExecution", name=name)
    return Done(url=url("deliveries", name), notice="started")


def _stop(visit: Visit, name: str, executions: Sequence[Mapping[str, Any]]) -> h.Node:
    running = next((one for one in executions if one["status"] == "InProgress"), None)
    if running is None:
        return None
    verdict = visit.desk.verdict("codepipeline", "StopPipelineExecution", pipelineName=name)
    return act(
        visit,
        url("deliveries", name, "stop"),
        "Stop",
        verdict,
        hidden={"execution": running["pipelineExecutionId"]},
        tone="danger",
        confirm=f"Stop {name} after the action that is under way?",
    )


def stop(visit: Visit) -> Done:
    """Stop an execution once the action that is under way has ended."""
    name = visit.name("name")
    visit.desk.call(
        "codepipeline",
        "StopPipelineExecution",
        pipelineName=name,
        pipelineExecutionId=visit.typed.get("execution"),
        reason="stopped in the console",
    )
    return Done(url=url("deliveries", name), notice="stopping")


def _retry(visit: Visit, pipeline: str, stage: Mapping[str, Any]) -> h.Node:
    name = stage["stageName"]
    verdict = visit.desk.verdict(
        "codepipeline", "RetryStageExecution", pipelineName=pipeline, stageName=name
    )
    return act(
        visit,
        url("deliveries", pipeline, "retry"),
        "Try again",
        verdict,
        hidden={
            "stage": name,
            "execution": stage["latestExecution"]["pipelineExecutionId"],
        },
    )


def retry(visit: Visit) -> Done:
    """Try the failed actions of a stage again."""
    name = visit.name("name")
    visit.desk.call(
        "codepipeline",
        "RetryStageExecution",
        pipelineName=name,
        stageName=visit.typed.get("stage"),
        pipelineExecutionId=visit.typed.get("execution"),
        retryMode="FAILED_ACTIONS",
    )
    return Done(url=url("deliveries", name), notice="retried")


def _roll_back(
    visit: Visit, pipeline: str, stage: Mapping[str, Any], executions: Sequence[Mapping[str, Any]]
) -> h.Node:
    """Return the form that rolls a stage back to an earlier execution, where there is one."""
    name = stage["stageName"]
    current = (stage.get("latestExecution") or {}).get("pipelineExecutionId")
    earlier = [
        one
        for one in executions
        if one["status"] == "Succeeded" and one["pipelineExecutionId"] != current
    ]
    if not earlier or current is None or name == "Source" or _status(stage) == "InProgress":
        return None
    verdict = visit.desk.verdict(
        "codepipeline", "RollbackStage", pipelineName=pipeline, stageName=name
    )
    if not verdict.allowed:
        return None
    return h.details[
        h.summary["Roll back"],
        form(
            visit,
            url("deliveries", pipeline, "roll-back"),
            h.input(type="hidden", name="stage", value=name),
            h.label(".field")[
                h.span["To the execution"],
                h.select(name="execution")[
                    [
                        h.option(value=one["pipelineExecutionId"])[
                            f"{one['pipelineExecutionId'][:8]} of {one['startTime']:%Y-%m-%d %H:%M}"
                        ]
                        for one in earlier
                    ]
                ],
            ],
            h.button(".danger", type="submit", data_confirm=f"Roll {name} back?")["Roll back"],
            label=f"Roll {name} back",
        ),
    ]


def roll_back(visit: Visit) -> Done:
    """Roll a stage back to what an earlier execution deployed."""
    name = visit.name("name")
    visit.desk.call(
        "codepipeline",
        "RollbackStage",
        pipelineName=name,
        stageName=visit.typed.get("stage"),
        targetPipelineExecutionId=visit.typed.get("execution"),
    )
    return Done(url=url("deliveries", name), notice="rolled-back")


def _executions(visit: Visit, executions: Sequence[Mapping[str, Any]]) -> h.Node:
    return table(
        "Executions",
        [
            ("Execution", lambda one: h.code[one["pipelineExecutionId"][:8]]),
            ("Status", lambda one: chip(one["status"])),
            (
                "Why",
                lambda one: [
                    one.get("trigger", {}).get("triggerType", ""),
                    " ",
                    h.span(".muted")[one.get("trigger", {}).get("triggerDetail") or ""],
                ],
            ),
            ("Said", lambda one: one.get("statusSummary") or ""),
            ("Began", lambda one: ago(one.get("startTime"), visit.now)),
            ("Changed", lambda one: ago(one.get("lastUpdateTime"), visit.now)),
        ],
        executions,
    )


ROUTES = (
    page("deliveries", pipelines),
    page("deliveries/{name}", show),
    action("deliveries/{name}/approve", show, decide),
    action("deliveries/{name}/start", show, start),
    action("deliveries/{name}/stop", show, stop),
    action("deliveries/{name}/retry", show, retry),
    action("deliveries/{name}/roll-back", show, roll_back),
)
