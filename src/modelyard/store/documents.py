"""What may be stored: the same on SQLite and PostgreSQL, or refused by both.

SQLite would take a text with a NUL, one of any length, and NaN in JSON; PostgreSQL takes none of
them. So what a laptop's database accepted could not move to a server.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from modelyard.store.errors import Unstorable

MAX_DEPTH = 100  # lists and mappings inside each other


def check(texts: Mapping[str, tuple[str, int]], documents: Mapping[str, object]) -> None:
    """Look at all that is to be written.

    Args:
        texts: by the name to call it in a message: the text, and how many bytes of UTF-8 it may be.
        documents: by name; what is to be kept as JSON.

    Raises:
        Unstorable: with all problems.
    """
    problems = [
        problem for name, (text, most) in texts.items() for problem in _text(name, text, most)
    ]
    for name, document in documents.items():
        # To look is quick; to say what is wrong, and where, is not.
        problems += [] if _is_plain(document, 0) else _document(name, document, 0)
    if problems:
        raise Unstorable("cannot be stored: " + "; ".join(problems))


def storable(*texts: str | None) -> bool:
    """Tell whether a text could be in the database at all; nothing is found by one that cannot."""
    return all(text is None or not list(_text("", text, None)) for text in texts)


def _text(name: str, text: object, most: int | None) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"{name} is {text!r}, not a text"
        return
    if "\0" in text:
        yield f"{name} holds a NUL character"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        yield f"{name} holds half of a surrogate pair"
        return
    if most is not None and size > most:
        yield f"{name} is {size} bytes long, and at most {most} are kept"


def _is_plain(value: object, depth: int) -> bool:
    """Return whether a document is of nothing but what nearly all are: nothing is wrong with it."""
    kind = type(value)
    if kind is str or value is None or kind is bool or kind is int:
        return True
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    if depth == MAX_DEPTH:
        return False
    if kind is dict:
        return all(
            type(key) is str and _is_plain(item, depth + 1)
            for key, item in value.items()  # type: ignore[attr-defined]
        )
    return kind is list and all(_is_plain(item, depth + 1) for item in value)  # type: ignore[attr-defined]


def _document(path: str, value: object, depth: int) -> Iterator[str]:
    match value:
        case None | bool() | int() | str():
            return
        case float():
            if not math.isfinite(value):
                yield f"{path} is {value}, which JSON cannot say: leave it out, or say it as a text"
        case Mapping() | list() | tuple() if depth == MAX_DEPTH:
            yield f"{path[:80]}… is nested more than {MAX_DEPTH} deep"
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    yield f"{path} has the key {key!r}, which is not a text"
                yield from _document(f"{path}.{key}", item, depth + 1)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _document(f"{path}[{index}]", item, depth + 1)
        case _:
            yield f"{path} is of type {type(value).__name__}, which JSON does not have"
