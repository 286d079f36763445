"""Every violation of a shape in one walk, worded as AWS words it.

A path names a member with a small first letter, an item of a list by its number from one, and an
entry of a map by its key: `inputDataConfig.1.member.channelName`, `environment.KEY.member`.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from modelyard.operations import patterns
from modelyard.operations.scalars import NotOfType, parsed

MAX_PROBLEMS = 100  # in one report; it says when there are more
MAX_SHOWN_CHARACTERS = 100  # of a value
MAX_ENUM_LISTED = 40  # of larger sets, the nearest are named
MAX_DEPTH = 64  # of nested members; the deepest input of any operation is far shallower


#: JSON in a text, whose pattern (`.*`) would refuse it as an editor lays it out, over lines.
_DOCUMENTS = frozenset({"ModelCardContent"})


def violations(shape: StructureShape | None, request: object) -> list[str]:
    """Return a sentence for each rule of `shape` that `request` breaks; empty if it fits.

    Args:
        shape: an operation's input; None where it takes no members.
        request: from a wire or in process, so of any type.
    """
    if shape is None:
        if not request:
            return []
        return ["This operation takes no members"]
    # Looking for more than are told would let a hostile request cost what it likes.
    found = list(itertools.islice(_check(shape, request, ""), MAX_PROBLEMS + 1))
    if len(found) > MAX_PROBLEMS:
        found[-1] = "and there are more"
    return found


def _check(shape: Shape, value: Any, path: str, depth: int = 0) -> Iterator[str]:
    if value is None:
        yield f"Value null at '{path}' failed to satisfy constraint: Member must not be null"
    elif depth > MAX_DEPTH:
        yield f"Value at '{_shortened(path)}' is nested more than {MAX_DEPTH} levels deep"
    elif isinstance(shape, StructureShape):
        yield from _check_structure(shape, value, path, depth)
    elif isinstance(shape, ListShape):
        yield from _check_list(shape, value, path, depth)
    elif isinstance(shape, MapShape):
        yield from _check_map(shape, value, path, depth)
    else:
        yield from _check_scalar(shape, value, path)


def _check_structure(shape: StructureShape, value: Any, path: str, depth: int) -> Iterator[str]:
    if shape.is_document_type:
        return
    if not isinstance(value, Mapping):
        yield _failed(shape, value, path, "Member must be a structure")
        return
    given = {name: member for name, member in value.items() if member is not None}
    for name in given:
        if name not in shape.members:
            yield _unknown(shape, str(name), path)
    for name in shape.required_members:
        if name not in given:
            yield from _check(shape.members[name], None, _joined(path, name))
    if shape.is_tagged_union and len(given) != 1:
        rule = f"Member must have exactly one of [{', '.join(shape.members)}]"
        yield _failed(shape, value, path, rule)
    for name, member in shape.members.items():
        if name in given:
            yield from _check(member, given[name], _joined(path, name), depth + 1)


def _check_list(shape: ListShape, value: Any, path: str, depth: int) -> Iterator[str]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        yield _failed(shape, value, path, "Member must be a list")
        return
    yield from (_failed(shape, value, path, rule) for rule in _size_rules(shape, len(value)))
    for number, item in enumerate(value, start=1):
        yield from _check(shape.member, item, f"{path}.{number}.member", depth + 1)


def _check_map(shape: MapShape, value: Any, path: str, depth: int) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield _failed(shape, value, path, "Member must be a map")
        return
    yield from (_failed(shape, value, path, rule) for rule in _size_rules(shape, len(value)))
    for key, item in value.items():
        broken = list(_broken_rules(shape.key, key))
        if broken:
            rule = f"Map keys must satisfy constraint: [{', '.join(broken)}]"
            yield _failed(shape.key, key, path, rule)
        entry = f"{path}.{_shortened(str(key))}.member"
        yield from _check(shape.value, item, entry, depth + 1)


def _check_scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    yield from (_failed(shape, value, path, rule) for rule in _broken_rules(shape, value))


def _broken_rules(shape: Shape, value: Any) -> Iterator[str]:
    try:
        typed = parsed(shape.type_name, value)
    except NotOfType as error:
        yield str(error)
        return
    if isinstance(typed, str | bytes):
        too_long = False
        for rule in _size_rules(shape, len(typed)):
            too_long = too_long or "less than" in rule
            yield rule
        # A pattern is not tried on a text that is too long: some take very long themselves.
        if isinstance(typed, str) and not too_long:
            yield from _text_rules(shape, typed)
    elif isinstance(typed, int | float) and not isinstance(typed, bool):
        yield from _range_rules(shape, typed)


def _size_rules(shape: Shape, size: int) -> Iterator[str]:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if highest is not None and size > highest:
        yield f"Member must have length less than or equal to {highest}"
    if lowest is not None and size < lowest:
        yield f"Member must have length greater than or equal to {lowest}"


def _range_rules(shape: Shape, number: float) -> Iterator[str]:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if highest is not None and number > highest:
        yield f"Member must have value less than or equal to {highest}"
    if lowest is not None and number < lowest:
        yield f"Member must have value greater than or equal to {lowest}"


def _text_rules(shape: Shape, text: str) -> Iterator[str]:
    pattern = None if shape.name in _DOCUMENTS else shape.metadata.get("pattern")
    if pattern is not None and patterns.compiled(pattern).fullmatch(text) is None:
        yield f"Member must satisfy regular expression pattern: {pattern}"
    allowed = shape.metadata.get("enum")
    if allowed is not None and text not in allowed:
        yield _enum_rule(text, allowed)


def _enum_rule(text: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(text[:MAX_SHOWN_CHARACTERS], allowed, n=3)
    if len(allowed) <= MAX_ENUM_LISTED:
        listed = ", ".join(allowed)
    else:
        shown = near or allowed[:3]
        listed = f"{', '.join(shown)}, and {len(allowed) - len(shown)} more"
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"Member must satisfy enum value set: [{listed}]{hint}"


def _unknown(shape: StructureShape, name: str, path: str) -> str:
    where = f" of '{path}'" if path else ""
    return f"{_shortened(name)!r} is not a member{where}{_meant(shape, name)}"


def _meant(shape: StructureShape, name: str) -> str:
    for owner, member in shape.members.items():
        if isinstance(member, StructureShape) and name in member.members:
            return f"; it is one of {owner!r}"
    by_small = {member.lower(): member for member in shape.members}
    near = difflib.get_close_matches(name[:MAX_SHOWN_CHARACTERS].lower(), by_small, n=1, cutoff=0.7)
    return f"; did you mean {by_small[near[0]]!r}?" if near else ""


def _failed(shape: Shape, value: Any, path: str, rule: str) -> str:
    shown = "Value" if shape.metadata.get("sensitive") else f"Value {_shown(value)}"
    at = f" at '{path}'" if path else ""
    return f"{shown}{at} failed to satisfy constraint: {rule}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple | bytes):
        # What is in it may be secret, and is long.
        return f"of length {len(value)}"
    return f"'{_shortened(value if isinstance(value, str) else json.dumps(value, default=str))}'"


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


def _joined(path: str, name: str) -> str:
    small = name[:1].lower() + name[1:]
    return f"{path}.{small}" if path else small
