"""Filter patterns of log events: words that must, may or must not be in a message.

`ERROR` and `"disk full"` must be there, of all `?a ?b` at least one, `-debug` must not. Upper and
lower case differ. Patterns for JSON (`{ $.level = … }`) and for columns (`[a, b]`) are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))\s*')


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a message matches; the empty pattern matches all.

    Raises:
        ValueError: the pattern is of a kind that is not offered.
    """
    text = pattern.strip()
    if text.startswith(("{", "[", "%")):
        raise ValueError(
            f"filterPattern {pattern!r} is not offered: use words and quoted phrases, `-word` for "
            "what must not be there, `?word` for what may"
        )
    wanted: dict[str, list[str]] = {"": [], "?": [], "-": []}
    for sign, phrase, word in _TERM.findall(text):
        wanted[sign].append(re.sub(r"\\(.)", r"\1", phrase) if phrase else word)
    must, may, must_not = wanted[""], wanted["?"], wanted["-"]

    def matches(message: str) -> bool:
        return (
            all(word in message for word in must)
            and (not may or any(word in message for word in may))
            and not any(word in message for word in must_not)
        )

    return matches
