"""A batch transform job: which data through which model, and where the answers are."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import TRANSFORM
from modelyard.console.pages.job_parts import (
    Part,
    cost,
    instances,
    job_page,
    seconds_between,
    stop,
)
from modelyard.console.pieces.links import copyable
from modelyard.console.pieces.logs import log_view
from modelyard.console.pieces.panels import facts, json_block, panel
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit

_TABS = (("overview", "Overview"), ("log", "Log"), ("request", "As JSON"))
_LOGS = "/aws/sagemaker/TransformJobs"


def show(visit: Visit) -> Page:
    """Return a transform job's page."""
    parts: dict[str, Part] = {"overview": _overview, "log": _log, "request": _request}
    return job_page(TRANSFORM, visit, _TABS, parts)


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
