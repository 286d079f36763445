"""A batch transform job: which data through which model, and where the answers are."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import BUSY_SECONDS, TRANSFORM, is_busy
from modelyard.console.pages.job_parts import (
    cost,
    failure,
    heading,
    instances,
    seconds_between,
    stop,
    stop_button,
)
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.logs import log_view
from modelyard.console.pieces.panels import chosen_tab, facts, json_block, panel, tabs
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit

_TABS = (("overview", "Overview"), ("log", "Log"), ("request", "As JSON"))
_LOGS = "/aws/sagemaker/TransformJobs"


def show(visit: Visit) -> Page:
    """Return a transform job's page."""
    name = visit.name("name")
    job = visit.desk.call("sagemaker", "DescribeTransformJob", TransformJobName=name)
    parts = {"overview": _overview, "log": _log, "request": _request}
    return Page(
        title=name,
        intro=heading(job, TRANSFORM, visit),
        crumbs=[(TRANSFORM.title, url(TRANSFORM.page))],
        actions=stop_button(TRANSFORM, job, visit),
        seconds=BUSY_SECONDS if is_busy(job["TransformJobStatus"]) else 0,
        body=[
            failure(job),
            tabs(url(TRANSFORM.page, name), visit.query, _TABS),
            parts[chosen_tab(visit.query, _TABS)](visit, job),
        ],
    )


def _overview(visit: Visit, job: dict[str, Any]) -> h.Node:
    source, target = job.get("TransformInput", {}), job.get("TransformOutput", {})
    processing, resources = job.get("DataProcessing", {}), job.get("TransformResources", {})
    seconds = seconds_between(job.get("TransformStartTime"), job.get("TransformEndTime"), visit.now)
    place = source.get("DataSource", {}).get("S3DataSource", {}).get("S3Uri", "–")
    return [
        panel(
            "What it does",
            facts(
                [
                    ("Model", job.get("ModelName")),
                    ("Instances", instances(resources)),
                    ("Cost at AWS", cost(resources, seconds)),
                    ("Batches", job.get("BatchStrategy")),
                    ("At a time", job.get("MaxConcurrentTransforms")),
                    ("Megabytes a request", job.get("MaxPayloadInMB")),
                    ("ARN", copyable(job["TransformJobArn"])),
                ]
            ),
            id="what",
        ),
        h.div(".panels")[
            panel(
                "Input",
                facts(
                    [
                        ("Objects", copyable(place)),
                        ("Type", source.get("ContentType")),
                        ("Split by", source.get("SplitType")),
                        ("Compressed", source.get("CompressionType")),
                        ("Columns for the model", processing.get("InputFilter")),
                    ]
                ),
            ),
            panel(
                "Output",
                facts(
                    [
                        ("Objects", copyable(target.get("S3OutputPath", "–"))),
                        ("Type", target.get("Accept")),
                        ("Joined by", target.get("AssembleWith")),
                        ("Joined with", processing.get("JoinSource")),
                        ("Columns that are kept", processing.get("OutputFilter")),
                    ]
                ),
            ),
        ],
    ]


def _log(visit: Visit, job: dict[str, Any]) -> h.Node:
    view = log_view(visit.desk, _LOGS, f"{job['TransformJobName']}/", id="lines")
    return panel("Log", view, id="log")


def _request(visit: Visit, job: dict[str, Any]) -> h.Node:
    return panel("DescribeTransformJob", json_block(job, label="The job as JSON"))


ROUTES = (
    page("transform-jobs/{name}", show),
    action("transform-jobs/{name}/stop", show, stop(TRANSFORM)),
)
