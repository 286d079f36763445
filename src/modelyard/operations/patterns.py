"""The service model's regular expressions, which are Java's, as Python's.

Patterns match the whole value, and `\\w`, `\\d` and `\\s` mean ASCII, as on the real service. What
the two dialects write differently, and the models use, is translated:

- `\\p{L}`, `\\p{Alnum}` and their kin become ranges of characters;
- a supplementary character written as two `\\uD800\\uDC00` escapes becomes one;
- a `-` after a class escape (`[\\w-_]`) is a plain hyphen, which Python wants escaped;
- `\\z` is Python's `\\Z`, and a quantifier on `$`, which means nothing, goes away.
"""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache

#: One token: a category of characters, a surrogate pair, an escape, a quantified `$`, a character.
_TOKEN = re.compile(
    r"\\[pP]\{(?P<category>\w+)\}"
    r"|\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\(?P<escaped>.)"
    r"|(?P<end>\$)\{[0-9,]+\}"
    r"|(?P<plain>.)",
    re.DOTALL,
)

#: Patterns that try exponentially many ways to match, and the same ones with a single way. The
#: second's upper bound is out of reach of a text that its shape's greatest length lets through.
_UNAMBIGUOUS = {
    r"[a-z0-9]([-a-z0-9]*[a-z0-9]){0,39}?": r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?",
    r"https://([.\-_a-zA-Z0-9]+/?){3,1016}": r"https://(?:[.\-_a-zA-Z0-9]/?){3,}",
}

_CLASS_ESCAPES = frozenset("wdsWDS")

_POSIX = {
    "ASCII": "\\x00-\\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Lower": "a-z",
    "Upper": "A-Z",
    "Space": "\\x09-\\x0d\\x20",
    "Print": "\\x20-\\x7e",
    "Graph": "\\x21-\\x7e",
    "Punct": re.escape(string.punctuation),
}


@cache
def compiled(java_pattern: str) -> re.Pattern[str]:
    """Return `java_pattern` for use with `fullmatch`.

    Raises:
        re.error: the pattern uses something that is neither translated nor known to Python.
    """
    return re.compile(translated(_UNAMBIGUOUS.get(java_pattern, java_pattern)), re.ASCII)


def translated(java_pattern: str) -> str:
    """Return `java_pattern` in Python's dialect.

    Raises:
        re.error: it names a character class that is not known here.
    """
    out: list[str] = []
    in_class = after_class_escape = False
    for token in _TOKEN.finditer(java_pattern):
        text = token.group()
        is_class_escape = token["category"] is not None or token["escaped"] in _CLASS_ESCAPES
        if token["category"] is not None:
            text = _characters(token["category"], negated=text[1] == "P", in_class=in_class)
        elif token["high"] is not None:
            text = _supplementary(int(token["high"], 16), int(token["low"], 16))
        elif token["escaped"] == "z":
            text = "\\Z"
        elif token["end"] is not None:
            text = "$"
        elif text == "[" and not in_class:
            in_class = True
        elif text == "]" and in_class:
            in_class = False
        elif text == "-" and in_class and after_class_escape:
            text = "\\-"
        after_class_escape = is_class_escape
        out.append(text)
    return "".join(out)


def _supplementary(high: int, low: int) -> str:
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


def _characters(category: str, *, negated: bool, in_class: bool) -> str:
    ranges = _POSIX.get(category) or _category_ranges().get(category)
    if ranges is None or (negated and in_class):
        raise re.error(f"the character class {category!r} is not known here")
    if in_class:
        return ranges
    return f"[{'^' if negated else ''}{ranges}]"


@cache
def _category_ranges() -> dict[str, str]:
    """Return the ranges of each Unicode general category, `Lu`, and each group of them, `L`."""
    runs: dict[str, list[tuple[int, int]]] = {}
    begin, last = 0, unicodedata.category(chr(0))
    for code in range(1, 0x110001):
        current = unicodedata.category(chr(code)) if code < 0x110000 else ""
        if current != last:
            for name in {last, last[0]}:
                runs.setdefault(name, []).append((begin, code - 1))
            begin, last = code, current
    return {
        name: "".join(f"\\U{first:08x}-\\U{final:08x}" for first, final in spans)
        for name, spans in runs.items()
    }


def warm() -> None:
    """Compute the tables behind `\\p{…}` now: it takes a fifth of a second, once."""
    _category_ranges()
