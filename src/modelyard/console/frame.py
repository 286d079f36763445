"""The frame around every page: navigation, who is signed in, what was done, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import htpy as h

from modelyard.console import assets
from modelyard.console.navigation import Section
from modelyard.console.pieces.icons import icon
from modelyard.console.pieces.links import url
from modelyard.console.pieces.panels import note
from modelyard.console.visits import Page
from modelyard.console.words import NOTICES


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who is signed in, in words."""

    name: str
    account: str
    acting: str  # the role or the personas
    csrf: str


def framed(
    page: Page,
    visitor: Visitor,
    sections: Sequence[Section],
    *,
    here: str,
    notice: str = "",
    problem: str = "",
) -> str:
    """Return a whole page.

    Args:
        here: the URL that shows it again; empty: nothing does, it answers a form.
        notice: a key of `words.NOTICES`.
    """
    return str(
        _document(
            page.title,
            h.div(".frame")[
                h.a(".skip", href="#content")["Skip to the content"],
                _side(sections, here),
                h.div[
                    _top(visitor),
                    h.main(
                        "#content", data_page=here, data_seconds=str(page.seconds), tabindex="-1"
                    )[
                        _title(page),
                        notice in NOTICES and note(NOTICES[notice], tone="good"),
                        problem and note(problem, tone="bad"),
                        page.body,
                    ],
                ],
            ],
        )
    )


def gate(body: h.Node, *, title: str) -> str:
    """Return a page for who is not signed in."""
    return str(
        _document(
            title,
            h.div(".gate")[h.main("#content")[h.div(".brand")[_logo(), "Modelyard"], body]],
        )
    )


def bounce(here: str) -> str:
    """Return a page that only asks for the same one again, now from this site's own.

    A link on another site is followed without the session's cookie, which is kept to this one.
    """
    return str(
        h.html(lang="en")[
            h.head[
                h.title["Modelyard"], h.meta({"http-equiv": "refresh"}, content=f"0; url={here}")
            ],
            h.body[h.a(href=here)["Go on"]],
        ]
    )


def _document(title: str, body: h.Node) -> h.HTMLElement:
    return h.html(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.title[f"{title} · Modelyard"],
            h.link(rel="icon", href=assets.url_of("icon.svg"), type="image/svg+xml"),
            h.link(rel="stylesheet", href=assets.url_of("console.css")),
            h.script(src=assets.url_of("theme.js")),
            h.script(src=assets.url_of("console.js"), defer=True),
        ],
        h.body[body],
    ]


def _logo() -> h.Node:
    return h.img(src=assets.url_of("icon.svg"), alt="", width="26", height="26")


def _side(sections: Sequence[Section], here: str) -> h.Node:
    path = here.partition("?")[0]
    return h.nav(".side", id="side", aria_label="Pages")[
        h.a(".brand", href=url())[_logo(), "Modelyard"],
        [
            [
                section.title and h.h2[section.title],
                h.ul[
                    [
                        h.li[
                            h.a(
                                href=entry.url,
                                aria_current="page" if _is_in(path, entry.url) else None,
                            )[icon(entry.icon), entry.title]
                        ]
                        for entry in section.entries
                    ]
                ],
            ]
            for section in sections
        ],
    ]


def _is_in(path: str, entry: str) -> bool:
    if entry == url():
        return path == entry
    return path == entry or path.startswith(f"{entry}/")


def _top(visitor: Visitor) -> h.Node:
    return h.header(".top")[
        h.a(".button.icon-button.menu-button", href="#side", aria_label="Menu")[icon("menu")],
        h.form(".find", method="get", action=url("find"), role="search")[
            h.input(
                type="search",
                name="arn",
                placeholder="Go to an ARN or the name of a job, model or endpoint  ( / )",
                aria_label="Go to an ARN or a name",
                maxlength="2048",
            )
        ],
        h.div(".who")[
            h.div(".who-name")[
                h.a(href=url("settings"))[visitor.name],
                h.small[f"{visitor.acting} · {visitor.account}"],
            ],
            h.button(
                ".icon-button",
                type="button",
                data_theme_switch=True,
                aria_label="Light or dark",
                title="Light or dark",
            )[icon("theme")],
            h.form(method="post", action=url("sign-out"))[
                h.input(type="hidden", name="csrf", value=visitor.csrf),
                h.button(".plain", type="submit")["Sign out"],
            ],
        ],
    ]


def _title(page: Page) -> h.Node:
    return [
        page.crumbs
        and h.nav(".crumbs", aria_label="Pages above")[
            [
                [h.a(href=href)[words], h.span(aria_hidden="true")["/"]]
                for words, href in page.crumbs
            ]
        ],
        h.div(".title", id="title", data_live=True)[
            h.div[h.h1[page.title], page.intro and h.div(".intro")[page.intro]],
            page.actions and h.div(".title-actions")[page.actions],
        ],
    ]
