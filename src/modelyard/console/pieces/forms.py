"""Forms: each carries its session's proof, and keeps what was typed when something is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from modelyard.console.desk import Verdict
from modelyard.console.visits import Visit


def form(visit: Visit, action: str, *content: h.Node, label: str, row: bool = False) -> h.Node:
    """Return a form that does something.

    Args:
        action: the URL that carries it out.
        label: what it does, for a screen reader.
    """
    return h.form(method="post", action=action, aria_label=label, class_="row" if row else "stack")[
        h.input(type="hidden", name="csrf", value=visit.csrf), content
    ]


def act(
    visit: Visit,
    action: str,
    words: str,
    verdict: Verdict,
    *,
    hidden: dict[str, str] | None = None,
    tone: str = "",
    confirm: str = "",
) -> h.Node:
    """Return a button that does something at once; where it may not, why not and who may."""
    if not verdict.allowed:
        return refused(words, verdict)
    return form(
        visit,
        action,
        [h.input(type="hidden", name=name, value=value) for name, value in (hidden or {}).items()],
        h.button(type="submit", class_=tone or None, data_confirm=confirm or None)[words],
        label=words,
        row=True,
    )


def refused(words: str, verdict: Verdict) -> h.Node:
    """Return what stands in the place of a button that the policy forbids."""
    return h.details(".refused")[
        h.summary[h.span(aria_hidden="true")["⊘ "], words, h.span(".muted")[" – not for you"]],
        h.p[verdict.reason],
    ]


def field(
    visit: Visit,
    name: str,
    label: str,
    *,
    value: str = "",
    hint: str = "",
    lines: int = 1,
    required: bool = False,
    longest: int = 1024,
    kind: str = "text",
) -> h.Node:
    """Return a field with its label; what was typed before stands in it again."""
    shown = visit.typed.get(name, value)
    described = f"{name}-hint" if hint else None
    attributes = {"name": name, "maxlength": str(longest), "aria-describedby": described}
    control: h.Node = (
        h.textarea(attributes, rows=str(lines), required=required)[shown]
        if lines > 1
        else h.input(attributes, type=kind, value=shown, required=required)
    )
    return h.label(".field")[h.span[label], control, hint and h.small(id=described)[hint]]


def choice(
    visit: Visit,
    name: str,
    label: str,
    options: Sequence[tuple[str, str]],
    *,
    value: str = "",
) -> h.Node:
    """Return a list to choose one of."""
    chosen = visit.typed.get(name, value)
    return h.label(".field")[
        h.span[label],
        h.select(name=name)[
            [h.option(value=key, selected=key == chosen)[words] for key, words in options]
        ],
    ]
