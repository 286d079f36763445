"""A version of a model: decisions, reports, where it came from, its card, its settings."""

from __future__ import annotations

import json
from typing import Any

import htpy as h

from modelyard.console.pages.versions import (
    REPORTS,
    approval,
    author_of,
    describe,
    reports,
    short,
    version_arn,
)
from modelyard.console.pieces.card_content import card_content
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.forms import choice, field, form, refused
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.moments import ago, stamp
from modelyard.console.pieces.panels import (
    chosen_tab,
    empty,
    facts,
    json_block,
    note,
    panel,
    settings_table,
    tabs,
)
from modelyard.console.pieces.tables import listed, table
from modelyard.console.routes import action, page
from modelyard.console.visits import Done, Page, Visit

_TABS = (
    ("activity", "Activity"),
    *((key, words) for key, (words, _) in REPORTS.items()),
    ("lineage", "Lineage"),
    ("card", "Card"),
    ("settings", "Settings"),
)
_STATUSES = (
    ("Approved", "Approved"),
    ("Rejected", "Rejected"),
    ("PendingManualApproval", "Pending approval"),
)


def show(visit: Visit) -> Page:
    """Return a version's page."""
    group, version = visit.name("group"), visit.name("version")
    package = describe(visit.desk, version_arn(visit))
    tab = chosen_tab(visit.query, _TABS)
    parts = {
        "activity": _activity,
        "lineage": _lineage,
        "card": _card,
        "settings": _settings,
    }
    body = parts[tab](visit, package) if tab in parts else reports(visit, package, tab)
    return Page(
        title=f"{group} version {version}",
        intro=[
            approval(package),
            h.span["registered ", ago(package["CreationTime"], visit.now)],
            h.span[f"by {short(author_of(package))}"],
        ],
        crumbs=[("Models", url("models")), (group, url("models", group))],
        actions=package.get("ModelApprovalStatus") == "PendingManualApproval"
        and h.a(".button", href=url("approvals", group, version))["Review and decide"],
        body=[tabs(url("models", group, version), visit.query, _TABS), body],
    )


def _activity(visit: Visit, package: dict[str, Any]) -> h.Node:
    found = visit.desk.find(
        "modelyard", "DescribeApproval", ModelPackageName=package["ModelPackageArn"]
    )
    return [
        h.div(".panels")[
            panel("What was decided", history(found, package), id="history"),
            panel("Update the status", _status_form(visit, package)),
        ]
    ]


def history(found: dict[str, Any] | None, package: dict[str, Any]) -> h.Node:
    """Return who decided what, and why, the newest first."""
    decisions = listed(found, "Approvals")[::-1]
    return h.ul(".steps")[
        [
            h.li[
                chip(one["To"]),
                f" by {short(one['Person'])}",
                one.get("Stage") and f", stage {one['Stage']}",
                h.div[one.get("Reason", "")],
                h.div(".muted")[stamp(one["At"])],
            ]
            for one in decisions
        ],
        h.li[
            "Registered by ",
            short(author_of(package)),
            h.div(".muted")[stamp(package["CreationTime"])],
        ],
    ]


def _status_form(visit: Visit, package: dict[str, Any]) -> h.Node:
    verdict = visit.desk.verdict(
        "sagemaker",
        "UpdateModelPackage",
        ModelPackageArn=package["ModelPackageArn"],
        ModelApprovalStatus="Approved",
    )
    if not verdict.allowed:
        return refused("Update the status", verdict)
    return form(
        visit,
        url("models", visit.name("group"), visit.name("version"), "status"),
        choice(
            visit,
            "status",
            "Status",
            _STATUSES,
            value=package.get("ModelApprovalStatus", "Approved"),
        ),
        field(visit, "comment", "Comment", lines=3, hint="Stays on record.", required=True),
        h.div[h.button(".primary", type="submit")["Update the status"]],
        label="Update the status of this version",
    )


def set_status(visit: Visit) -> Done:
    """Set the approval of a version, with a comment."""
    status = visit.typed.get("status", "")
    visit.desk.call(
        "sagemaker",
        "UpdateModelPackage",
        ModelPackageArn=version_arn(visit),
        ModelApprovalStatus=status,
        ApprovalDescription=visit.typed.get("comment"),
    )
    notice = {"Approved": "approved", "Rejected": "rejected"}.get(status, "updated")
    return Done(url=url("models", visit.name("group"), visit.name("version")), notice=notice)


