"""A processing job: what it ran on what, what it says, what it leaves."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import BUSY_SECONDS, PROCESSING, is_busy
from modelyard.console.pages.job_parts import (
    cost,
    failure,
    heading,
    instances,
    seconds_between,
    stop,
    stop_button,
)
from modelyard.console.pieces.links import arn_link, copyable, url
from modelyard.console.pieces.logs import log_view
from modelyard.console.pieces.panels import (
    chosen_tab,
    facts,
    json_block,
    panel,
    settings_table,
    tabs,
)
from modelyard.console.pieces.tables import table
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit

_TABS = (("overview", "Overview"), ("log", "Log"), ("request", "As JSON"))
_LOGS = "/aws/sagemaker/ProcessingJobs"


def show(visit: Visit) -> Page:
    """Return a processing job's page."""
    name = visit.name("name")
    job = visit.desk.call("sagemaker", "DescribeProcessingJob", ProcessingJobName=name)
    parts = {"overview": _overview, "log": _log, "request": _request}
    return Page(
        title=name,
        intro=heading(job, PROCESSING, visit),
        crumbs=[(PROCESSING.title, url(PROCESSING.page))],
        actions=stop_button(PROCESSING, job, visit),
        seconds=BUSY_SECONDS if is_busy(job["ProcessingJobStatus"]) else 0,
        body=[
            failure(job),
            tabs(url(PROCESSING.page, name), visit.query, _TABS),
            parts[chosen_tab(visit.query, _TABS)](visit, job),
        ],
    )


def _overview(visit: Visit, job: dict[str, Any]) -> h.Node:
    application = job.get("AppSpecification", {})
    cluster = job.get("ProcessingResources", {}).get("ClusterConfig", {})
    seconds = seconds_between(
        job.get("ProcessingStartTime"), job.get("ProcessingEndTime"), visit.now
    )
    account = visit.desk.context.account
    return [
        panel(
            "What it runs",
            facts(
                [
                    ("Image", copyable(application.get("ImageUri", "–"))),
                    (
                        "Command",
                        h.code[" ".join(application["ContainerEntrypoint"])]
                        if application.get("ContainerEntrypoint")
                        else None,
                    ),
                    ("Arguments", " ".join(application.get("ContainerArguments", []))),
                    ("Instances", instances(cluster)),
                    ("Cost at AWS", cost(cluster, seconds)),
                    ("Role", arn_link(job["RoleArn"], account)),
                    (
                        "Part of",
                        job.get("MonitoringScheduleArn")
                        and arn_link(job["MonitoringScheduleArn"], account),
                    ),
                    ("It said at its end", job.get("ExitMessage")),
                    ("ARN", copyable(job["ProcessingJobArn"])),
                ]
            ),
            id="what",
        ),
        panel("Inputs", _files("Inputs", job.get("ProcessingInputs", []), "InputName", "S3Input")),
        panel(
            "Outputs",
            _files(
                "Outputs",
                job.get("ProcessingOutputConfig", {}).get("Outputs", []),
                "OutputName",
                "S3Output",
            ),
        ),
        panel(
            "Environment",
            settings_table(
                job.get("Environment", {}), names=("Name", "Value"), caption="Environment"
            ),
        ),
    ]


def _files(caption: str, entries: list[dict[str, Any]], name: str, place: str) -> h.Node:
    if not entries:
        return h.p(".muted")["None."]
    return table(
        caption,
        [
            ("Name", lambda one: one.get(name, "–")),
            ("Objects", lambda one: copyable(one.get(place, {}).get("S3Uri", "–"))),
            ("In the job", lambda one: h.code[one.get(place, {}).get("LocalPath", "–")]),
        ],
        entries,
    )


def _log(visit: Visit, job: dict[str, Any]) -> h.Node:
    view = log_view(visit.desk, _LOGS, f"{job['ProcessingJobName']}/", id="lines")
    return panel("Log", view, id="log")


def _request(visit: Visit, job: dict[str, Any]) -> h.Node:
    return panel("DescribeProcessingJob", json_block(job, label="The job as JSON"))


ROUTES = (
    page("processing-jobs/{name}", show),
    action("processing-jobs/{name}/stop", show, stop(PROCESSING)),
)
