"""The lists of jobs: five kinds, one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import htpy as h

from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.links import url
from modelyard.console.pieces.moments import ago, took
from modelyard.console.pieces.panels import empty
from modelyard.console.pieces.tables import (
    PAGE_SIZE,
    Filter,
    filters,
    listed,
    options_of,
    pager,
    table,
)
from modelyard.console.routes import Route, page
from modelyard.console.visits import Page, Visit
from modelyard.console.words import label_of

#: While something on a page is under way.
BUSY_SECONDS = 4
_BUSY = frozenset({"InProgress", "Stopping", "Creating", "Updating", "Deleting"})


@dataclass(frozen=True, kw_only=True)
class JobList:
    """What one kind's list is made of, by the names of its operation."""

    title: str
    intro: str
    page: str  # the first part of the URL
    noun: str
    operation: str
    member: str  # of the answer
    prefix: str  # of the members of one job: TrainingJobName, TrainingJobStatus
    ended: str  # the member with the time of its end
    statuses: Sequence[str] = ("InProgress", "Completed", "Failed", "Stopping", "Stopped")


TRAINING = JobList(
    title="Training jobs",
    intro="Each fits one model to data, and leaves a model archive and its metrics.",
    page="training-jobs",
    noun="training job",
    operation="ListTrainingJobs",
    member="TrainingJobSummaries",
    prefix="TrainingJob",
    ended="TrainingEndTime",
)
TUNING = JobList(
    title="Tuning jobs",
    intro="Each searches for the hyperparameters that do best, trial by trial.",
    page="tuning-jobs",
    noun="tuning job",
    operation="ListHyperParameterTuningJobs",
    member="HyperParameterTuningJobSummaries",
    prefix="HyperParameterTuningJob",
    ended="HyperParameterTuningEndTime",
)
AUTOPILOT = JobList(
    title="Autopilot jobs",
    intro="Each tries features, algorithms and hyperparameters on a table, and ranks them.",
    page="autopilot-jobs",
    noun="Autopilot job",
    operation="ListAutoMLJobs",
    member="AutoMLJobSummaries",
    prefix="AutoMLJob",
    ended="EndTime",
)
PROCESSING = JobList(
    title="Processing jobs",
    intro="Each runs a program over data: features, evaluations, baselines, bias and SHAP reports.",
    page="processing-jobs",
    noun="processing job",
    operation="ListProcessingJobs",
    member="ProcessingJobSummaries",
    prefix="ProcessingJob",
    ended="ProcessingEndTime",
)
TRANSFORM = JobList(
    title="Batch transform jobs",
    intro="Each sends a whole data set through a model, without an endpoint.",
    page="transform-jobs",
    noun="transform job",
    operation="ListTransformJobs",
    member="TransformJobSummaries",
    prefix="TransformJob",
    ended="TransformEndTime",
)
LISTS = (TRAINING, TUNING, AUTOPILOT, PROCESSING, TRANSFORM)


def show(kind: JobList, visit: Visit) -> Page:
    """Return the page of one kind's list."""
    query = visit.query
    answer = visit.desk.call(
        "sagemaker",
        kind.operation,
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        NameContains=query.get("name"),
        StatusEquals=query.get("status"),
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    jobs = listed(answer, kind.member)
    path = url(kind.page)
    is_filtered = bool(query.get("name") or query.get("status"))
    return Page(
        title=kind.title,
        intro=kind.intro,
        seconds=BUSY_SECONDS if any(is_busy(job[f"{kind.prefix}Status"]) for job in jobs) else 0,
        body=[
            filters(
                path,
                query,
                [
                    Filter(name="name", label="Name contains"),
                    Filter(
                        name="status",
                        label="Status",
                        options=options_of(*kind.statuses, label=label_of),
                    ),
                ],
            ),
            h.section(".panel.list-panel", id="list", data_live=True)[
                job_table(kind, jobs, visit) if jobs else nothing(kind.noun, is_filtered),
                pager(path, query, answer.get("NextToken")),
            ],
        ],
    )


def nothing(noun: str, is_filtered: bool) -> h.Node:
    """Return what a list without rows says."""
    if is_filtered:
        return empty(f"No {noun} fits the filter.")
    return empty(
        f"There is no {noun} in this account yet. ",
        h.a(href=url())["How to start one"],
    )


def job_table(kind: JobList, jobs: Sequence[Mapping[str, Any]], visit: Visit) -> h.Node:
    """Return jobs as a table."""
    name, status = f"{kind.prefix}Name", f"{kind.prefix}Status"
    return table(
        kind.title,
        [
            ("Name", lambda job: h.a(href=url(kind.page, job[name]))[job[name]]),
            ("Status", lambda job: chip(job[status])),
            ("Created", lambda job: ago(job.get("CreationTime"), visit.now)),
            (
                "Took",
                lambda job: took(job.get("CreationTime"), end_of(kind, job), visit.now),
            ),
        ],
        jobs,
        numbers=("Took",),
    )


def is_busy(status: str) -> bool:
    """Return whether something with this status will have another one by itself."""
    return status in _BUSY


def end_of(kind: JobList, job: Mapping[str, Any]) -> Any:
    """Return when a job ended, as well as is known; None: it goes on."""
    if is_busy(job[f"{kind.prefix}Status"]):
        return None
    return job.get(kind.ended) or job.get("LastModifiedTime")


ROUTES: tuple[Route, ...] = tuple(page(kind.page, partial(show, kind)) for kind in LISTS)
