"""What waits for a decision, and the evidence for one version on one page."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.console.pages.models import comparison
from modelyard.console.pages.version import history
from modelyard.console.pages.versions import (
    REPORTS,
    approval,
    author_of,
    describe,
    quality_numbers,
    report_uris,
    reports,
    short,
    version_arn,
)
from modelyard.console.pages.waiting import waiting_deliveries, waiting_versions
from modelyard.console.pieces.forms import field, form, refused
from modelyard.console.pieces.links import url
from modelyard.console.pieces.moments import ago
from modelyard.console.pieces.panels import empty, note, panel
from modelyard.console.pieces.tables import PAGE_SIZE, listed, table
from modelyard.console.routes import action, page
from modelyard.console.visits import Done, Page, Visit
from modelyard.operations.errors import ValidationError


def waiting(visit: Visit) -> Page:
    """Return what waits, in the visitor's account."""
    versions = waiting_versions(visit.desk, PAGE_SIZE)
    deliveries = waiting_deliveries(visit.desk)
    return Page(
        title="Approvals",
        intro="What waits for a person to decide.",
        body=[
            panel(
                "Versions of models",
                table(
                    "Versions that wait",
                    [
                        (
                            "Version",
                            lambda one: h.a(href=url("approvals", one["group"], one["version"]))[
                                f"{one['group']} version {one['version']}"
                            ],
                        ),
                        ("Description", lambda one: one["description"]),
                        ("Registered by", lambda one: short(author_of({"CreatedBy": one["by"]}))),
                        ("Waits since", lambda one: ago(one["at"], visit.now)),
                    ],
                    versions,
                )
                if versions
                else empty("No version waits for a decision."),
                id="versions",
            ),
            panel(
                "Deliveries",
                table(
                    "Deliveries that wait",
                    [
                        (
                            "Delivery",
                            lambda one: h.a(href=url("deliveries", one["pipeline"]))[
                                one["pipeline"]
                            ],
                        ),
                        ("Stage", lambda one: f"{one['stage']}: {one['action']}"),
                        ("Waits since", lambda one: ago(one["at"], visit.now)),
                    ],
                    deliveries,
                )
                if deliveries
                else empty("No delivery waits for a decision."),
                id="deliveries",
            ),
        ],
    )


def review(visit: Visit) -> Page:
    """Return the evidence for one version, and where it is decided."""
    group, version, arn = visit.name("group"), visit.name("version"), version_arn(visit)
    package = describe(visit.desk, arn)
    found = visit.desk.find("modelyard", "DescribeApproval", ModelPackageName=arn)
    live = _live_version(visit, group, version)
    return Page(
        title=f"Review {group} version {version}",
        intro=[
            approval(package),
            h.span["registered ", ago(package["CreationTime"], visit.now)],
            h.span[f"by {short(author_of(package))}"],
            h.a(href=url("models", group, version))["All of the version"],
        ],
        crumbs=[("Approvals", url("approvals"))],
        body=[
            h.div(".panels")[
                panel("Decide", _decision(visit, package, found)),
                panel("By the approval policy", _rule(found), id="rule"),
            ],
            panel("Against the version now approved", _against(visit, package, live)),
            h.div(".panels")[
                panel("What was decided before", history(found, package), id="history"),
                panel("Tests and metadata", _metadata(package)),
            ],
            [reports(visit, package, kind) for kind in REPORTS if report_uris(package, kind)],
            _lacking(package),
        ],
    )


def _decision(visit: Visit, package: dict[str, Any], found: dict[str, Any] | None) -> h.Node:
    status = package.get("ModelApprovalStatus")
    if status != "PendingManualApproval":
        last = listed(found, "Approvals")[-1:]
        who = f" by {short(last[0]['Person'])}: {last[0].get('Reason', '')}" if last else ""
        return note(
            [
                f"It is decided already: {status}{who}. ",
                h.a(href=url("models", visit.name("group"), visit.name("version")))[
                    "Change that on the version's page"
                ],
                ".",
            ]
        )
    members = {"ModelPackageArn": package["ModelPackageArn"]}
    approve = visit.desk.verdict(
        "sagemaker", "UpdateModelPackage", **members, ModelApprovalStatus="Approved"
    )
    if not approve.allowed:
        return refused("Approve or reject", approve)
    return form(
        visit,
        url("approvals", visit.name("group"), visit.name("version"), "decide"),
        h.input(type="hidden", name="seen", value=str(package.get("LastModifiedTime", ""))),
        field(
            visit,
            "reason",
            "Reason",
            lines=4,
            required=True,
            hint="Stays on record with your name.",
        ),
        h.div(".row")[
            h.button(".primary", type="submit", name="decision", value="Approved")["Approve"],
            h.button(".danger", type="submit", name="decision", value="Rejected")["Reject"],
        ],
        label="Decide on this version",
    )


