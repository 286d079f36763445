"""Model cards: read, edit, set their status, print."""

from __future__ import annotations

import json
from typing import Any

import htpy as h

from modelyard import clock
from modelyard.console.pages.job_lists import nothing
from modelyard.console.pages.versions import author_of, short
from modelyard.console.pieces.card_content import card_content
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.forms import act, choice, field, form, refused
from modelyard.console.pieces.links import url
from modelyard.console.pieces.moments import ago
from modelyard.console.pieces.panels import chosen_tab, empty, note, panel, tabs
from modelyard.console.pieces.tables import (
    PAGE_SIZE,
    Filter,
    filters,
    listed,
    options_of,
    pager,
    table,
)
from modelyard.console.routes import action, page
from modelyard.console.visits import Done, Download, Page, Visit
from modelyard.console.words import label_of
from modelyard.operations.errors import ResourceNotFound, ValidationError

_TABS = (("card", "Card"), ("edit", "Edit"), ("versions", "Versions"), ("paper", "On paper"))
_STATUSES = ("Draft", "PendingReview", "Approved", "Archived")


def cards(visit: Visit) -> Page:
    """Return the list of cards."""
    query, path = visit.query, url("cards")
    answer = visit.desk.call(
        "sagemaker",
        "ListModelCards",
        NameContains=query.get("name"),
        ModelCardStatus=query.get("status"),
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    rows = listed(answer, "ModelCardSummaries")
    return Page(
        title="Model cards",
        intro="What each model is for, how it was made, how it was evaluated, what it must not do.",
        body=[
            filters(
                path,
                query,
                [
                    Filter(name="name", label="Name contains"),
                    Filter(
                        name="status",
                        label="Status",
                        options=options_of(*_STATUSES, label=label_of),
                    ),
                ],
            ),
            h.section(".panel.list-panel", id="list", data_live=True)[
                table(
                    "Model cards",
                    [
                        (
                            "Card",
                            lambda row: h.a(href=url("cards", row["ModelCardName"]))[
                                row["ModelCardName"]
                            ],
                        ),
                        ("Status", lambda row: chip(row["ModelCardStatus"])),
                        ("Created", lambda row: ago(row["CreationTime"], visit.now)),
                        ("Changed", lambda row: ago(row["LastModifiedTime"], visit.now)),
                    ],
                    rows,
                )
                if rows
                else nothing("model card", bool(query.get("name") or query.get("status"))),
                pager(path, query, answer.get("NextToken")),
            ],
        ],
    )


def show(visit: Visit) -> Page:
    """Return one card."""
    name, number = visit.name("name"), visit.query.get("version", "")
    card = visit.desk.call(
        "sagemaker",
        "DescribeModelCard",
        ModelCardName=name,
        ModelCardVersion=int(number) if number.isdecimal() and len(number) < 7 else None,
    )
    parts = {"card": _card, "edit": _edit, "versions": _versions, "paper": _paper}
    return Page(
        title=name,
        intro=[
            chip(card["ModelCardStatus"]),
            h.span[f"version {card['ModelCardVersion']}"],
            h.span["changed ", ago(card.get("LastModifiedTime"), visit.now)],
            h.span[f"by {short(author_of({'CreatedBy': card.get('LastModifiedBy') or {}}))}"],
        ],
        crumbs=[("Model cards", url("cards"))],
        body=[
            tabs(url("cards", name), visit.query, _TABS),
            parts[chosen_tab(visit.query, _TABS)](visit, card),
        ],
    )


def _content(card: dict[str, Any]) -> Any:
    try:
        return json.loads(card.get("Content") or "{}")
    except ValueError:
        return {}


def _card(visit: Visit, card: dict[str, Any]) -> h.Node:
    return card_content(_content(card))


def _edit(visit: Visit, card: dict[str, Any]) -> h.Node:
    name = card["ModelCardName"]
    verdict = visit.desk.verdict("sagemaker", "UpdateModelCard", ModelCardName=name)
    if not verdict.allowed:
        return panel("Edit", refused("Change this card", verdict))
    text = json.dumps(_content(card), indent=2, ensure_ascii=False)
    return h.div(".panels")[
        panel(
            "Content",
            form(
                visit,
                url("cards", name, "content"),
                h.input(type="hidden", name="tab", value="edit"),
                field(
                    visit,
                    "content",
                    "The card's content, as JSON",
                    value=text,
                    lines=28,
                    longest=200_000,
                    hint="By the schema of model cards; what breaks it is named.",
                ),
                h.div[h.button(".primary", type="submit")["Save as a new version"]],
                label="Change the card's content",
            ),
            wide=True,
        ),
        panel(
            "Status",
            form(
                visit,
                url("cards", name, "status"),
                h.input(type="hidden", name="tab", value="edit"),
                choice(
                    visit,
                    "status",
                    "Status",
                    [(one, label_of(one)) for one in _STATUSES],
                    value=card["ModelCardStatus"],
                ),
                h.div[h.button(type="submit")["Set the status"]],
                label="Set the card's status",
            ),
        ),
    ]


def save(visit: Visit) -> Done:
    """Save a card's content as a new version."""
    name, text = visit.name("name"), visit.typed.get("content", "")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValidationError(f"the content is not JSON: {error}") from error
    visit.desk.call(
        "sagemaker", "UpdateModelCard", ModelCardName=name, Content=json.dumps(document)
    )
    return Done(url=url("cards", name), notice="saved")


def set_status(visit: Visit) -> Done:
    """Set a card's status."""
    name = visit.name("name")
    visit.desk.call(
        "sagemaker",
        "UpdateModelCard",
        ModelCardName=name,
        ModelCardStatus=visit.typed.get("status"),
    )
    return Done(url=url("cards", name), notice="updated")


def _versions(visit: Visit, card: dict[str, Any]) -> h.Node:
    name = card["ModelCardName"]
    answer = visit.desk.call(
        "sagemaker",
        "ListModelCardVersions",
        ModelCardName=name,
        MaxResults=PAGE_SIZE,
        NextToken=visit.query.get("page"),
        SortOrder="Descending",
    )
    return h.section(".panel.list-panel", id="versions", data_live=True)[
        table(
            "Versions of the card",
            [
                (
                    "Version",
                    lambda row: h.a(href=url("cards", name, version=row["ModelCardVersion"]))[
                        f"Version {row['ModelCardVersion']}"
                    ],
                ),
                ("Status", lambda row: chip(row["ModelCardStatus"])),
                ("Made", lambda row: ago(row["CreationTime"], visit.now)),
            ],
            listed(answer, "ModelCardVersionSummaryList"),
        ),
        pager(url("cards", name), visit.query, answer.get("NextToken")),
    ]


def _paper(visit: Visit, card: dict[str, Any]) -> h.Node:
    name = card["ModelCardName"]
    jobs = listed(
        visit.desk.find(
            "sagemaker",
            "ListModelCardExportJobs",
            ModelCardName=name,
            MaxResults=20,
            SortBy="CreationTime",
            SortOrder="Descending",
        ),
        "ModelCardExportJobSummaries",
    )
    return panel(
        "On paper",
        act(
            visit,
            url("cards", name, "export"),
            "Print the newest version",
            visit.desk.verdict("sagemaker", "CreateModelCardExportJob", ModelCardName=name),
        ),
        table(
            "Printed cards",
            [
                ("Job", lambda row: row["ModelCardExportJobName"]),
                ("Status", lambda row: chip(row["Status"])),
                ("Version", lambda row: row["ModelCardVersion"]),
                ("When", lambda row: ago(row["CreatedAt"], visit.now)),
                (
                    "File",
                    lambda row: (
                        row["Status"] == "Completed"
                        and h.a(href=url("cards", name, "exports", row["ModelCardExportJobName"]))[
                            "PDF"
                        ]
                    ),
                ),
            ],
            jobs,
        )
        if jobs
        else empty("It was not printed yet."),
        note("The file lies in the account's assets bucket too."),
        id="paper",
    )


def export(visit: Visit) -> Done:
    """Have the newest version printed."""
    name, account = visit.name("name"), visit.desk.context.account
    bucket = visit.desk.call("modelyard", "DescribeAccount", Account=account)["AssetsBucket"]
    visit.desk.call(
        "sagemaker",
        "CreateModelCardExportJob",
        ModelCardName=name,
        ModelCardExportJobName=f"console-{clock.now():%Y%m%d-%H%M%S}",
        OutputConfig={"S3OutputPath": f"s3://{bucket}/model_card_exports"},
    )
    return Done(url=url("cards", name, tab="paper"), notice="exporting")


def file(visit: Visit) -> Download:
    """Return a printed card."""
    name, job = visit.name("name"), visit.name("job")
    jobs = visit.desk.call("sagemaker", "ListModelCardExportJobs", ModelCardName=name)
    arn = next(
        (
            one["ModelCardExportJobArn"]
            for one in listed(jobs, "ModelCardExportJobSummaries")
            if one["ModelCardExportJobName"] == job
        ),
        None,
    )
    if arn is None:
        raise ResourceNotFound(f"there is no export job {job} of the card {name}")
    found = visit.desk.call("sagemaker", "DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    uri = found.get("ExportArtifacts", {}).get("S3ExportArtifacts", "")
    content = visit.desk.read(uri)
    if content is None:
        raise ResourceNotFound(f"{uri} is not there, or not for you to read")
    return Download(name=f"{name}.pdf", body=content, media_type="application/pdf")


ROUTES = (
    page("cards", cards),
    page("cards/{name}", show),
    page("cards/{name}/exports/{job}", file),
    action("cards/{name}/content", show, save),
    action("cards/{name}/status", show, set_status),
    action("cards/{name}/export", show, export),
)
