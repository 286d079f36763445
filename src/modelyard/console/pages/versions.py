"""What is known of a version of a model: found once, shown by several pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import htpy as h

from modelyard.arns import sagemaker_arn
from modelyard.console.desk import Desk
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.links import copyable
from modelyard.console.pieces.metric_groups import metric_group
from modelyard.console.pieces.panels import empty, json_block, panel
from modelyard.console.visits import Visit
from modelyard.governance.cards.drafting.reports import groups_of

#: (tab, words, where in ModelMetrics)
REPORTS: Mapping[str, tuple[str, Sequence[tuple[str, str]]]] = {
    "quality": (
        "Model quality",
        (("ModelQuality", "Statistics"), ("ModelQuality", "Constraints")),
    ),
    "explainability": ("Explainability", (("Explainability", "Report"),)),
    "bias": (
        "Bias report",
        (("Bias", "Report"), ("Bias", "PreTrainingReport"), ("Bias", "PostTrainingReport")),
    ),
}


def version_arn(visit: Visit) -> str:
    """Return the ARN of the version that the URL names, in the visitor's account."""
    context = visit.desk.context
    return sagemaker_arn(
        account=context.account,
        region=context.region,
        kind="model-package",
        name=f"{visit.name('group')}/{visit.name('version')}",
    )


def describe(desk: Desk, arn: str) -> dict[str, Any]:
    """Return a version's description.

    Raises:
        OperationError: there is none, or it is not for the visitor.
    """
    return desk.call("sagemaker", "DescribeModelPackage", ModelPackageName=arn)


def report_uris(package: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    """Return the reports of one kind that a version was registered with: (name, URI)."""
    metrics = package.get("ModelMetrics", {})
    found = []
    for group, member in REPORTS[kind][1]:
        uri = metrics.get(group, {}).get(member, {}).get("S3Uri")
        if uri:
            found.append((member, str(uri)))
    return found


def read_report(desk: Desk, uri: str) -> list[dict[str, Any]] | None:
    """Return a report's groups of metrics; None where it cannot be read.

    A report is one object, or a folder with `analysis.json` in it.
    """
    for place in (uri, f"{uri.rstrip('/')}/analysis.json"):
        content = desk.read(place)
        if content is None:
            continue
        try:
            return groups_of(content)
        except ValueError:
            return None
    return None


def reports(visit: Visit, package: Mapping[str, Any], kind: str) -> h.Node:
    """Return all reports of one kind, in panels."""
    found = report_uris(package, kind)
    if not found:
        return panel(
            REPORTS[kind][0],
            empty(
                f"The version was registered without one: ModelMetrics.{REPORTS[kind][1][0][0]}."
            ),
        )
    return [_report(visit.desk, name, uri) for name, uri in found]


def _report(desk: Desk, name: str, uri: str) -> h.Node:
    groups = read_report(desk, uri)
    if groups is not None:
        content: h.Node = [metric_group(group) for group in groups]
    else:
        plain = desk.read_json(uri)
        content = (
            json_block(plain, label=name)
            if plain is not None
            else empty("It is not there, or not for you to read.")
        )
    return panel(name, h.p(".muted")[copyable(uri)], content)


def quality_numbers(desk: Desk, package: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a version's model quality, by their names."""
    numbers: dict[str, float] = {}
    for _, uri in report_uris(package, "quality")[:1]:
        for group in read_report(desk, uri) or []:
            for metric in group.get("metric_data", []):
                if metric.get("type") == "number" and "standard_deviation" not in metric["name"]:
                    numbers[metric["name"]] = float(metric["value"])
    return numbers


def author_of(package: Mapping[str, Any]) -> str:
    """Return the ARN of who registered a version."""
    identity = package.get("CreatedBy", {}).get("IamIdentity", {})
    return str(identity.get("SourceIdentity") or identity.get("Arn") or "")


def short(arn: str) -> str:
    """Return the last part of a principal's ARN."""
    return arn.rpartition("/")[2].rpartition(":")[2] or "–"


def approval(package: Mapping[str, Any]) -> h.Node:
    """Return a version's approval, and the stage that it is in."""
    cycle = package.get("ModelLifeCycle") or {}
    return [
        chip(package.get("ModelApprovalStatus", "")),
        cycle and h.span(".tag")[f"{cycle.get('Stage', '')} · {cycle.get('StageStatus', '')}"],
    ]
