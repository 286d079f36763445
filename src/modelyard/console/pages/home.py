"""The first page: what needs you, what is under way, how to start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import BUSY_SECONDS, LISTS
from modelyard.console.pages.waiting import waiting_deliveries, waiting_versions
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.links import url
from modelyard.console.pieces.moments import ago
from modelyard.console.pieces.panels import code, empty, panel, tiles
from modelyard.console.pieces.tables import listed, table
from modelyard.console.routes import page
from modelyard.console.visits import Page, Visit

_FEW = 8
_RECENT = timedelta(days=7)


def show(visit: Visit) -> Page:
    """Return the first page."""
    versions, deliveries = waiting_versions(visit.desk, _FEW), waiting_deliveries(visit.desk)
    failures, running = _jobs(visit, "Failed"), _jobs(visit, "InProgress")
    violations = _violations(visit)
    endpoints = listed(
        visit.desk.find("sagemaker", "ListEndpoints", StatusEquals="InService", MaxResults=100),
        "Endpoints",
    )
    needs = [*_waits(visit, versions, deliveries), *violations, *failures]
    return Page(
        title="Home",
        seconds=BUSY_SECONDS if running else 0,
        body=[
            h.div(id="tiles", data_live=True)[
                tiles(
                    [
                        (
                            "wait for a decision",
                            str(len(versions) + len(deliveries)),
                            url("approvals"),
                        ),
                        ("jobs under way", str(len(running)), url("training-jobs")),
                        (
                            "failures in 7 days",
                            str(len(failures)),
                            url("training-jobs", status="Failed"),
                        ),
                        ("monitors found violations", str(len(violations)), url("monitors")),
                        ("endpoints in service", str(len(endpoints)), url("endpoints")),
                    ]
                )
            ],
            h.div(".panels")[
                panel(
                    "Needs you",
                    _rows("What needs you", needs, visit)
                    if needs
                    else empty("Nothing. Decisions, violations and failures appear here."),
                    id="needs",
                ),
                panel(
                    "Under way",
                    _rows("What is under way", running, visit)
                    if running
                    else empty("Nothing runs at the moment."),
                    id="running",
                ),
            ],
            panel("How to start", _starts(), wide=True),
        ],
    )


def _rows(caption: str, rows: list[dict[str, Any]], visit: Visit) -> h.Node:
    return table(
        caption,
        [
            ("What", lambda row: [h.a(href=row["url"])[row["name"]], h.div(".muted")[row["kind"]]]),
            ("State", lambda row: chip(row["status"])),
            ("When", lambda row: ago(row["at"], visit.now)),
        ],
        rows[:_FEW],
    )


def _waits(
    visit: Visit, versions: list[dict[str, Any]], deliveries: list[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    rows = [
        {
            "name": f"{one['group']} version {one['version']}",
            "kind": "model version",
            "status": "PendingManualApproval",
            "at": one["at"],
            "url": url("approvals", one["group"], one["version"]),
        }
        for one in versions
    ]
    rows += [
        {
            "name": f"{one['pipeline']}: {one['stage']}",
            "kind": "delivery",
            "status": "PendingManualApproval",
            "at": one["at"],
            "url": url("deliveries", one["pipeline"]),
        }
        for one in deliveries
    ]
    return rows


def _jobs(visit: Visit, status: str) -> list[dict[str, Any]]:
    found = []
    for kind in LISTS:
        answer = visit.desk.find(
            "sagemaker",
            kind.operation,
            StatusEquals=status,
            MaxResults=_FEW,
            CreationTimeAfter=visit.now - _RECENT,
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        found += [
            {
                "name": job[f"{kind.prefix}Name"],
                "kind": kind.noun,
                "status": job[f"{kind.prefix}Status"],
                "at": job.get("LastModifiedTime") or job["CreationTime"],
                "url": url(kind.page, job[f"{kind.prefix}Name"]),
            }
            for job in listed(answer, kind.member)
        ]
    return sorted(found, key=lambda row: row["at"], reverse=True)


def _violations(visit: Visit) -> list[dict[str, Any]]:
    answer = visit.desk.find(
        "sagemaker",
        "ListMonitoringExecutions",
        StatusEquals="CompletedWithViolations",
        CreationTimeAfter=visit.now - _RECENT,
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=20,
    )
    newest: dict[str, dict[str, Any]] = {}
    for one in listed(answer, "MonitoringExecutionSummaries"):
        name = one["MonitoringScheduleName"]
        newest.setdefault(
            name,
            {
                "name": name,
                "kind": "monitor",
                "status": one["MonitoringExecutionStatus"],
                "at": one.get("LastModifiedTime") or one["CreationTime"],
                "url": url("monitors", name),
            },
        )
    return list(newest.values())


def _starts() -> h.Node:
    return [
        h.details(open=index == 0)[
            h.summary[h.strong[title]], h.p(".muted")[words], code(text, label=title)
        ]
        for index, (title, words, text) in enumerate(_STARTS)
    ]


_STARTS = (
    (
        "Data scientist: train a first model",
        "In a shell where modelyard env was evaluated. The data is CSV, the target first.",
        """import boto3, os
bucket = os.environ["MODELYARD_ASSETS_BUCKET"]
boto3.client("s3").upload_file("train.csv", bucket, "data/train.csv")
boto3.client("sagemaker").create_training_job(
    TrainingJobName="first",
    AlgorithmSpecification={
        "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        "TrainingInputMode": "File",
    },
    RoleArn="arn:aws:iam::123456789012:role/modelyard-execution",
    HyperParameters={"objective": "binary:logistic", "eval_metric": "auc", "num_round": "50"},
    InputDataConfig=[{
        "ChannelName": "train", "ContentType": "text/csv",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
                                        "S3Uri": f"s3://{bucket}/data/train.csv"}},
    }],
    OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    StoppingCondition={"MaxRuntimeInSeconds": 3600},
)""",
    ),
    (
        "ML engineer: provision a pipeline that serves it",
        "One request makes the model, its endpoint and the way there.",
        """modelyard provision - --wait <<'JSON'
{
  "pipeline_type": "byom_realtime_builtin",
  "model_name": "first",
  "model_artifact_location": "models/first/output/model.tar.gz",
  "model_framework": "xgboost",
  "model_framework_version": "1",
  "inference_instance": "ml.m5.large",
  "data_capture_location": "modelyard-assets-123456789012/captured"
}
JSON""",
    ),
    (
        "Governance officer: decide on a version",
        "Or on the page Approvals, with the evidence beside it.",
        """modelyard models list
modelyard approve <pipeline> --reason "metrics and bias report reviewed" """.rstrip(),
    ),
    (
        "Auditor: who did what, and is the trail whole",
        "Or on the page Audit trail.",
        "modelyard audit verify",
    ),
)


ROUTES = (page("", show),)