def _lineage(visit: Visit, package: dict[str, Any]) -> h.Node:
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    source = package.get("SourceUri")
    return [
        panel(
            "Where it came from",
            h.ul(".steps")[
                [
                    h.li[
                        "Training job ",
                        h.a(href=url("training-jobs", job))[job],
                    ]
                    for job in _training_jobs(visit, containers)
                ],
                source and h.li["Source ", copyable(source)],
                [
                    h.li["Model archive ", copyable(one["ModelDataUrl"])]
                    for one in containers
                    if one.get("ModelDataUrl")
                ],
                h.li[
                    "Registered as ",
                    copyable(package["ModelPackageArn"]),
                    h.div(".muted")[stamp(package["CreationTime"])],
                ],
                [
                    h.li["Served by ", h.a(href=url("endpoints", name))[name]]
                    for name in _endpoints(visit, package)
                ],
            ],
        ),
        panel(
            "How it was made, as it was told",
            settings_table(
                package.get("MetadataProperties", {}),
                names=("Property", "Value"),
                caption="Properties of how the version was made",
            ),
        ),
    ]


def _training_jobs(visit: Visit, containers: list[dict[str, Any]]) -> list[str]:
    found = []
    for one in containers:
        place = one.get("ModelDataUrl", "")
        if not place.endswith("/output/model.tar.gz"):
            continue
        name = place.removesuffix("/output/model.tar.gz").rpartition("/")[2]
        job = visit.desk.find("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
        if job and job.get("ModelArtifacts", {}).get("S3ModelArtifacts") == place:
            found.append(name)
    return found


def _endpoints(visit: Visit, package: dict[str, Any]) -> list[str]:
    """Return the endpoints that serve a version: models of it, configurations of those."""
    arn, names = package["ModelPackageArn"], []
    endpoints = visit.desk.find("sagemaker", "ListEndpoints", MaxResults=50)
    for one in listed(endpoints, "Endpoints"):
        found = visit.desk.find("sagemaker", "DescribeEndpoint", EndpointName=one["EndpointName"])
        config = visit.desk.find(
            "sagemaker",
            "DescribeEndpointConfig",
            EndpointConfigName=(found or {}).get("EndpointConfigName", "-"),
        )
        for variant in listed(config, "ProductionVariants"):
            model = visit.desk.find(
                "sagemaker", "DescribeModel", ModelName=variant.get("ModelName", "-")
            )
            containers = [(model or {}).get("PrimaryContainer") or {}, *listed(model, "Containers")]
            if any(container.get("ModelPackageName") == arn for container in containers):
                names.append(one["EndpointName"])
                break
    return names


def _card(visit: Visit, package: dict[str, Any]) -> h.Node:
    text = package.get("ModelCard", {}).get("ModelCardContent")
    if not text:
        return panel("Card", empty("The version was registered without a model card."))
    try:
        content = json.loads(text)
    except ValueError:
        return note("The card's content is not JSON.", tone="warn")
    return card_content(content)


def _settings(visit: Visit, package: dict[str, Any]) -> h.Node:
    specification = package.get("InferenceSpecification", {})
    return [
        panel(
            "How it is served",
            facts(
                [
                    (
                        "Takes",
                        ", ".join(specification.get("SupportedContentTypes", [])),
                    ),
                    (
                        "Answers",
                        ", ".join(specification.get("SupportedResponseMIMETypes", [])),
                    ),
                    ("Domain", package.get("Domain")),
                    ("Task", package.get("Task")),
                    ("ARN", copyable(package["ModelPackageArn"])),
                ]
            ),
            table(
                "Containers",
                [
                    ("Image", lambda one: copyable(one.get("Image", "–"))),
                    ("Archive", lambda one: copyable(one.get("ModelDataUrl", "–"))),
                ],
                specification.get("Containers", []),
            ),
        ),
        panel(
            "Metadata",
            settings_table(
                package.get("CustomerMetadataProperties", {}),
                names=("Name", "Value"),
                caption="Metadata",
            ),
        ),
        panel("DescribeModelPackage", json_block(package, label="The version as JSON")),
    ]


ROUTES = (
    page("models/{group}/{version}", show),
    action("models/{group}/{version}/status", show, set_status),
)
