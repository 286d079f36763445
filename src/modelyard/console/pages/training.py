"""A training job: how far it is, what it measures, what it says, what it leaves."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import TRAINING
from modelyard.console.pages.job_parts import (
    Part,
    channels,
    cost,
    curves,
    instances,
    job_page,
    seconds_between,
    stop,
)
from modelyard.console.pieces.charts import number
from modelyard.console.pieces.links import arn_link, copyable
from modelyard.console.pieces.logs import log_view
from modelyard.console.pieces.moments import duration, moment_of, stamp
from modelyard.console.pieces.panels import (
    facts,
    json_block,
    panel,
    settings_table,
    tiles,
)
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit

_TABS = (("overview", "Overview"), ("log", "Log"), ("request", "As JSON"))
_LOGS = "/aws/sagemaker/TrainingJobs"


def show(visit: Visit) -> Page:
    """Return a training job's page."""
    parts: dict[str, Part] = {"overview": _overview, "log": _log, "request": _request}
    return job_page(TRAINING, visit, _TABS, parts)


def _overview(visit: Visit, job: dict[str, Any]) -> h.Node:
    resources = job.get("ResourceConfig", {})
    algorithm = job.get("AlgorithmSpecification", {})
    finals = job.get("FinalMetricDataList") or []
    seconds = seconds_between(job.get("TrainingStartTime"), job.get("TrainingEndTime"), visit.now)
    return [
        h.div(id="finals", data_live=True)[
            finals and tiles([(one["MetricName"], number(one["Value"]), "") for one in finals[:6]])
        ],
        h.div(".panels")[
            panel("Metrics, step by step", curves(visit, str(job["TrainingJobArn"])), id="metrics"),
            panel(
                "What it runs",
                facts(
                    [
                        ("Image", copyable(str(algorithm.get("TrainingImage") or "–"))),
                        ("Algorithm", algorithm.get("AlgorithmName")),
                        (
                            "Instances",
                            instances(resources),
                        ),
                        ("Cost at AWS", cost(resources, seconds)),
                        ("Role", arn_link(str(job["RoleArn"]), visit.desk.context.account)),
                        ("Part of", _parents(visit, job)),
                        ("ARN", copyable(str(job["TrainingJobArn"]))),
                    ]
                ),
                id="what",
            ),
        ],
        h.div(".panels")[
            panel("How it went", _steps(visit, job), id="steps"),
            panel(
                "Hyperparameters",
                settings_table(
                    job.get("HyperParameters", {}),
                    names=("Name", "Value"),
                    caption="Hyperparameters",
                ),
            ),
        ],
        panel("Inputs", channels(job.get("InputDataConfig", []))),
        panel(
            "Outputs",
            facts(
                [
                    ("Model archive", _artifact(job)),
                    (
                        "Written to",
                        copyable(str(job.get("OutputDataConfig", {}).get("S3OutputPath", "–"))),
                    ),
                    (
                        "Checkpoints",
                        job.get("CheckpointConfig", {}).get("S3Uri"),
                    ),
                ]
            ),
            id="outputs",
        ),
    ]


def _log(visit: Visit, job: dict[str, Any]) -> h.Node:
    name = str(job["TrainingJobName"])
    return panel("Log", log_view(visit.desk, _LOGS, f"{name}/", id="lines"), id="log")


def _request(visit: Visit, job: dict[str, Any]) -> h.Node:
    return panel("DescribeTrainingJob", json_block(job, label="The job as JSON"))


def _steps(visit: Visit, job: dict[str, Any]) -> h.Node:
    return h.ul(".steps")[
        [
            h.li[
                h.strong[step["Status"]],
                f" {_length(step)} ",
                h.span(".muted")[step.get("StatusMessage", "")],
                h.div(".muted")[stamp(step["StartTime"])],
            ]
            for step in job.get("SecondaryStatusTransitions", [])
        ]
    ]


def _length(step: dict[str, Any]) -> str:
    begin, end = moment_of(step["StartTime"]), moment_of(step.get("EndTime"))
    if begin is None or end is None or begin == end:
        return ""
    return duration((end - begin).total_seconds())


def _parents(visit: Visit, job: dict[str, Any]) -> h.Node:
    arns = [str(job[key]) for key in ("TuningJobArn", "AutoMLJobArn") if job.get(key)]
    return [arn_link(arn, visit.desk.context.account) for arn in arns] or None


def _artifact(job: dict[str, Any]) -> h.Node:
    place = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    return copyable(str(place)) if place else h.span(".muted")["not yet"]


ROUTES = (
    page("training-jobs/{name}", show),
    action("training-jobs/{name}/stop", show, stop(TRAINING)),
)
