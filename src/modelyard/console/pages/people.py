"""Accounts and people: who there is, what they are here for, who may do what and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import htpy as h

from modelyard.console.pieces.chips import chip, tag
from modelyard.console.pieces.forms import field, form, refused
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.moments import ago
from modelyard.console.pieces.panels import (
    chosen_tab,
    code,
    empty,
    facts,
    note,
    panel,
    tabs,
)
from modelyard.console.pieces.tables import listed, pager, table
from modelyard.console.routes import action, page
from modelyard.console.visits import Done, Page, Visit
from modelyard.console.words import PERSONAS
from modelyard.operations.errors import ValidationError

_TABS = (("people", "People"), ("accounts", "Accounts"), ("may", "Who may do what"))
_PERSONAS = tuple(name for name in PERSONAS if name != "pipeline-role")


def show(visit: Visit, made: h.Node = None) -> Page:
    """Return the page.

    Args:
        made: the keys of a person who was just added; they are shown this once.
    """
    parts = {"people": _people, "accounts": _accounts, "may": _may}
    return Page(
        title="Accounts and people",
        intro="Who there is in this account, and what policies say of them.",
        body=[
            made,
            tabs(url("people"), visit.query, _TABS),
            parts[chosen_tab(visit.query, _TABS)](visit),
        ],
    )


def _people(visit: Visit) -> h.Node:
    answer = visit.desk.ask("modelyard", "ListPeople", MaxItems=50, Marker=visit.query.get("page"))
    rows = listed(answer, "People")
    return [
        h.section(".panel.list-panel")[
            table(
                "People",
                [
                    ("Name", lambda one: one["UserName"]),
                    ("Personas", lambda one: _personas(visit, one)),
                    ("Added", lambda one: ago(one.get("CreationTime"), visit.now)),
                ],
                rows,
            )
            if rows
            else empty(
                "You may not look at people." if answer is None else "There is nobody but the root."
            ),
            pager(url("people"), visit.query, (answer or {}).get("Marker")),
        ],
        panel("Add a person", _add_form(visit)),
    ]


def _personas(visit: Visit, person: dict[str, Any]) -> h.Node:
    tags = [tag(name) for name in person["Personas"]] or h.span(".muted")["none"]
    if not visit.desk.may("modelyard", "SetPersonas", UserName=person["UserName"]):
        return tags
    return [
        tags,
        h.details[
            h.summary["Change"],
            form(
                visit,
                url("people", person["UserName"], "personas"),
                _boxes(person["Personas"]),
                h.div[h.button(type="submit")["Set the personas"]],
                label=f"Personas of {person['UserName']}",
            ),
        ],
    ]


def _boxes(chosen: list[str]) -> h.Node:
    return h.fieldset[
        h.legend["Personas"],
        [
            h.label(".check")[
                h.input(type="checkbox", name="personas", value=name, checked=name in chosen),
                h.span[name, " ", h.span(".muted")[PERSONAS[name]]],
            ]
            for name in _PERSONAS
        ],
    ]


def _add_form(visit: Visit) -> h.Node:
    verdict = visit.desk.verdict("modelyard", "CreatePerson", UserName="new-person")
    if not verdict.allowed:
        return refused("Add a person", verdict)
    return form(
        visit,
        url("people", "add"),
        field(visit, "name", "Name", required=True, longest=64),
        _boxes(visit.typed.get("personas", "").split("\n")),
        h.div[h.button(".primary", type="submit")["Add and show the keys"]],
        label="Add a person",
    )


def add(visit: Visit) -> Page:
    """Add a person, and show the keys once."""
    made = visit.desk.call(
        "modelyard",
        "CreatePerson",
        UserName=visit.typed.get("name", "").strip(),
        Personas=_chosen(visit),
    )
    shown = panel(
        f"The keys of {made['UserName']}",
        note("They are shown this once. Hand them over in a safe way.", tone="warn"),
        facts(
            [
                ("Access key id", copyable(made["AccessKeyId"])),
                ("Secret access key", copyable(made["SecretAccessKey"])),
                ("Token", copyable(made["BearerToken"])),
            ]
        ),
    )
    return show(replace(visit, query={}, typed={}), shown)


def set_personas(visit: Visit) -> Done:
    """Set what a person is here for."""
    visit.desk.call(
        "modelyard", "SetPersonas", UserName=visit.name("name"), Personas=_chosen(visit)
    )
    return Done(url=url("people"), notice="personas-set")


def _chosen(visit: Visit) -> list[str]:
    found = [name for name in visit.typed.get("personas", "").split("\n") if name]
    if not found:
        raise ValidationError("choose at least one persona")
    return found


def _accounts(visit: Visit) -> h.Node:
    answer = visit.desk.call(
        "modelyard", "ListAccounts", MaxItems=50, Marker=visit.query.get("page")
    )
    return h.section(".panel.list-panel")[
        table(
            "Accounts",
            [
                ("Name", lambda one: one["Name"]),
                ("Id", lambda one: h.code[one["Id"]]),
                ("Stage", lambda one: one.get("Stage", "–")),
                ("Provider", lambda one: one.get("Provider", "–")),
                ("Region", lambda one: one.get("Region", "–")),
                ("Assets", lambda one: h.code[one.get("AssetsBucket", "–")]),
                (
                    "Here",
                    lambda one: (
                        one["Id"] == visit.desk.context.account
                        and chip("Active", words="you are here")
                    ),
                ),
            ],
            listed(answer, "Accounts"),
        ),
        pager(url("people"), visit.query, answer.get("Marker")),
    ]


def _may(visit: Visit) -> h.Node:
    query = visit.query
    asked = query.get("action", "").strip()
    return [
        panel(
            "Ask the policies",
            h.form(".stack", method="get", action=url("people"))[
                h.input(type="hidden", name="tab", value="may"),
                h.label(".field")[
                    h.span["Who: a persona, or the ARN of a person or role; empty: you"],
                    h.input(type="text", name="principal", value=query.get("principal", "")),
                ],
                h.label(".field")[
                    h.span["May do"],
                    h.input(
                        type="text",
                        name="action",
                        value=asked,
                        placeholder="sagemaker:CreateEndpoint",
                        required=True,
                    ),
                ],
                h.label(".field")[
                    h.span["On, an ARN; empty: anything of this account"],
                    h.input(type="text", name="resource", value=query.get("resource", "")),
                ],
                h.div[h.button(".primary", type="submit")["Ask"]],
            ],
        ),
        asked and _answer(visit, asked),
    ]


def _answer(visit: Visit, asked: str) -> h.Node:
    found = visit.desk.call(
        "modelyard",
        "Authorize",
        Principal=_principal(visit.query.get("principal", "").strip()),
        Action=asked,
        Resource=visit.query.get("resource", "").strip(),
    )
    return panel(
        "Yes" if found["Allowed"] else "No",
        h.p[chip("Allowed" if found["Allowed"] else "Denied"), " ", found["Reason"]],
        facts(
            [
                ("Who", found["Principal"]),
                ("Personas", ", ".join(found.get("Personas", []))),
                ("On", found["Resource"]),
                ("Roles that may", ", ".join(found.get("RolesThatMay", []))),
            ]
        ),
        [
            [h.h3[f"{one['Effect']}: {one['Id']}"], code(one["Text"], label=f"Policy {one['Id']}")]
            for one in found.get("Policies", [])
        ],
    )


def _principal(text: str) -> str:
    """Return how the operation names a persona, or what was typed."""
    return f"persona:{text}" if text in PERSONAS else text


ROUTES = (
    page("people", show),
    action("people/add", show, add),
    action("people/{name}/personas", show, set_personas),
)
