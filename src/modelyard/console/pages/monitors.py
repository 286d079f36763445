"""Monitors: what each watches, what it found in plain words, and how data changed."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.arns import Arn
from modelyard.console.pages.job_lists import BUSY_SECONDS, nothing
from modelyard.console.pages.versions import read_report
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.distributions import distributions
from modelyard.console.pieces.forms import act
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.metric_groups import metric_group
from modelyard.console.pieces.moments import ago, stamp
from modelyard.console.pieces.panels import empty, facts, json_block, note, panel
from modelyard.console.pieces.tables import (
    PAGE_SIZE,
    Filter,
    filters,
    listed,
    options_of,
    pager,
    table,
)
from modelyard.console.routes import action, page
from modelyard.console.visits import Done, Page, Visit

TYPES = {
    "DataQuality": "Data quality",
    "ModelQuality": "Model quality",
    "ModelBias": "Bias drift",
    "ModelExplainability": "Feature attribution drift",
}


def schedules(visit: Visit) -> Page:
    """Return the list of schedules."""
    query, path = visit.query, url("monitors")
    answer = visit.desk.call(
        "sagemaker",
        "ListMonitoringSchedules",
        NameContains=query.get("name"),
        MonitoringTypeEquals=query.get("type"),
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    rows = listed(answer, "MonitoringScheduleSummaries")
    last = {row["MonitoringScheduleName"]: _newest(visit, row) for row in rows}
    return Page(
        title="Monitors",
        intro="Schedules that look at what endpoints were asked and answered.",
        body=[
            filters(
                path,
                query,
                [
                    Filter(name="name", label="Name contains"),
                    Filter(
                        name="type",
                        label="Watches",
                        options=options_of(*TYPES, label=lambda one: TYPES[one]),
                    ),
                ],
            ),
            h.section(".panel.list-panel", id="list", data_live=True)[
                table(
                    "Monitors",
                    [
                        (
                            "Name",
                            lambda row: h.a(href=url("monitors", row["MonitoringScheduleName"]))[
                                row["MonitoringScheduleName"]
                            ],
                        ),
                        ("Watches", lambda row: TYPES.get(row["MonitoringType"], "–")),
                        ("Endpoint", _endpoint),
                        ("Schedule", lambda row: chip(row["MonitoringScheduleStatus"])),
                        (
                            "Found last",
                            lambda row: _found(last[row["MonitoringScheduleName"]]),
                        ),
                        (
                            "When",
                            lambda row: ago(
                                last[row["MonitoringScheduleName"]].get("ScheduledTime"), visit.now
                            ),
                        ),
                    ],
                    rows,
                )
                if rows
                else nothing("monitor", bool(query.get("name") or query.get("type"))),
                pager(path, query, answer.get("NextToken")),
            ],
        ],
    )


def _endpoint(row: dict[str, Any]) -> h.Node:
    name = row.get("EndpointName")
    return h.a(href=url("endpoints", name))[name] if name else h.span(".muted")["–"]


def _found(execution: dict[str, Any]) -> h.Node:
    return chip(execution.get("MonitoringExecutionStatus", ""))


def _newest(visit: Visit, schedule: dict[str, Any]) -> dict[str, Any]:
    answer = visit.desk.find(
        "sagemaker",
        "ListMonitoringExecutions",
        MonitoringScheduleName=schedule["MonitoringScheduleName"],
        MaxResults=1,
        SortBy="ScheduledTime",
        SortOrder="Descending",
    )
    found = listed(answer, "MonitoringExecutionSummaries")
    return found[0] if found else {}


def show(visit: Visit) -> Page:
    """Return a schedule with its executions, and what one of them found."""
    name = visit.name("name")
    schedule = visit.desk.call(
        "sagemaker", "DescribeMonitoringSchedule", MonitoringScheduleName=name
    )
    answer = visit.desk.call(
        "sagemaker",
        "ListMonitoringExecutions",
        MonitoringScheduleName=name,
        MaxResults=PAGE_SIZE,
        NextToken=visit.query.get("page"),
        SortBy="ScheduledTime",
        SortOrder="Descending",
    )
    executions = listed(answer, "MonitoringExecutionSummaries")
    chosen = _chosen(visit, executions)
    config = schedule["MonitoringScheduleConfig"]
    busy = any(one["MonitoringExecutionStatus"] in ("Pending", "InProgress") for one in executions)
    return Page(
        title=name,
        intro=[
            chip(schedule["MonitoringScheduleStatus"]),
            h.span[TYPES.get(schedule.get("MonitoringType", ""), "")],
            h.span["of ", _endpoint(schedule)],
        ],
        crumbs=[("Monitors", url("monitors"))],
        actions=_switch(visit, schedule),
        seconds=BUSY_SECONDS if busy else 0,
        body=[
            h.div(".panels")[
                panel(
                    "Executions",
                    _executions(visit, name, executions, chosen)
                    if executions
                    else empty("It has not looked yet."),
                    pager(url("monitors", name), visit.query, answer.get("NextToken")),
                    id="executions",
                ),
                panel(
                    "The schedule",
                    facts(
                        [
                            (
                                "Looks",
                                config.get("ScheduleConfig", {}).get(
                                    "ScheduleExpression", "when it is told to"
                                ),
                            ),
                            ("Definition", config.get("MonitoringJobDefinitionName")),
                            ("Created", stamp(schedule["CreationTime"])),
                            ("ARN", copyable(schedule["MonitoringScheduleArn"])),
                        ]
                    ),
                    h.h3["Alerts"],
                    _alerts(visit, name),
                ),
            ],
            chosen and _result(visit, schedule, chosen),
        ],
    )


def _chosen(visit: Visit, executions: list[dict[str, Any]]) -> dict[str, Any] | None:
    wanted = visit.query.get("execution", "")
    ended = [one for one in executions if one.get("ProcessingJobArn")]
    fitting = [one for one in ended if Arn.parse(one["ProcessingJobArn"]).name == wanted]
    return next(iter([*fitting, *ended]), None)


def _executions(
    visit: Visit, name: str, rows: list[dict[str, Any]], chosen: dict[str, Any] | None
) -> h.Node:
    def when(row: dict[str, Any]) -> h.Node:
        job = row.get("ProcessingJobArn")
        if not job:
            return stamp(row["ScheduledTime"])
        return h.a(
            href=url("monitors", name, execution=Arn.parse(job).name),
            aria_current="true" if row is chosen else None,
        )[stamp(row["ScheduledTime"])]

    return table(
        "Executions",
        [
            ("For", when),
            ("Found", _found),
            ("Why it failed", lambda row: row.get("FailureReason", "")),
        ],
        rows,
    )


def _result(visit: Visit, schedule: dict[str, Any], execution: dict[str, Any]) -> h.Node:
    job_name = Arn.parse(execution["ProcessingJobArn"]).name
    job = visit.desk.find("sagemaker", "DescribeProcessingJob", ProcessingJobName=job_name)
    outputs = listed((job or {}).get("ProcessingOutputConfig"), "Outputs")
    folder = outputs[0]["S3Output"]["S3Uri"].rstrip("/") if outputs else ""
    found = visit.desk.read_json(f"{folder}/constraint_violations.json") or {}
    violations = [one for one in listed(found, "violations") if isinstance(one, dict)]
    now = visit.desk.read_json(f"{folder}/statistics.json")
    then = visit.desk.read_json(_baseline(visit, schedule))
    analysed = read_report(visit.desk, folder) if folder else None
    return [
        panel(
            "What it found",
            h.p(".muted")["For ", stamp(execution["ScheduledTime"]), " ", _found(execution)],
            _violations(violations),
            h.p[
                "Processing job ",
                h.a(href=url("processing-jobs", job_name))[job_name],
                folder and [", report in ", copyable(folder)],
            ],
            id="found",
        ),
        isinstance(now, dict)
        and "features" in now
        and panel("Each feature, then and now", distributions(then, now), id="features"),
        isinstance(now, dict)
        and "features" not in now
        and panel("Statistics", json_block(now, label="Statistics")),
        analysed and panel("Report", [metric_group(group) for group in analysed]),
    ]


def _violations(violations: list[dict[str, Any]]) -> h.Node:
    if not violations:
        return note("Nothing that the constraints forbid.", tone="good")
    return table(
        "Violations",
        [
            (
                "Where",
                lambda one: one.get("feature_name") or one.get("metric_name") or one.get("facet"),
            ),
            ("What", lambda one: str(one.get("constraint_check_type", "")).replace("_", " ")),
            ("In words", lambda one: one.get("description", "")),
        ],
        violations,
    )


def _baseline(visit: Visit, schedule: dict[str, Any]) -> str:
    """Return where the statistics of the baseline are; empty: there are none."""
    config, kind = schedule["MonitoringScheduleConfig"], schedule.get("MonitoringType", "")
    inline = config.get("MonitoringJobDefinition")
    if inline is None:
        inline = (
            visit.desk.find(
                "sagemaker",
                f"Describe{kind}JobDefinition",
                JobDefinitionName=config.get("MonitoringJobDefinitionName"),
            )
            or {}
        )
        baseline = inline.get(f"{kind}BaselineConfig", {})
    else:
        baseline = inline.get("BaselineConfig", {})
    return str(baseline.get("StatisticsResource", {}).get("S3Uri", ""))


def _alerts(visit: Visit, name: str) -> h.Node:
    answer = visit.desk.find(
        "sagemaker",
        "ListMonitoringAlertHistory",
        MonitoringScheduleName=name,
        MaxResults=10,
        SortOrder="Descending",
    )
    rows = listed(answer, "MonitoringAlertHistory")
    if not rows:
        return h.p(".muted")["It never raised one."]
    return h.ul(".steps")[
        [h.li[chip(one["AlertStatus"]), " ", ago(one["CreationTime"], visit.now)] for one in rows]
    ]


def _switch(visit: Visit, schedule: dict[str, Any]) -> h.Node:
    name = schedule["MonitoringScheduleName"]
    if schedule["MonitoringScheduleStatus"] == "Scheduled":
        return act(
            visit,
            url("monitors", name, "stop"),
            "Switch off",
            visit.desk.verdict("sagemaker", "StopMonitoringSchedule", MonitoringScheduleName=name),
            confirm=f"Switch {name} off?",
        )
    if schedule["MonitoringScheduleStatus"] == "Stopped":
        return act(
            visit,
            url("monitors", name, "start"),
            "Switch on",
            visit.desk.verdict("sagemaker", "StartMonitoringSchedule", MonitoringScheduleName=name),
        )
    return None


def start(visit: Visit) -> Done:
    """Switch a schedule on."""
    name = visit.name("name")
    visit.desk.call("sagemaker", "StartMonitoringSchedule", MonitoringScheduleName=name)
    return Done(url=url("monitors", name), notice="monitor-started")


def stop(visit: Visit) -> Done:
    """Switch a schedule off."""
    name = visit.name("name")
    visit.desk.call("sagemaker", "StopMonitoringSchedule", MonitoringScheduleName=name)
    return Done(url=url("monitors", name), notice="monitor-stopped")


ROUTES = (
    page("monitors", schedules),
    page("monitors/{name}", show),
    action("monitors/{name}/start", show, start),
    action("monitors/{name}/stop", show, stop),
)
