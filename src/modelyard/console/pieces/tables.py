"""Lists: tables that are cards on narrow screens, filters in the URL, pages of the server's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import htpy as h

from modelyard.console.pieces.links import with_query

_Row = TypeVar("_Row")
PAGE_SIZE = 25


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One field above a list; its value is a part of the URL."""

    name: str  # in the query
    label: str
    options: Sequence[tuple[str, str]] = ()  # (value, words); none: a text is typed


def table(
    caption: str,
    columns: Sequence[tuple[str, Callable[[_Row], h.Node]]],
    rows: Sequence[_Row],
    *,
    numbers: Sequence[str] = (),
) -> h.Node:
    """Return a table.

    Args:
        caption: said by a screen reader, not shown.
        columns: (heading, what a row shows there); the first names the row.
        numbers: headings of columns that are aligned to the right.
    """

    def cell(index: int, heading: str, value: h.Node) -> h.Node:
        kind = "number" if heading in numbers else None
        if index == 0:
            return h.th(scope="row", class_=kind)[value]
        return h.td(data_label=heading, class_=kind)[value]

    return h.div(".table-frame")[
        h.table(".list")[
            h.caption(".unseen")[caption],
            h.thead[
                h.tr[
                    [
                        h.th(scope="col", class_="number" if heading in numbers else None)[
                            heading or h.span(".unseen")["Actions"]
                        ]
                        for heading, _ in columns
                    ]
                ]
            ],
            h.tbody[
                [
                    h.tr[
                        [
                            cell(index, heading, shown(row))
                            for index, (heading, shown) in enumerate(columns)
                        ]
                    ]
                    for row in rows
                ]
            ],
        ]
    ]


def filters(path: str, query: Mapping[str, str], fields: Sequence[Filter]) -> h.Node:
    """Return the fields above a list; a choice goes at once, a text with the Enter key."""
    is_set = any(query.get(field.name) for field in fields)
    return h.form(".filters", method="get", action=path, role="search")[
        [_field(field, query.get(field.name, "")) for field in fields],
        h.button(type="submit")["Filter"],
        is_set and h.a(".button.plain", href=path)["Clear"],
    ]


def _field(field: Filter, value: str) -> h.Node:
    if not field.options:
        return h.label[
            h.span[field.label],
            h.input(type="search", name=field.name, value=value, maxlength="200"),
        ]
    return h.label[
        h.span[field.label],
        h.select(name=field.name, data_submit=True)[
            h.option(value="")["Any"],
            [h.option(value=key, selected=key == value)[words] for key, words in field.options],
        ],
    ]


def pager(path: str, query: Mapping[str, str], next_token: str | None) -> h.Node:
    """Return the links to the first page and to the next one."""
    here = query.get("page", "")
    if not here and not next_token:
        return None
    return h.nav(".pager", aria_label="Pages of the list")[
        here and h.a(".button.plain", href=with_query(path, query, page=None))["First page"],
        next_token
        and h.a(".button.plain", rel="next", href=with_query(path, query, page=next_token))[
            "Next page"
        ],
    ]


def options_of(*values: str, label: Callable[[str], str] = str) -> Sequence[tuple[str, str]]:
    """Return the options of a filter whose values are statuses, say."""
    return [(value, label(value)) for value in values]


def listed(answer: Mapping[str, Any] | None, member: str) -> list[Any]:
    """Return a list in an operation's answer; none where there was no answer."""
    return list((answer or {}).get(member) or ())
