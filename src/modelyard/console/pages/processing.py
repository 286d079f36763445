"""A processing job: what it ran on what, what it says, what it leaves."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import PROCESSING
from modelyard.console.pages.job_parts import (
    Part,
    cost,
    instances,
    job_page,
    seconds_between,
    stop,
)
from modelyard.console.pieces.links import arn_link, copyable
from modelyard.console.pieces.logs import log_view
from modelyard.console.pieces.panels import (
    facts,
    json_block,
    panel,
    settings_table,
)
from modelyard.console.pieces.tables import table
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit

_TABS = (("overview", "Overview"), ("log", "Log"), ("request", "As JSON"))
_LOGS = "/aws/sagemaker/ProcessingJobs"


def show(visit: Visit) -> Page:
    """Return a processing job's page."""
    parts: dict[str, Part] = {"overview": _overview, "log": _log, "request": _request}
    return job_page(PROCESSING, visit, _TABS, parts)


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
