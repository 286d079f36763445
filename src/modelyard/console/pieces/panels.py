"""Panels, lists of facts, tabs, and what stands where there is nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import htpy as h

from modelyard.console.pieces.links import with_query


def panel(
    title: str, *content: h.Node, id: str = "", aside: h.Node = None, wide: bool = False
) -> h.Node:
    """Return a titled part of a page.

    Args:
        id: by which the page looks at it again and replaces it; empty: it stays as it is.
    """
    heading = h.div(".panel-head")[h.h2[title], aside]
    attributes: dict[str, Any] = {"id": id, "data-live": True} if id else {}
    return h.section(attributes, class_=["panel", {"wide": wide}])[heading, content]


def facts(pairs: Iterable[tuple[str, h.Node]]) -> h.Node:
    """Return names and values; what has no value is left out."""
    return h.dl(".facts")[
        [h.div[h.dt[name], h.dd[value]] for name, value in pairs if value not in (None, "")]
    ]


def empty(words: h.Node, *more: h.Node) -> h.Node:
    """Return what stands where there is nothing."""
    return h.div(".empty")[h.p[words], more]


def note(words: h.Node, *, tone: str = "info") -> h.Node:
    """Return a remark in a box; one of tone `bad` is spoken at once."""
    return h.div(f".note.{tone}", role="alert" if tone == "bad" else "note")[words]


def tiles(pairs: Sequence[tuple[str, h.Node, str]]) -> h.Node:
    """Return large numbers, each with its name and a URL (empty: none)."""
    return h.div(".tiles")[
        [
            (h.a(".tile", href=href) if href else h.div(".tile"))[
                h.span(".tile-value")[value], h.span(".tile-name")[name]
            ]
            for name, value, href in pairs
        ]
    ]


def tabs(path: str, query: Mapping[str, str], named: Sequence[tuple[str, str]]) -> h.Node:
    """Return links to the parts of a page; the query's `tab` says which one is open.

    Args:
        named: (key, words); the first is open where the query names none.
    """
    chosen = chosen_tab(query, named)
    return h.nav(".tabs", aria_label="Parts of this page")[
        [
            h.a(
                href=with_query(path, {}, tab=None if key == named[0][0] else key),
                aria_current="page" if key == chosen else None,
            )[words]
            for key, words in named
        ]
    ]


def chosen_tab(query: Mapping[str, str], named: Sequence[tuple[str, str]]) -> str:
    """Return the key of the open tab."""
    wanted = query.get("tab", "")
    return wanted if wanted in {key for key, _ in named} else named[0][0]


def code(text: str, *, label: str) -> h.Node:
    """Return a block of code with a button that copies it."""
    return h.div(".codeblock")[
        h.pre(tabindex="0", role="region", aria_label=label)[h.code[text]],
        h.button(".copy", type="button", data_copy=True, aria_label=f"Copy: {label}")["Copy"],
    ]


def json_block(value: Any, *, label: str) -> h.Node:
    """Return a document, indented."""
    return code(json.dumps(value, indent=2, default=str, ensure_ascii=False), label=label)


def settings_table(values: Mapping[str, Any], *, names: tuple[str, str], caption: str) -> h.Node:
    """Return a small table of names and values, such as hyperparameters."""
    if not values:
        return h.p(".muted")["None."]
    return h.table(".small")[
        h.caption(".unseen")[caption],
        h.thead[h.tr[h.th(scope="col")[names[0]], h.th(scope="col")[names[1]]]],
        h.tbody[
            [
                h.tr[h.th(scope="row")[str(key)], h.td(".mono")[str(value)]]
                for key, value in sorted(values.items())
            ]
        ],
    ]
