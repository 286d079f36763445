"""The model dashboard: every model, what watches it, and what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import htpy as h

from modelyard.console.desk import Desk
from modelyard.console.pages.job_lists import nothing
from modelyard.console.pages.monitors import TYPES
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.moments import ago, ago_words, moment_of
from modelyard.console.pieces.panels import empty, facts, panel
from modelyard.console.pieces.tables import (
    PAGE_SIZE,
    Filter,
    filters,
    listed,
    options_of,
    pager,
    table,
)
from modelyard.console.routes import page
from modelyard.console.visits import Page, Visit
from modelyard.console.words import Tone

_MOST = 100  # endpoints, and schedules, that are looked at
_COLUMNS = ("ModelQuality", "DataQuality", "ModelBias", "ModelExplainability")
#: (state, what it means, how it reads)
_STATES = {
    "violation": (Tone.WARN, "Violation"),
    "scheduled": (Tone.GOOD, "Scheduled"),
    "inactive": (Tone.QUIET, "Inactive"),
    "none": (Tone.QUIET, "None"),
}


@dataclass(kw_only=True)
class Watched:
    """What is known of one model."""

    name: str
    endpoints: dict[str, Any] = field(default_factory=dict)  # name -> description
    schedules: list[dict[str, Any]] = field(default_factory=list)
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)  # newest, by schedule
    created: Any = None
    risk: str = ""

    def cell(self, kind: str) -> tuple[str, Any]:
        """Return the state of one kind of monitor, and when it was found."""
        found: tuple[str, Any] = ("none", None)
        for schedule in self.schedules:
            if schedule["MonitoringType"] != kind:
                continue
            newest = self.executions.get(schedule["MonitoringScheduleName"], {})
            if newest.get("MonitoringExecutionStatus") == "CompletedWithViolations":
                return "violation", newest.get("ScheduledTime")
            is_on = schedule["MonitoringScheduleStatus"] == "Scheduled"
            found = ("scheduled", None) if is_on else max(found, ("inactive", None))
        return found

    @property
    def updated(self) -> Any:
        """When the newest of its endpoints was changed."""
        changed = [one["LastModifiedTime"] for one in self.endpoints.values()]
        return max(changed, default=self.created)

    @property
    def checked(self) -> Any:
        """When it was last looked at."""
        looked = [one["LastModifiedTime"] for one in self.executions.values()]
        return max(looked, default=None)


def show(visit: Visit) -> Page:
    """Return the dashboard."""
    query, path = visit.query, url("dashboard")
    answer = visit.desk.call(
        "sagemaker",
        "ListModels",
        NameContains=query.get("name"),
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    models = _watched(visit.desk, listed(answer, "Models"))
    state = query.get("state")
    shown = [
        one
        for one in models
        if state not in _STATES or any(one.cell(kind)[0] == state for kind in _COLUMNS)
    ]
    return Page(
        title="Model dashboard",
        intro="What watches each model, and what it found last.",
        body=[
            filters(
                path,
                query,
                [
                    Filter(name="name", label="Model name contains"),
                    Filter(
                        name="state",
                        label="Any monitor is",
                        options=options_of(*_STATES, label=lambda one: _STATES[one][1]),
                    ),
                ],
            ),
            h.section(".panel.list-panel", id="list", data_live=True)[
                table(
                    "Models and their monitors",
                    [
                        (
                            "Model name",
                            lambda one: h.a(href=url("dashboard", one.name))[one.name],
                        ),
                        ("Risk rating", lambda one: one.risk or h.span(".muted")["–"]),
                        *((TYPES[kind], _cell(kind, visit)) for kind in _COLUMNS),
                        (
                            "Endpoints",
                            lambda one: [
                                h.div[h.a(href=url("endpoints", name))[name]]
                                for name in one.endpoints
                            ],
                        ),
                        ("Last updated", lambda one: ago(one.updated, visit.now)),
                        ("Last checked", lambda one: ago(one.checked, visit.now)),
                    ],
                    shown,
                )
                if shown
                else nothing("model", bool(query.get("name") or state)),
                pager(path, query, answer.get("NextToken")),
            ],
        ],
    )


def _cell(kind: str, visit: Visit) -> Any:
    def shown(model: Watched) -> h.Node:
        state, at = model.cell(kind)
        tone, words = _STATES[state]
        if state == "none":
            return h.span(".muted")[words]
        moment = moment_of(at)
        if moment is not None:
            words = f"{words}, {ago_words((visit.now - moment).total_seconds())}"
        return chip(words, tone=tone)

    return shown


def model(visit: Visit) -> Page:
    """Return one model: where it serves, what watches it, and the alerts there were."""
    name = visit.name("name")
    found = visit.desk.call("sagemaker", "DescribeModel", ModelName=name)
    watched = _watched(visit.desk, [{"ModelName": name, "CreationTime": found["CreationTime"]}])[0]
    containers = [found.get("PrimaryContainer") or {}, *listed(found, "Containers")]
    return Page(
        title=name,
        intro=h.span["created ", ago(found["CreationTime"], visit.now)],
        crumbs=[("Model dashboard", url("dashboard"))],
        body=[
            panel(
                "The model",
                facts(
                    [
                        ("Risk rating", watched.risk),
                        *(
                            (label, copyable(str(one[key])))
                            for one in containers
                            for label, key in (
                                ("Image", "Image"),
                                ("Archive", "ModelDataUrl"),
                                ("Registered as", "ModelPackageName"),
                            )
                            if one.get(key)
                        ),
                        ("ARN", copyable(found["ModelArn"])),
                    ]
                ),
            ),
            h.div(".panels")[
                panel(
                    "Endpoints",
                    table(
                        "Endpoints",
                        [
                            (
                                "Name",
                                lambda one: h.a(href=url("endpoints", one["EndpointName"]))[
                                    one["EndpointName"]
                                ],
                            ),
                            ("Status", lambda one: chip(one["EndpointStatus"])),
                            ("Changed", lambda one: ago(one["LastModifiedTime"], visit.now)),
                        ],
                        list(watched.endpoints.values()),
                    )
                    if watched.endpoints
                    else empty("It serves nowhere."),
                    id="endpoints",
                ),
                panel(
                    "Monitors",
                    table(
                        "Monitors",
                        [
                            (
                                "Name",
                                lambda one: h.a(
                                    href=url("monitors", one["MonitoringScheduleName"])
                                )[one["MonitoringScheduleName"]],
                            ),
                            ("Watches", lambda one: TYPES[one["MonitoringType"]]),
                            ("Schedule", lambda one: chip(one["MonitoringScheduleStatus"])),
                            (
                                "Found last",
                                lambda one: chip(
                                    watched.executions.get(one["MonitoringScheduleName"], {}).get(
                                        "MonitoringExecutionStatus", ""
                                    )
                                ),
                            ),
                        ],
                        watched.schedules,
                    )
                    if watched.schedules
                    else empty("Nothing watches it."),
                    id="monitors",
                ),
            ],
            panel("Alerts", _alerts(visit, watched), id="alerts"),
        ],
    )


def _alerts(visit: Visit, watched: Watched) -> h.Node:
    rows = [
        one
        for schedule in watched.schedules
        for one in listed(
            visit.desk.find(
                "sagemaker",
                "ListMonitoringAlertHistory",
                MonitoringScheduleName=schedule["MonitoringScheduleName"],
                MaxResults=20,
                SortOrder="Descending",
            ),
            "MonitoringAlertHistory",
        )
    ]
    if not rows:
        return empty("There never was one.")
    rows.sort(key=lambda one: one["CreationTime"], reverse=True)
    return table(
        "Alerts",
        [
            ("Monitor", lambda one: one["MonitoringScheduleName"]),
            ("State", lambda one: chip(one["AlertStatus"])),
            ("When", lambda one: ago(one["CreationTime"], visit.now)),
        ],
        rows,
    )


def _watched(desk: Desk, models: list[dict[str, Any]]) -> list[Watched]:
    found = {
        one["ModelName"]: Watched(name=one["ModelName"], created=one.get("CreationTime"))
        for one in models
    }
    by_endpoint: dict[str, list[Watched]] = {}
    for summary in listed(desk.find("sagemaker", "ListEndpoints", MaxResults=_MOST), "Endpoints"):
        for name in _models_of(desk, summary["EndpointName"]):
            if name in found:
                found[name].endpoints[summary["EndpointName"]] = summary
                by_endpoint.setdefault(summary["EndpointName"], []).append(found[name])
    schedules = desk.find("sagemaker", "ListMonitoringSchedules", MaxResults=_MOST)
    for schedule in listed(schedules, "MonitoringScheduleSummaries"):
        watched = by_endpoint.get(schedule.get("EndpointName", ""), [])
        newest = _newest(desk, schedule["MonitoringScheduleName"]) if watched else None
        for one in watched:
            one.schedules.append(schedule)
            if newest:
                one.executions[schedule["MonitoringScheduleName"]] = newest
    for one in found.values():
        one.risk = _risk(desk, one.name)
    return list(found.values())


def _models_of(desk: Desk, endpoint: str) -> set[str]:
    described = desk.find("sagemaker", "DescribeEndpoint", EndpointName=endpoint) or {}
    config = desk.find(
        "sagemaker",
        "DescribeEndpointConfig",
        EndpointConfigName=described.get("EndpointConfigName", "-"),
    )
    return {one.get("ModelName", "") for one in listed(config, "ProductionVariants")}


def _newest(desk: Desk, schedule: str) -> dict[str, Any] | None:
    answer = desk.find(
        "sagemaker",
        "ListMonitoringExecutions",
        MonitoringScheduleName=schedule,
        MaxResults=1,
        SortBy="ScheduledTime",
        SortOrder="Descending",
    )
    rows = listed(answer, "MonitoringExecutionSummaries")
    return rows[0] if rows else None


def _risk(desk: Desk, name: str) -> str:
    """Return the risk rating that the card of a model's registered version tells."""
    found = desk.find("sagemaker", "DescribeModel", ModelName=name) or {}
    arn = (found.get("PrimaryContainer") or {}).get("ModelPackageName")
    package = desk.find("sagemaker", "DescribeModelPackage", ModelPackageName=arn) if arn else None
    try:
        content = json.loads((package or {}).get("ModelCard", {}).get("ModelCardContent", "{}"))
    except ValueError:
        return ""
    uses = content.get("intended_uses") if isinstance(content, Mapping) else None
    return str(uses.get("risk_rating", "")) if isinstance(uses, Mapping) else ""


ROUTES = (page("dashboard", show), page("dashboard/{name}", model))
