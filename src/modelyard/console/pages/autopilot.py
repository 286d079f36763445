"""An Autopilot job: the leaderboard of its candidates, and the best of them."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import AUTOPILOT
from modelyard.console.pages.job_parts import (
    Part,
    job_page,
    smaller_is_better,
    stop,
)
from modelyard.console.pieces.charts import number
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.logs import log_view
from modelyard.console.pieces.moments import took
from modelyard.console.pieces.panels import (
    empty,
    facts,
    json_block,
    panel,
    tiles,
)
from modelyard.console.pieces.tables import listed, pager, table
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit

_TABS = (
    ("leaderboard", "Leaderboard"),
    ("best", "Best candidate"),
    ("log", "Log"),
    ("request", "As JSON"),
)


def show(visit: Visit) -> Page:
    """Return an Autopilot job's page."""
    parts: dict[str, Part] = {
        "leaderboard": _leaderboard,
        "best": _best,
        "log": _log,
        "request": _request,
    }
    return job_page(
        AUTOPILOT,
        visit,
        _TABS,
        parts,
        beside=lambda job: h.span[job.get("AutoMLJobSecondaryStatus")],
    )


def _leaderboard(visit: Visit, job: dict[str, Any]) -> h.Node:
    resolved = job.get("ResolvedAttributes", {})
    objective = resolved.get("AutoMLJobObjective", {}).get("MetricName", "")
    answer = visit.desk.call(
        "sagemaker",
        "ListCandidatesForAutoMLJob",
        AutoMLJobName=job["AutoMLJobName"],
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Ascending" if smaller_is_better(objective) else "Descending",
        MaxResults=25,
        NextToken=visit.query.get("page"),
    )
    candidates = listed(answer, "Candidates")
    best = job.get("BestCandidate", {}).get("CandidateName")
    return [
        h.div(id="sums", data_live=True)[
            tiles(
                [
                    ("problem", resolved.get("ProblemType", "not known yet"), ""),
                    ("objective", objective or "–", ""),
                    (
                        "best",
                        number(_value(job["BestCandidate"])) if "BestCandidate" in job else "–",
                        "",
                    ),
                ]
            )
        ],
        h.section(".panel.list-panel", id="candidates", data_live=True)[
            table(
                "Candidates, the best first",
                [
                    (
                        "Candidate",
                        lambda one: [
                            one["CandidateName"],
                            one["CandidateName"] == best and [" ", chip("Best", tone=None)],
                        ],
                    ),
                    ("Status", lambda one: chip(one["CandidateStatus"])),
                    (objective or "Objective", lambda one: number(_value(one))),
                    (
                        "Took",
                        lambda one: took(one["CreationTime"], one.get("EndTime"), visit.now),
                    ),
                ],
                candidates,
                numbers=(objective or "Objective", "Took"),
            )
            if candidates
            else empty("No candidate yet: the data is being looked at."),
            pager(url(AUTOPILOT.page, job["AutoMLJobName"]), visit.query, answer.get("NextToken")),
        ],
    ]


def _best(visit: Visit, job: dict[str, Any]) -> h.Node:
    best = job.get("BestCandidate")
    if not best:
        return panel("Best candidate", empty("No candidate has ended yet."))
    properties = best.get("CandidateProperties", {})
    places = {
        **properties.get("CandidateArtifactLocations", {}),
        **job.get("AutoMLJobArtifacts", {}),
    }
    containers = best.get("InferenceContainers", [])
    return [
        panel(
            best["CandidateName"],
            tiles(
                [
                    (one["StandardMetricName"], number(one["Value"]), "")
                    for one in properties.get("CandidateMetrics", [])
                ]
            ),
            id="best",
        ),
        panel(
            "To serve it, and to read on",
            facts(
                [
                    *(
                        (f"Model {i + 1}", copyable(c["ModelDataUrl"]))
                        for i, c in enumerate(containers)
                    ),
                    *((name, copyable(place)) for name, place in places.items()),
                ]
            ),
        ),
    ]


def _log(visit: Visit, job: dict[str, Any]) -> h.Node:
    steps = job.get("BestCandidate", {}).get("CandidateSteps", [])
    if not steps:
        return panel("Log", empty("Nothing has been logged yet."))
    prefix = f"{steps[0]['CandidateStepName']}/"
    return panel(
        "Log", log_view(visit.desk, "/aws/sagemaker/TrainingJobs", prefix, id="lines"), id="log"
    )


def _request(visit: Visit, job: dict[str, Any]) -> h.Node:
    return panel("DescribeAutoMLJob", json_block(job, label="The job as JSON"))


def _value(candidate: dict[str, Any]) -> object:
    return candidate.get("FinalAutoMLJobObjectiveMetric", {}).get("Value", "–")


ROUTES = (
    page("autopilot-jobs/{name}", show),
    action("autopilot-jobs/{name}/stop", show, stop(AUTOPILOT)),
)
