"""A status as a chip: a sign, a word, a colour; the colour alone says nothing."""

from __future__ import annotations

import htpy as h

from modelyard.console.words import SIGNS, Tone, label_of, tone_of


def chip(status: str, *, tone: Tone | None = None, words: str = "") -> h.Node:
    """Return a chip.

    Args:
        tone: what it means, where the status's own meaning is not it.
        words: what it says, where that is not how the status reads.
    """
    if not status:
        return h.span(".muted")["–"]
    meaning = tone or tone_of(status)
    return h.span(f".chip.{meaning}")[
        h.span(".sign", aria_hidden="true")[SIGNS[meaning]], words or label_of(status)
    ]


def tag(text: str) -> h.Node:
    """Return a small label."""
    return h.span(".tag")[text]
