"""The registry: groups of versions, and two versions side by side."""

from __future__ import annotations

from typing import Any

import htpy as h

from modelyard.arns import sagemaker_arn
from modelyard.console.pages.job_lists import nothing
from modelyard.console.pages.job_parts import smaller_is_better
from modelyard.console.pages.versions import approval, author_of, describe, quality_numbers, short
from modelyard.console.pieces.charts import number
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.moments import ago, stamp
from modelyard.console.pieces.panels import empty, facts, panel
from modelyard.console.pieces.tables import (
    PAGE_SIZE,
    Filter,
    filters,
    listed,
    options_of,
    pager,
    table,
)
from modelyard.console.routes import page
from modelyard.console.visits import Page, Visit
from modelyard.console.words import label_of

_STATUSES = ("PendingManualApproval", "Approved", "Rejected")


def groups(visit: Visit) -> Page:
    """Return the list of groups."""
    query, path = visit.query, url("models")
    answer = visit.desk.call(
        "sagemaker",
        "ListModelPackageGroups",
        NameContains=query.get("name"),
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    rows = listed(answer, "ModelPackageGroupSummaryList")
    newest = {row["ModelPackageGroupName"]: _newest(visit, row) for row in rows}
    return Page(
        title="Models",
        intro="Groups of versions: what was registered, what was decided, what is live.",
        body=[
            filters(path, query, [Filter(name="name", label="Name contains")]),
            h.section(".panel.list-panel", id="list", data_live=True)[
                table(
                    "Model groups",
                    [
                        (
                            "Group",
                            lambda row: [
                                h.a(href=url("models", row["ModelPackageGroupName"]))[
                                    row["ModelPackageGroupName"]
                                ],
                                h.div(".muted")[row.get("ModelPackageGroupDescription", "")],
                            ],
                        ),
                        (
                            "Newest version",
                            lambda row: _version_link(newest[row["ModelPackageGroupName"]]),
                        ),
                        (
                            "Its approval",
                            lambda row: approval(newest[row["ModelPackageGroupName"]] or {}),
                        ),
                        ("Created", lambda row: ago(row["CreationTime"], visit.now)),
                    ],
                    rows,
                )
                if rows
                else nothing("model group", bool(query.get("name"))),
                pager(path, query, answer.get("NextToken")),
            ],
        ],
    )


def _newest(visit: Visit, group: dict[str, Any]) -> dict[str, Any] | None:
    answer = visit.desk.find(
        "sagemaker",
        "ListModelPackages",
        ModelPackageGroupName=group["ModelPackageGroupName"],
        MaxResults=1,
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    found = listed(answer, "ModelPackageSummaryList")
    return found[0] if found else None


def _version_link(version: dict[str, Any] | None) -> h.Node:
    if version is None:
        return h.span(".muted")["none"]
    number_ = version["ModelPackageVersion"]
    return h.a(href=url("models", version["ModelPackageGroupName"], number_))[f"Version {number_}"]


def versions(visit: Visit) -> Page:
    """Return a group with its versions."""
    group, query = visit.name("group"), visit.query
    found = visit.desk.call("sagemaker", "DescribeModelPackageGroup", ModelPackageGroupName=group)
    answer = visit.desk.call(
        "sagemaker",
        "ListModelPackages",
        ModelPackageGroupName=group,
        ModelApprovalStatus=query.get("approval"),
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    rows, path = listed(answer, "ModelPackageSummaryList"), url("models", group)
    return Page(
        title=group,
        intro=found.get("ModelPackageGroupDescription"),
        crumbs=[("Models", url("models"))],
        body=[
            filters(
                path,
                query,
                [
                    Filter(
                        name="approval",
                        label="Approval",
                        options=options_of(*_STATUSES, label=label_of),
                    )
                ],
            ),
            h.section(".panel.list-panel", id="list", data_live=True)[
                table(
                    "Versions",
                    [
                        ("Version", _version_link),
                        ("Approval", approval),
                        ("Description", lambda row: row.get("ModelPackageDescription", "")),
                        ("Registered", lambda row: ago(row["CreationTime"], visit.now)),
                    ],
                    rows,
                )
                if rows
                else empty("No version is registered that fits."),
                pager(path, query, answer.get("NextToken")),
            ],
            len(rows) > 1 and panel("Two versions side by side", _choose(group, rows)),
            panel(
                "The group",
                facts(
                    [
                        ("Created", stamp(found["CreationTime"])),
                        ("By", short(author_of(found))),
                        ("ARN", copyable(found["ModelPackageGroupArn"])),
                    ]
                ),
            ),
        ],
    )


def _choose(group: str, rows: list[dict[str, Any]]) -> h.Node:
    numbers = [str(row["ModelPackageVersion"]) for row in rows]

    def choice(name: str, label: str, chosen: str) -> h.Node:
        return h.label(".field")[
            h.span[label],
            h.select(name=name)[
                [h.option(value=one, selected=one == chosen)[f"Version {one}"] for one in numbers]
            ],
        ]

    return h.form(".row", method="get", action=url("model-comparison", group))[
        choice("left", "This", numbers[1]),
        choice("right", "beside this", numbers[0]),
        h.button(type="submit")["Compare"],
    ]


def compare(visit: Visit) -> Page:
    """Return two versions of a group side by side."""
    group, context = visit.name("group"), visit.desk.context
    sides = []
    for side in ("left", "right"):
        version = visit.query.get(side, "1")
        arn = sagemaker_arn(
            account=context.account,
            region=context.region,
            kind="model-package",
            name=f"{group}/{version}",
        )
        sides.append((version, describe(visit.desk, arn)))
    numbers = [quality_numbers(visit.desk, package) for _, package in sides]
    heads = [f"Version {version}" for version, _ in sides]
    names = list(dict.fromkeys([*numbers[0], *numbers[1]]))
    return Page(
        title=f"{heads[0]} and {heads[1].lower()}",
        crumbs=[("Models", url("models")), (group, url("models", group))],
        body=[
            panel(
                "What is said of them",
                h.table(".both")[
                    h.caption(".unseen")["Both versions"],
                    h.thead[
                        h.tr[
                            h.td,
                            [
                                h.th(scope="col")[h.a(href=url("models", group, version))[head]]
                                for head, (version, _) in zip(heads, sides, strict=True)
                            ],
                        ]
                    ],
                    h.tbody[
                        [
                            h.tr[
                                h.th(scope="row")[name],
                                [h.td[show(package)] for _, package in sides],
                            ]
                            for name, show in _said(visit)
                        ]
                    ],
                ],
            ),
            panel(
                "Model quality",
                _numbers_beside(heads, names, numbers[0], numbers[1])
                if names
                else empty("Neither was registered with statistics of model quality."),
            ),
        ],
    )


def _said(visit: Visit) -> list[tuple[str, Any]]:
    return [
        ("Approval", approval),
        ("Description", lambda package: package.get("ModelPackageDescription", "–")),
        ("Registered", lambda package: ago(package["CreationTime"], visit.now)),
        ("By", lambda package: short(author_of(package))),
        (
            "Image",
            lambda package: [
                h.div(".mono")[one.get("Image", "–")]
                for one in package.get("InferenceSpecification", {}).get("Containers", [])
            ],
        ),
    ]


def _numbers_beside(
    heads: list[str], names: list[str], left: dict[str, float], right: dict[str, float]
) -> h.Node:
    def difference(name: str) -> h.Node:
        if name not in left or name not in right:
            return "–"
        change = right[name] - left[name]
        if change == 0:
            return "same"
        better = (change < 0) == smaller_is_better(name)
        return h.span(class_="better" if better else "worse")[
            f"{'+' if change > 0 else '−'}{number(abs(change))} ", "better" if better else "worse"
        ]

    return table(
        "Model quality of both versions",
        [
            ("Metric", lambda name: name.replace("_", " ")),
            (heads[0], lambda name: number(left.get(name, "–"))),
            (heads[1], lambda name: number(right.get(name, "–"))),
            ("Difference", difference),
        ],
        names,
        numbers=(*heads, "Difference"),
    )


def comparison(heads: tuple[str, str], left: dict[str, float], right: dict[str, float]) -> h.Node:
    """Return the numbers of two versions beside each other."""
    names = list(dict.fromkeys([*left, *right]))
    if not names:
        return empty("There are no statistics of model quality to compare.")
    return _numbers_beside(list(heads), names, left, right)


ROUTES = (
    page("models", groups),
    page("models/{group}", versions),
    page("model-comparison/{group}", compare),
)
