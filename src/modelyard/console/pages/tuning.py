"""A tuning job: its trials, the best so far, and how each hyperparameter did."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import TUNING
from modelyard.console.pages.job_parts import (
    Part,
    job_page,
    stop,
)
from modelyard.console.pieces.charts import Line, line_chart, number
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.moments import took
from modelyard.console.pieces.panels import (
    empty,
    facts,
    json_block,
    panel,
    settings_table,
    tiles,
)
from modelyard.console.pieces.scatter import scatter
from modelyard.console.pieces.tables import listed, pager, table
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit

_TABS = (("overview", "Overview"), ("trials", "Trials"), ("request", "As JSON"))
_TRIALS = 100


def show(visit: Visit) -> Page:
    """Return a tuning job's page."""
    parts: dict[str, Part] = {"overview": _overview, "trials": _trials, "request": _request}
    return job_page(TUNING, visit, _TABS, parts)


def _objective(job: dict[str, Any]) -> dict[str, Any]:
    config = job["HyperParameterTuningJobConfig"]
    found: dict[str, Any] = config.get("HyperParameterTuningJobObjective") or {}
    if not found and job.get("TrainingJobDefinitions"):
        found = job["TrainingJobDefinitions"][0].get("TuningObjective") or {}
    return found


def _overview(visit: Visit, job: dict[str, Any]) -> h.Node:
    counts, config = job["TrainingJobStatusCounters"], job["HyperParameterTuningJobConfig"]
    best, objective = job.get("BestTrainingJob"), _objective(job)
    trials = _all_trials(visit, job)
    finished = [one for one in trials if _value(one) is not None]
    return [
        h.div(id="counts", data_live=True)[
            tiles(
                [
                    (
                        f"best {objective.get('MetricName', '')}",
                        "–" if best is None or _value(best) is None else number(_value(best)),
                        "",
                    ),
                    ("trials done", str(counts["Completed"]), ""),
                    ("under way", str(counts["InProgress"]), ""),
                    (
                        "failed",
                        str(counts["RetryableError"] + counts["NonRetryableError"]),
                        "",
                    ),
                ]
            )
        ],
        h.div(".panels")[
            panel("Trial by trial", _progress(finished, objective), id="progress"),
            panel("Best trial", _best(best), id="best"),
            panel(
                "What it searches",
                facts(
                    [
                        ("Strategy", config.get("Strategy")),
                        (
                            "Objective",
                            f"{objective.get('Type', '')} {objective.get('MetricName', '')}",
                        ),
                        ("Trials at most", config["ResourceLimits"].get("MaxNumberOfTrainingJobs")),
                        ("At a time", config["ResourceLimits"].get("MaxParallelTrainingJobs")),
                        ("Early stopping", config.get("TrainingJobEarlyStoppingType")),
                        ("ARN", copyable(job["HyperParameterTuningJobArn"])),
                    ]
                ),
            ),
        ],
        panel("Each hyperparameter against the objective", _by_parameter(finished), id="each"),
    ]


def _progress(trials: list[dict[str, Any]], objective: dict[str, Any]) -> h.Node:
    in_order = sorted(trials, key=lambda one: one["CreationTime"])
    values = [(index + 1, _value(one) or 0.0) for index, one in enumerate(in_order)]
    choose = min if objective.get("Type") == "Minimize" else max
    best = [(index, choose(value for _, value in values[:index])) for index, _ in values]
    return line_chart(
        [
            Line(name="each trial", points=[(float(x), y) for x, y in values]),
            Line(name="best so far", points=[(float(x), y) for x, y in best]),
        ],
        title="The objective, trial by trial",
        x_name="trial",
    )


def _best(best: dict[str, Any] | None) -> h.Node:
    if best is None:
        return empty("No trial has ended yet.")
    name = best["TrainingJobName"]
    return [
        h.p[h.a(href=url("training-jobs", name))[name]],
        settings_table(
            best.get("TunedHyperParameters", {}),
            names=("Hyperparameter", "Value"),
            caption="The best trial's hyperparameters",
        ),
    ]


def _by_parameter(trials: list[dict[str, Any]]) -> h.Node:
    names = sorted({name for one in trials for name in one.get("TunedHyperParameters", {})})
    charts = []
    for name in names:
        points = []
        for one in trials:
            try:
                points.append((float(one["TunedHyperParameters"][name]), _value(one) or 0.0))
            except (KeyError, ValueError):
                continue
        if len(points) > 1:
            charts.append(h.div[h.h3[name], scatter(points, title=f"The objective by {name}")])
    if not charts:
        return h.p(".muted")["Needs two finished trials with numeric hyperparameters."]
    return h.div(".panels")[charts]


def _trials(visit: Visit, job: dict[str, Any]) -> h.Node:
    answer = visit.desk.call(
        "sagemaker",
        "ListTrainingJobsForHyperParameterTuningJob",
        HyperParameterTuningJobName=job["HyperParameterTuningJobName"],
        MaxResults=25,
        NextToken=visit.query.get("page"),
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Ascending" if _objective(job).get("Type") == "Minimize" else "Descending",
    )
    rows = listed(answer, "TrainingJobSummaries")
    path = url(TUNING.page, job["HyperParameterTuningJobName"])
    return h.section(".panel.list-panel", id="trials", data_live=True)[
        table(
            "Trials, the best first",
            [
                (
                    "Trial",
                    lambda one: h.a(href=url("training-jobs", one["TrainingJobName"]))[
                        one["TrainingJobName"]
                    ],
                ),
                ("Status", lambda one: chip(one["TrainingJobStatus"])),
                (
                    "Objective",
                    lambda one: "–" if _value(one) is None else number(_value(one)),
                ),
                (
                    "Hyperparameters",
                    lambda one: h.span(".mono")[
                        ", ".join(f"{k}={v}" for k, v in one["TunedHyperParameters"].items())
                    ],
                ),
                (
                    "Took",
                    lambda one: took(
                        one.get("TrainingStartTime"), one.get("TrainingEndTime"), visit.now
                    ),
                ),
            ],
            rows,
            numbers=("Objective", "Took"),
        )
        if rows
        else empty("No trial has begun yet."),
        pager(path, visit.query, answer.get("NextToken")),
    ]


def _request(visit: Visit, job: dict[str, Any]) -> h.Node:
    return panel("DescribeHyperParameterTuningJob", json_block(job, label="The job as JSON"))


def _all_trials(visit: Visit, job: dict[str, Any]) -> list[dict[str, Any]]:
    answer = visit.desk.find(
        "sagemaker",
        "ListTrainingJobsForHyperParameterTuningJob",
        HyperParameterTuningJobName=job["HyperParameterTuningJobName"],
        MaxResults=_TRIALS,
        SortBy="CreationTime",
    )
    return listed(answer, "TrainingJobSummaries")


def _value(trial: dict[str, Any]) -> float | None:
    metric = trial.get("FinalHyperParameterTuningJobObjectiveMetric")
    return None if not metric else float(metric["Value"])


ROUTES = (
    page("tuning-jobs/{name}", show),
    action("tuning-jobs/{name}/stop", show, stop(TUNING)),
)