def decide(visit: Visit) -> Done:
    """Approve or reject a version that still waits."""
    decision, reason = visit.typed.get("decision", ""), visit.typed.get("reason", "").strip()
    if decision not in ("Approved", "Rejected"):
        raise ValidationError("choose Approve or Reject")
    if not reason:
        raise ValidationError("give a reason: it stays on record")
    arn = version_arn(visit)
    package = describe(visit.desk, arn)
    if package.get("ModelApprovalStatus") != "PendingManualApproval":
        found = visit.desk.find("modelyard", "DescribeApproval", ModelPackageName=arn)
        last = (listed(found, "Approvals") or [{}])[-1]
        raise ValidationError(
            f"{short(last.get('Person', ''))} was first: {package.get('ModelApprovalStatus')}, "
            f"“{last.get('Reason', '')}”. Your decision was not taken."
        )
    visit.desk.call(
        "sagemaker",
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus=decision,
        ApprovalDescription=reason,
    )
    return Done(
        url=url("approvals", visit.name("group"), visit.name("version")),
        notice="approved" if decision == "Approved" else "rejected",
    )


def _rule(found: dict[str, Any] | None) -> h.Node:
    if found is None:
        return empty("You may not look at the approval policy.")
    rule = found["Rule"]
    who = [*rule["Personas"], *rule["Principals"]]
    missing = listed(found, "Missing")
    return [
        h.p[f"{' or '.join(who) or 'Nobody'} may decide; {rule['RequiredApprovals']} must."],
        h.p[
            "Whoever registered the version may approve it too."
            if rule["AuthorMayApprove"]
            else "Whoever registered the version may not approve it."
        ],
        missing
        and note(["Evidence is missing:", h.ul[[h.li[one] for one in missing]]], tone="warn"),
        not missing
        and h.p[
            "All evidence that the policy asks for is there."
            if rule["Evidence"]
            else "The policy asks for no evidence at this stage."
        ],
        h.p(".muted")[f"From: {found['Origin']}"],
    ]


def _live_version(visit: Visit, group: str, version: str) -> dict[str, Any] | None:
    answer = visit.desk.find(
        "sagemaker",
        "ListModelPackages",
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        MaxResults=2,
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    others = [
        one
        for one in listed(answer, "ModelPackageSummaryList")
        if str(one["ModelPackageVersion"]) != version
    ]
    return describe(visit.desk, others[0]["ModelPackageArn"]) if others else None


def _against(visit: Visit, package: dict[str, Any], live: dict[str, Any] | None) -> h.Node:
    if live is None:
        return empty("No other version of this group is approved.")
    return comparison(
        (f"Version {live['ModelPackageVersion']}, approved", "This version"),
        quality_numbers(visit.desk, live),
        quality_numbers(visit.desk, package),
    )


def _metadata(package: dict[str, Any]) -> h.Node:
    properties = package.get("CustomerMetadataProperties", {})
    if not properties:
        return empty("Nothing was written down, integration tests neither.")
    return h.table(".small")[
        h.caption(".unseen")["Metadata of the version"],
        h.tbody[[h.tr[h.th(scope="row")[name], h.td[value]] for name, value in properties.items()]],
    ]


def _lacking(package: dict[str, Any]) -> h.Node:
    lacking = [words for kind, (words, _) in REPORTS.items() if not report_uris(package, kind)]
    if not package.get("ModelCard", {}).get("ModelCardContent"):
        lacking.append("Model card")
    if not lacking:
        return None
    return panel("Not given", h.p[f"The version came without: {', '.join(lacking)}."])


ROUTES = (
    page("approvals", waiting),
    page("approvals/{group}/{version}", review),
    action("approvals/{group}/{version}/decide", review, decide),
)
